// Package requirements finds the instance types that fit a group's or fleet's
// InstanceRequirements: attributes in place of names.
package requirements

import (
	"cmp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/internal/catalog"
)

// Market is what there is to choose from, and for how much.
type Market struct {
	Types []catalog.Type
	Spot  bool
	// USD is the price of a type per hour in this market, OnDemandUSD its
	// on-demand price.
	USD, OnDemandUSD func(catalog.Type) float64
}

// Match are the types that fit, within the limits on price, the cheapest first.
func Match(r types.InstanceRequirements, m Market) []string {
	var fitting []catalog.Type
	for _, t := range m.Types {
		if Fits(r, t) {
			fitting = append(fitting, t)
		}
	}
	fitting = slices.DeleteFunc(fitting, m.tooDear(r, fitting))
	slices.SortFunc(fitting, func(a, b catalog.Type) int {
		return cmp.Or(cmp.Compare(m.USD(a), m.USD(b)), strings.Compare(a.Name, b.Name))
	})
	var names []string
	for _, t := range fitting {
		names = append(names, t.Name)
	}
	return names
}

// Percentages above the reference price that are allowed without other wishes,
// and from which on there is no limit.
const (
	onDemandPercent = 20
	spotPercent     = 100
	noLimit         = 999999
)

// tooDear tells the types that the limits on price exclude. Prices are compared
// with the reference: the cheapest fitting type of the current generation of the
// families C, M and R; of others only when there is none.
func (m Market) tooDear(r types.InstanceRequirements, fitting []catalog.Type) func(catalog.Type) bool {
	reference, found := m.reference(fitting)
	if !found {
		return func(catalog.Type) bool { return false }
	}
	base, percent := m.USD(reference), 100+number(r.OnDemandMaxPricePercentageOverLowestPrice, onDemandPercent)
	if m.Spot {
		percent = 100 + number(r.SpotMaxPricePercentageOverLowestPrice, spotPercent)
		if r.MaxSpotPriceAsPercentageOfOptimalOnDemandPrice != nil {
			base, percent = m.OnDemandUSD(reference), float64(*r.MaxSpotPriceAsPercentageOfOptimalOnDemandPrice)
		}
	}
	if percent >= noLimit {
		return func(catalog.Type) bool { return false }
	}
	const rounding = 1e-9
	return func(t catalog.Type) bool { return m.USD(t) > base*percent/100+rounding }
}

func (m Market) reference(fitting []catalog.Type) (catalog.Type, bool) {
	rank := func(t catalog.Type) int {
		switch {
		case t.CurrentGeneration() && slices.Contains([]string{"c", "m", "r"}, letters(t.Family())):
			return 0
		case t.CurrentGeneration():
			return 1
		}
		return 2
	}
	if len(fitting) == 0 {
		return catalog.Type{}, false
	}
	return slices.MinFunc(fitting, func(a, b catalog.Type) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(m.USD(a), m.USD(b)), strings.Compare(a.Name, b.Name))
	}), true
}

// letters is what a family begins with before its generation: m for m5ad.
func letters(family string) string {
	return strings.TrimRight(family[:firstDigit(family)], "-")
}

func firstDigit(s string) int {
	if i := strings.IndexAny(s, "0123456789"); i >= 0 {
		return i
	}
	return len(s)
}

func number(p *int32, otherwise float64) float64 {
	if p == nil {
		return otherwise
	}
	return float64(*p)
}

// within reports whether a value lies between two bounds, each nil for none.
func within[N int32 | float64](value float64, least, most *N) bool {
	return (least == nil || value >= float64(*least)) && (most == nil || value <= float64(*most))
}

// names reports whether a name fits one of the patterns, in which * is anything.
func names(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, name) })
}

func matches(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	if !strings.HasPrefix(name, parts[0]) {
		return false
	}
	rest := name[len(parts[0]):]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(rest, part)
		if at < 0 {
			return false
		}
		rest = rest[at+len(part):]
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}
