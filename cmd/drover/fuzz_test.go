package main

import (
	"slices"
	"testing"
)

func FuzzFeatureGates(f *testing.F) {
	f.Add("NodeRepair=true, SpotToSpotConsolidation=false")
	f.Add("=true")
	f.Fuzz(func(t *testing.T, text string) {
		on, err := parseFeatureGates(text)
		for gate := range on {
			if err == nil && !slices.Contains(knownGates(), gate) {
				t.Fatalf("%q sets %q", text, gate)
			}
		}
	})
}
