package region_test

import (
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/region"
)

// spotHistory follows the pages to the end.
func (l *lab) spotHistory(in ec2.DescribeSpotPriceHistoryInput) (prices []types.SpotPrice) {
	l.t.Helper()
	for {
		out := must[*ec2.DescribeSpotPriceHistoryOutput](l)(l.DescribeSpotPriceHistory(ctx(), &in))
		prices = append(prices, out.SpotPriceHistory...)
		if aws.ToString(out.NextToken) == "" {
			return prices
		}
		in.NextToken = out.NextToken
	}
}

func m5(from, until time.Time) ec2.DescribeSpotPriceHistoryInput {
	in := ec2.DescribeSpotPriceHistoryInput{InstanceTypes: []types.InstanceType{"m5.large"}, AvailabilityZone: aws.String("us-west-2a")}
	if !from.IsZero() {
		in.StartTime = &from
	}
	if !until.IsZero() {
		in.EndTime = &until
	}
	return in
}

func TestSpotPriceHistoryWindow(t *testing.T) {
	t.Parallel()
	l := open(t)
	now := start()
	whole := l.spotHistory(m5(now.Add(-10*24*time.Hour), time.Time{}))
	if len(whole) < 38 {
		t.Fatalf("ten days have %d prices", len(whole))
	}
	for i := 1; i < len(whole); i++ {
		if !whole[i].Timestamp.Before(*whole[i-1].Timestamp) {
			t.Fatalf("price %d of %s is not before the one of %s", i, whole[i].Timestamp, whole[i-1].Timestamp)
		}
	}
	changed := *whole[5].Timestamp
	for name, c := range map[string]struct {
		from, until time.Time
		want        []types.SpotPrice
	}{
		"from now: the price in force":            {now, time.Time{}, whole[:1]},
		"from the future":                         {now.Add(time.Hour), time.Time{}, whole[:1]},
		"from a change on":                        {changed, time.Time{}, whole[:6]},
		"just after a change: that price, too":    {changed.Add(time.Second), time.Time{}, whole[:6]},
		"just before a change: the one before it": {changed.Add(-time.Second), time.Time{}, whole[:7]},
		"between two times":                       {changed, whole[2].Timestamp.Add(time.Minute), whole[2:6]},
		"a moment":                                {changed.Add(time.Hour), changed.Add(time.Hour), whole[5:6]},
	} {
		t.Run(name, func(t *testing.T) {
			if got := l.spotHistory(m5(c.from, c.until)); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %d prices from %v, want %d", len(got), got[0].Timestamp, len(c.want))
			}
		})
	}
	if got := l.spotHistory(m5(now.AddDate(-1, 0, 0), now.AddDate(0, -6, 0))); len(got) != 0 {
		t.Errorf("half a year ago: %d prices, but only 90 days are kept", len(got))
	}
	backwards := m5(now, now.Add(-time.Hour))
	_, err := l.DescribeSpotPriceHistory(ctx(), &backwards)
	refused(t, err, "InvalidParameterValue")
}

func TestSpotPricesAreBelowOnDemand(t *testing.T) {
	t.Parallel()
	l := open(t)
	now, c, described := start(), facts(t), l.describedTypes()
	pools := map[string]bool{}
	for _, p := range l.spotHistory(ec2.DescribeSpotPriceHistoryInput{StartTime: &now}) {
		usd, err := strconv.ParseFloat(*p.SpotPrice, 64)
		onDemand, _ := c.Price("us-west-2", string(p.InstanceType))
		// Prices have six digits, so the cheapest are rounded.
		if err != nil || usd <= 0 || usd > 0.46*onDemand || usd < 0.14*onDemand {
			t.Errorf("%s in %s: %s, on-demand %v", p.InstanceType, *p.AvailabilityZone, *p.SpotPrice, onDemand)
		}
		if p.ProductDescription != "Linux/UNIX" || p.Timestamp.After(now) || p.Timestamp.Before(now.Add(-6*time.Hour)) {
			t.Errorf("%s in %s: %s of %s", p.InstanceType, *p.AvailabilityZone, p.ProductDescription, p.Timestamp)
		}
		key := string(p.InstanceType) + *p.AvailabilityZone
		if pools[key] {
			t.Errorf("%s has two prices now", key)
		}
		pools[key] = true
	}
	for _, o := range l.offerings() {
		wants := slices.Contains(described[string(o.InstanceType)].SupportedUsageClasses, types.UsageClassTypeSpot)
		if key := string(o.InstanceType) + *o.Location; pools[key] != wants {
			t.Errorf("%s: has a price %v, can be had as Spot %v", key, pools[key], wants)
		}
		delete(pools, string(o.InstanceType)+*o.Location)
	}
	if len(pools) > 0 {
		t.Errorf("prices where nothing is sold: %v", pools)
	}
}

// offerings are all types by zone.
func (l *lab) offerings() (all []types.InstanceTypeOffering) {
	l.t.Helper()
	for in := (&ec2.DescribeInstanceTypeOfferingsInput{LocationType: types.LocationTypeAvailabilityZone}); ; {
		out := must[*ec2.DescribeInstanceTypeOfferingsOutput](l)(l.DescribeInstanceTypeOfferings(ctx(), in))
		all = append(all, out.InstanceTypeOfferings...)
		if out.NextToken == nil {
			return all
		}
		in.NextToken = out.NextToken
	}
}

func TestSpotPricesFollowFromTheSeed(t *testing.T) {
	t.Parallel()
	of := func(seed int64) []types.SpotPrice {
		l := open(t, func(o *region.Options) { o.Seed = seed })
		return l.spotHistory(m5(time.Time{}, time.Time{}))
	}
	one := of(1)
	if !reflect.DeepEqual(one, of(1)) || reflect.DeepEqual(one, of(2)) {
		t.Error("the same seed gives other prices, or another seed the same")
	}
}

func TestSpotPriceParameters(t *testing.T) {
	t.Parallel()
	l := open(t)
	now := start()
	count := func(change func(*ec2.DescribeSpotPriceHistoryInput)) int {
		t.Helper()
		in := ec2.DescribeSpotPriceHistoryInput{StartTime: &now, InstanceTypes: []types.InstanceType{"m5.large", "c5.large"}}
		change(&in)
		return len(l.spotHistory(in))
	}
	for name, c := range map[string]struct {
		change func(*ec2.DescribeSpotPriceHistoryInput)
		want   int
	}{
		"two types":  {func(*ec2.DescribeSpotPriceHistoryInput) {}, 6},
		"one by one": {func(in *ec2.DescribeSpotPriceHistoryInput) { in.MaxResults = aws.Int32(1) }, 6},
		"Linux":      {func(in *ec2.DescribeSpotPriceHistoryInput) { in.ProductDescriptions = []string{"Linux/UNIX"} }, 6},
		"Linux in VPC": {func(in *ec2.DescribeSpotPriceHistoryInput) {
			in.ProductDescriptions = []string{"Linux/UNIX (Amazon VPC)"}
		}, 6},
		"both": {func(in *ec2.DescribeSpotPriceHistoryInput) {
			in.ProductDescriptions = []string{"Linux/UNIX", "Linux/UNIX (Amazon VPC)"}
		}, 6},
		"Windows": {func(in *ec2.DescribeSpotPriceHistoryInput) { in.ProductDescriptions = []string{"Windows"} }, 0},
		"by zone": {func(in *ec2.DescribeSpotPriceHistoryInput) { in.AvailabilityZone = aws.String("us-west-2b") }, 2},
		"by zone filter": {func(in *ec2.DescribeSpotPriceHistoryInput) {
			in.Filters = []types.Filter{filter("availability-zone", "*a", "*b")}
		}, 4},
		"by type filter": {func(in *ec2.DescribeSpotPriceHistoryInput) {
			in.Filters = []types.Filter{filter("instance-type", "m5.*")}
		}, 3},
		"no such type": {func(in *ec2.DescribeSpotPriceHistoryInput) { in.InstanceTypes = []types.InstanceType{"m5.huge"} }, 0},
	} {
		if got := count(c.change); got != c.want {
			t.Errorf("%s: %d prices, want %d", name, got, c.want)
		}
	}
	_, err := l.DescribeSpotPriceHistory(ctx(), &ec2.DescribeSpotPriceHistoryInput{AvailabilityZone: aws.String("us-west-2z")})
	refused(t, err, "InvalidParameterValue")
	_, err = l.DescribeSpotPriceHistory(ctx(), &ec2.DescribeSpotPriceHistoryInput{NextToken: aws.String("x")})
	refused(t, err, "InvalidNextToken")
	if a, b := *l.spotHistory(m5(now, time.Time{}))[0].SpotPrice, l.spotPrices("m5.large")["m5.large/a"]; a != b {
		t.Errorf("%s and %s for the same", a, b)
	}
	l.clock.Advance(7 * time.Hour)
	if later := l.spotHistory(m5(l.clock.Now(), time.Time{})); !later[0].Timestamp.After(now) {
		t.Errorf("seven hours later the price is still that of %s", later[0].Timestamp)
	}
}
