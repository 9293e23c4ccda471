package instancetype

import (
	"strings"
	"testing"
)

func FuzzEvictionThreshold(f *testing.F) {
	for _, text := range []string{"5%", "100%", "100Mi", "-1%", "NaN%", "-1Gi", "1e30"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if kept := threshold(text, 8*gibibyte, 100*mebibyte); kept < 0 {
			t.Fatalf("%q keeps %d bytes free", text, kept)
		}
	})
}

func FuzzQuantities(f *testing.F) {
	f.Add("cpu", "100m")
	f.Add("memory", "1Ei")
	f.Fuzz(func(t *testing.T, name, text string) {
		amounts, err := quantities("kubeReserved", map[string]string{name: text})
		if err == nil && len(amounts) != 1 {
			t.Fatalf("%s %s is %v", name, text, amounts)
		}
		if err != nil && !strings.Contains(err.Error(), "kubeReserved") {
			t.Fatalf("%v does not name the field", err)
		}
	})
}
