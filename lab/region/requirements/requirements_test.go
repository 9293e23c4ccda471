package requirements

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/internal/catalog"
)

const region = "us-west-2"

func market(t *testing.T) Market {
	t.Helper()
	c, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	usd := func(one catalog.Type) float64 {
		price, _ := c.Price(region, one.Name)
		return price
	}
	return Market{Types: c.Offered(region), USD: usd, OnDemandUSD: usd}
}

// sized asks for two vCPUs and 8 GiB.
func sized(change ...func(*types.InstanceRequirements)) types.InstanceRequirements {
	r := types.InstanceRequirements{
		VCpuCount: &types.VCpuCountRequest{Min: aws.Int32(2), Max: aws.Int32(2)},
		MemoryMiB: &types.MemoryMiBRequest{Min: aws.Int32(8192), Max: aws.Int32(8192)},
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

func TestMatchByAttribute(t *testing.T) {
	unlimited := func(r *types.InstanceRequirements) { r.OnDemandMaxPricePercentageOverLowestPrice = aws.Int32(999999) }
	for name, c := range map[string]struct {
		wanted   types.InstanceRequirements
		has, not []string
	}{
		"no burstable without asking": {sized(unlimited), []string{"m5.large", "m5a.large", "m6g.large"}, []string{"t3.large", "c5.large", "m5.xlarge"}},
		"burstable only":              {sized(unlimited, func(r *types.InstanceRequirements) { r.BurstablePerformance = "required" }), []string{"t3.large", "t4g.large"}, []string{"m5.large"}},
		"AMD":                         {sized(unlimited, func(r *types.InstanceRequirements) { r.CpuManufacturers = []types.CpuManufacturer{"amd"} }), []string{"m5a.large"}, []string{"m5.large", "m6g.large"}},
		"Graviton": {sized(unlimited, func(r *types.InstanceRequirements) {
			r.CpuManufacturers = []types.CpuManufacturer{"amazon-web-services"}
		}), []string{"m6g.large"}, []string{"m5.large"}},
		"excluded by pattern": {sized(unlimited, func(r *types.InstanceRequirements) { r.ExcludedInstanceTypes = []string{"m5*", "*6g.large"} }), []string{"m4.large"}, []string{"m5.large", "m5a.large", "m6g.large"}},
		"allowed by pattern":  {sized(unlimited, func(r *types.InstanceRequirements) { r.AllowedInstanceTypes = []string{"m5*.large"} }), []string{"m5.large", "m5d.large"}, []string{"m6g.large"}},
		"memory per vCPU": {types.InstanceRequirements{
			VCpuCount: &types.VCpuCountRequest{Min: aws.Int32(2), Max: aws.Int32(4)}, MemoryMiB: &types.MemoryMiBRequest{Min: aws.Int32(0)},
			MemoryGiBPerVCpu: &types.MemoryGiBPerVCpuRequest{Min: aws.Float64(8), Max: aws.Float64(8)}, OnDemandMaxPricePercentageOverLowestPrice: aws.Int32(999999),
		}, []string{"r5.large", "r5.xlarge"}, []string{"m5.large", "c5.large"}},
		"GPUs": {types.InstanceRequirements{
			VCpuCount: &types.VCpuCountRequest{Min: aws.Int32(4)}, MemoryMiB: &types.MemoryMiBRequest{Min: aws.Int32(0)},
			AcceleratorManufacturers: []types.AcceleratorManufacturer{"nvidia"}, AcceleratorCount: &types.AcceleratorCountRequest{Min: aws.Int32(1), Max: aws.Int32(1)},
			OnDemandMaxPricePercentageOverLowestPrice: aws.Int32(999999),
		}, []string{"g5.xlarge", "g4dn.xlarge"}, []string{"m5.xlarge", "g5.12xlarge", "inf2.xlarge"}},
	} {
		got := Match(c.wanted, market(t))
		for _, want := range c.has {
			if !slices.Contains(got, want) {
				t.Errorf("%s: %s is missing in %v", name, want, got)
			}
		}
		for _, unwanted := range c.not {
			if slices.Contains(got, unwanted) {
				t.Errorf("%s: %s is among %v", name, unwanted, got)
			}
		}
	}
}

// TestMatchWithinPrices: 20 percent above the cheapest of C, M and R, unless
// said otherwise; the cheapest first.
func TestMatchWithinPrices(t *testing.T) {
	m := market(t)
	prices := map[string]float64{}
	for _, one := range m.Types {
		prices[one.Name] = m.USD(one)
	}
	got := Match(sized(), m)
	if len(got) < 2 || !slices.IsSortedFunc(got, func(a, b string) int {
		if prices[a] < prices[b] {
			return -1
		}
		return 0
	}) {
		t.Fatalf("not by price: %v", got)
	}
	lowest := prices[got[slices.IndexFunc(got, func(name string) bool { return strings.HasPrefix(name, "m") })]]
	for _, name := range got {
		if prices[name] > lowest*1.2+1e-9 {
			t.Errorf("%s costs %v, the reference %v", name, prices[name], lowest)
		}
	}
	more := Match(sized(func(r *types.InstanceRequirements) { r.OnDemandMaxPricePercentageOverLowestPrice = aws.Int32(60) }), m)
	if len(more) <= len(got) {
		t.Errorf("%d types within 60 percent, %d within 20", len(more), len(got))
	}
	m.Spot = true
	none := Match(sized(func(r *types.InstanceRequirements) { r.MaxSpotPriceAsPercentageOfOptimalOnDemandPrice = aws.Int32(10) }), m)
	if len(none) != 0 {
		t.Errorf("%v cost a tenth of the cheapest on-demand price", none)
	}
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"m5.large", "m5.large", true}, {"m5.large", "m5.xlarge", false}, {"m5*", "m5ad.large", true}, {"*.large", "m5.xlarge", false},
		{"*", "c5.large", true}, {"m*.*large", "m5.2xlarge", true}, {"c5*.large", "c5.large", true}, {"c5*x*e", "c5.xlarge", true}, {"c5*y*", "c5.large", false},
	} {
		if got := matches(c.pattern, c.name); got != c.want {
			t.Errorf("%s fits %s: %v", c.name, c.pattern, got)
		}
	}
}

func TestUnknownAttributesAreNamed(t *testing.T) {
	for name, want := range map[string]string{"": "", "included": "", "required": "InstanceRequirements.LocalStorage"} {
		if got := Unknown(sized(func(r *types.InstanceRequirements) { r.LocalStorage = types.LocalStorage(name) })); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
