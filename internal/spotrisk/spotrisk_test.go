package spotrisk_test

import (
	"math"
	"strings"
	"testing"

	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/spotrisk"
)

const good = `{
 "ranges": [{"index":0,"label":"<5%","dots":0,"max":5},{"index":1,"label":"5-10%","dots":1,"max":11},{"index":2,"label":">20%","max":100}],
 "instance_types": {"m5.large":{"emr":true,"cores":2,"ram_gb":8.0}},
 "spot_advisor": {
  "us-west-2": {
   "Windows": {"m5.large":{"s":40,"r":2}},
   "Linux": {
    "m5.large":{"s":70,"r":0},
    "c5.large":{"s":60,"r":2}
   }
  }
 }
}`

func TestRatesAreTheMiddleOfTheirRange(t *testing.T) {
	table, err := spotrisk.Parse("advisor.json", []byte(good), "us-west-2")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float64{"m5.large": 0.025, "c5.large": 0.14, "r5.large": spotrisk.UnknownRate} {
		if got := table.Rate(name); math.Abs(got-want) > 1e-9 {
			t.Errorf("the rate of %s is %g, want %g", name, got, want)
		}
	}
	if got := table.Types["m5.large"].Savings; got != 0.7 {
		t.Errorf("savings are %g, want 0.7", got)
	}
}

func TestMistakesHaveTheirPlace(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"not JSON": {`"Linux": {`, `"Linux": [`, "advisor.json:7: spot_advisor.us-west-2.Linux must be an object"},
		"an index too many": {`"r":2}
   }`, `"r":7}
   }`, "advisor.json:9: spot_advisor.us-west-2.Linux.c5.large.r is 7: ranges has only 3"},
		"no rate":            {`{"s":70,"r":0}`, `{"s":70}`, "advisor.json:8: spot_advisor.us-west-2.Linux.m5.large.r is missing"},
		"savings above all":  {`{"s":70,"r":0}`, `{"s":170,"r":0}`, "advisor.json:8: spot_advisor.us-west-2.Linux.m5.large.s is 170: it must be from 0 to 100"},
		"savings in words":   {`{"s":70,"r":0}`, `{"s":"much","r":0}`, "advisor.json:8: spot_advisor.us-west-2.Linux.m5.large.s"},
		"ranges that shrink": {`"max":11`, `"max":4`, "advisor.json:2: ranges[1].max must be a per cent above 5"},
		"another region":     {`"us-west-2"`, `"eu-west-1"`, `has no Linux of region "us-west-2"; it has eu-west-1`},
		"no ranges":          {`"ranges"`, `"range"`, "ranges is missing"},
		"cut off":            {"   }\n  }\n }\n}", "", "advisor.json:"},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(good, c.old) {
				t.Fatalf("the file has no %q", c.old)
			}
			_, err := spotrisk.Parse("advisor.json", []byte(strings.Replace(good, c.old, c.new, 1)), "us-west-2")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, want %q", err, c.want)
			}
		})
	}
}

func TestOnlySpotIsMarkedAndCachesStay(t *testing.T) {
	table, err := spotrisk.Parse("advisor.json", []byte(good), "us-west-2")
	if err != nil {
		t.Fatal(err)
	}
	offer := func(capacityType model.CapacityType) model.Offering {
		return model.Offering{PricePerHour: 0.1, OfferingKey: model.OfferingKey{InstanceType: "c5.large", Zone: "a", CapacityType: capacityType}}
	}
	cached := []model.Offering{offer(model.OnDemand), offer(model.Spot)}
	group := model.NodeGroup{Types: []model.GroupType{{Offerings: cached}}}
	snapshot := &model.Snapshot{Catalogs: map[string]model.Catalog{"default": {Offerings: cached}}, NodeGroups: []model.NodeGroup{group}}
	table.Mark(snapshot)
	for _, marked := range [][]model.Offering{snapshot.Catalogs["default"].Offerings, snapshot.NodeGroups[0].Types[0].Offerings} {
		if marked[0].InterruptionRate != 0 || marked[1].InterruptionRate != 0.14 {
			t.Errorf("rates are %g and %g, want 0 and 0.14", marked[0].InterruptionRate, marked[1].InterruptionRate)
		}
	}
	if cached[1].InterruptionRate != 0 {
		t.Error("what the cache holds has changed")
	}
}

func TestSpotIsOfferedAtTheSavings(t *testing.T) {
	table, err := spotrisk.Parse("advisor.json", []byte(good), "us-west-2")
	if err != nil {
		t.Fatal(err)
	}
	offerings := []model.Offering{{PricePerHour: 0.1, OfferingKey: model.OfferingKey{InstanceType: "m5.large", Zone: "a", CapacityType: model.OnDemand}},
		{PricePerHour: 0.1, OfferingKey: model.OfferingKey{InstanceType: "r5.large", Zone: "a", CapacityType: model.OnDemand}}}
	all := table.WithSpot(model.Catalog{Offerings: offerings}).Offerings
	if len(all) != 3 || all[1].CapacityType != model.Spot || all[1].PricePerHour != 0.03 || all[1].InterruptionRate != 0.025 {
		t.Errorf("offerings are %+v: want m5.large as Spot at 0.03, and no Spot of a type that nobody knows", all)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(`{"spot_advisor":{"us-west-2":{"Linux":{}}},"ranges":[]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		table, err := spotrisk.Parse("f", text, "us-west-2")
		if err != nil {
			return
		}
		for name, advice := range table.Types {
			if advice.Rate < 0 || advice.Rate > 1 || advice.Savings < 0 || advice.Savings > 1 {
				t.Errorf("%s has %+v", name, advice)
			}
		}
	})
}
