package region_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/pricing"
	"github.com/aws/aws-sdk-go-v2/service/pricing/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// listed is a product of the price list, as far as a provisioner reads it.
type listed struct {
	Product struct {
		SKU        string `json:"sku"`
		Family     string `json:"productFamily"`
		Attributes map[string]string
	}
	Terms struct {
		OnDemand map[string]struct {
			PriceDimensions map[string]struct {
				Unit         string
				PricePerUnit map[string]string
			}
		}
	}
}

func (p listed) usd(t *testing.T) float64 {
	t.Helper()
	for _, term := range p.Terms.OnDemand {
		for _, d := range term.PriceDimensions {
			usd, err := strconv.ParseFloat(d.PricePerUnit["USD"], 64)
			if err != nil || d.Unit != "Hrs" {
				t.Errorf("%s: %q per %s", p.Product.Attributes["instanceType"], d.PricePerUnit["USD"], d.Unit)
			}
			return usd
		}
	}
	t.Errorf("%s has no price", p.Product.Attributes["instanceType"])
	return 0
}

func match(field, value string) types.Filter {
	return types.Filter{Type: types.FilterTypeTermMatch, Field: &field, Value: &value}
}

// products follows the pages to the end.
func (l *lab) products(limit *int32, filters ...types.Filter) (list []listed) {
	l.t.Helper()
	for in := (&pricing.GetProductsInput{ServiceCode: aws.String("AmazonEC2"), Filters: filters, MaxResults: limit}); ; {
		out := must[*pricing.GetProductsOutput](l)(l.Pricing().GetProducts(ctx(), in))
		for _, text := range out.PriceList {
			var p listed
			if err := json.Unmarshal([]byte(text), &p); err != nil {
				l.t.Fatal(err)
			}
			list = append(list, p)
		}
		if out.NextToken == nil {
			return list
		}
		in.NextToken = out.NextToken
	}
}

// TestEveryKnownPriceIsListed: what a provisioner asks for is exactly what the
// catalogue knows; an unknown price is absent, never zero.
func TestEveryKnownPriceIsListed(t *testing.T) {
	t.Parallel()
	l, c := open(t), facts(t)
	for _, name := range c.Regions() {
		prices := map[string]float64{}
		for _, p := range l.products(nil, match("regionCode", name), match("operatingSystem", "Linux"), match("preInstalledSw", "NA"),
			match("capacitystatus", "Used"), match("marketoption", "OnDemand")) {
			prices[p.Product.Attributes["instanceType"]] = p.usd(t)
		}
		for _, known := range c.Types() {
			want, priced := c.Price(name, known.Name)
			if got, found := prices[known.Name]; found != priced || got != want {
				t.Errorf("%s in %s: %v (listed %v), want %v (known %v)", known.Name, name, got, found, want, priced)
			}
		}
		if len(prices) < 500 {
			t.Errorf("%s has %d prices", name, len(prices))
		}
	}
}

func TestProductFilters(t *testing.T) {
	t.Parallel()
	l := open(t)
	here := match("regionCode", "us-west-2")
	of := func(kind types.FilterType, field, value string) types.Filter {
		return types.Filter{Type: kind, Field: &field, Value: &value}
	}
	for name, c := range map[string]struct {
		filters []types.Filter
		want    []string
	}{
		"one type":    {[]types.Filter{here, match("instanceType", "m5.large")}, []string{"m5.large"}},
		"no case":     {[]types.Filter{here, match("instanceType", "M5.LARGE")}, []string{"m5.large"}},
		"by location": {[]types.Filter{match("location", "US West (Oregon)"), match("instanceType", "m5.large")}, []string{"m5.large"}},
		"AND":         {[]types.Filter{here, match("instanceType", "m5.large"), match("vcpu", "4")}, nil},
		"any of":      {[]types.Filter{here, of(types.FilterTypeAnyOf, "instanceType", "m5.large,c5.large")}, []string{"c5.large", "m5.large"}},
		"contains":    {[]types.Filter{here, of(types.FilterTypeContains, "instanceType", "m5.la")}, []string{"m5.large"}},
		"equals":      {[]types.Filter{here, of(types.FilterTypeEquals, "instanceType", "M5.large")}, nil},
		"none of":     {[]types.Filter{here, of(types.FilterTypeNoneOf, "instanceType", "m5.large"), match("instanceType", "m5.large")}, nil},
		"Windows":     {[]types.Filter{here, match("operatingSystem", "Windows"), match("instanceType", "m5.large")}, nil},
		"bare metal":  {[]types.Filter{here, match("productFamily", "Compute Instance (bare metal)"), match("instanceType", "m5.metal")}, []string{"m5.metal"}},
	} {
		var got []string
		for _, p := range l.products(nil, c.filters...) {
			got = append(got, p.Product.Attributes["instanceType"])
		}
		if slices.Sort(got); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestProductPages(t *testing.T) {
	t.Parallel()
	l := open(t)
	filters := []types.Filter{match("regionCode", "us-west-2"), match("vcpu", "2")}
	whole, pages := l.products(nil, filters...), l.products(aws.Int32(7), filters...)
	skus := map[string]bool{}
	for _, p := range pages {
		skus[p.Product.SKU] = true
	}
	if len(whole) != len(pages) || len(skus) != len(whole) || len(whole) < 20 {
		t.Errorf("%d products, %d in pages of 7, %d different", len(whole), len(pages), len(skus))
	}
}

func TestPricingErrors(t *testing.T) {
	t.Parallel()
	l := open(t)
	ec2 := aws.String("AmazonEC2")
	for name, c := range map[string]struct {
		in   pricing.GetProductsInput
		code string
	}{
		"another service": {pricing.GetProductsInput{ServiceCode: aws.String("AmazonS3")}, "NotFoundException"},
		"another format":  {pricing.GetProductsInput{ServiceCode: ec2, FormatVersion: aws.String("v2")}, "InvalidParameterException"},
		"half a filter":   {pricing.GetProductsInput{ServiceCode: ec2, Filters: []types.Filter{{Field: aws.String("vcpu")}}}, "InvalidParameterException"},
		"made-up type":    {pricing.GetProductsInput{ServiceCode: ec2, Filters: []types.Filter{{Type: "LIKE", Field: aws.String("vcpu"), Value: aws.String("2")}}}, "InvalidParameterException"},
		"made-up token":   {pricing.GetProductsInput{ServiceCode: ec2, NextToken: aws.String("x")}, "InvalidNextTokenException"},
	} {
		if _, err := l.Pricing().GetProducts(ctx(), &c.in); codeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	_, err := l.Pricing().GetAttributeValues(ctx(), &pricing.GetAttributeValuesInput{ServiceCode: ec2, AttributeName: aws.String("colour")})
	refused(t, err, "InvalidParameterException")
	out := must[*pricing.GetAttributeValuesOutput](l)(l.Pricing().GetAttributeValues(ctx(), &pricing.GetAttributeValuesInput{ServiceCode: ec2, AttributeName: aws.String("regionCode")}))
	if got := each(out.AttributeValues, func(v types.AttributeValue) *string { return v.Value }); !slices.Equal(got, []string{"ap-northeast-2", "eu-west-1", "us-east-1", "us-west-2"}) {
		t.Errorf("regions %v", got)
	}
	families := must[*pricing.GetAttributeValuesOutput](l)(l.Pricing().GetAttributeValues(ctx(), &pricing.GetAttributeValuesInput{ServiceCode: ec2, AttributeName: aws.String("productFamily")}))
	if len(families.AttributeValues) != 2 {
		t.Errorf("product families %+v", families.AttributeValues)
	}
}

func TestCluster(t *testing.T) {
	t.Parallel()
	l := openNamed(t, "eu-west-1")
	c := must[*eks.DescribeClusterOutput](l)(l.EKS().DescribeCluster(ctx(), &eks.DescribeClusterInput{Name: aws.String(clusterName)})).Cluster
	if *c.Endpoint != "https://127.0.0.1:6443" || *c.Version != "1.37" || c.Status != "ACTIVE" || *c.CertificateAuthority.Data != "cGVt" ||
		*c.KubernetesNetworkConfig.ServiceIpv4Cidr != "10.100.0.0/16" || *c.Arn != "arn:aws:eks:eu-west-1:"+account+":cluster/"+clusterName ||
		len(c.ResourcesVpcConfig.SubnetIds) != 6 || !c.CreatedAt.Equal(start()) {
		t.Errorf("got %+v", *c)
	}
	_, err := l.EKS().DescribeCluster(ctx(), &eks.DescribeClusterInput{Name: aws.String("none")})
	refused(t, err, "ResourceNotFoundException")
	list := must[*eks.ListClustersOutput](l)(l.EKS().ListClusters(ctx(), &eks.ListClustersInput{}))
	if !slices.Equal(list.Clusters, []string{clusterName}) || list.NextToken != nil {
		t.Errorf("clusters %v", list.Clusters)
	}
	_, err = l.EKS().ListClusters(ctx(), &eks.ListClustersInput{NextToken: aws.String("x")})
	refused(t, err, "InvalidParameterException")
}

func TestCallerIdentity(t *testing.T) {
	t.Parallel()
	l := open(t)
	out := must[*sts.GetCallerIdentityOutput](l)(l.STS().GetCallerIdentity(ctx(), &sts.GetCallerIdentityInput{}))
	if *out.Account != account || *out.Arn != "arn:aws:iam::"+account+":user/lab" || *out.UserId == "" {
		t.Errorf("%s is %s of %s", *out.UserId, *out.Arn, *out.Account)
	}
}
