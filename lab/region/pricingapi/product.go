package pricingapi

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/pricing/types"

	"github.com/drover-project/drover/internal/catalog"
)

// product is one instance type in one region, with its price.
type product struct {
	Family     string
	Attributes map[string]string
	USD        float64 // per hour
	Published  time.Time
}

// products are all of them, in the order of region and type.
func (p *Pricing) products() []product {
	var products []product
	regions := slices.Sorted(slices.Values(p.world.Catalog.Regions()))
	for _, region := range regions {
		date, _ := catalog.PricesPublished(region)
		published, _ := time.Parse(time.DateOnly, date)
		for _, t := range p.world.Catalog.Offered(region) {
			usd, _ := p.world.Catalog.Price(region, t.Name)
			products = append(products, newProduct(region, t, usd, published))
		}
	}
	return products
}

func newProduct(region string, t catalog.Type, usd float64, published time.Time) product {
	p := product{Family: "Compute Instance", USD: usd, Published: published}
	tenancy := "Shared"
	if t.BareMetal {
		p.Family, tenancy = "Compute Instance (bare metal)", "Dedicated"
	}
	p.Attributes = map[string]string{
		"servicecode":       serviceCode,
		"servicename":       "Amazon Elastic Compute Cloud",
		"location":          location(region),
		"locationType":      "AWS Region",
		"regionCode":        region,
		"instanceType":      t.Name,
		"vcpu":              strconv.FormatInt(t.VCPU, 10),
		"memory":            strconv.FormatFloat(float64(t.MemoryMiB)/1024, 'f', -1, 64) + " GiB",
		"operatingSystem":   "Linux",
		"preInstalledSw":    "NA",
		"licenseModel":      "No License required",
		"operation":         "RunInstances",
		"tenancy":           tenancy,
		"capacitystatus":    "Used",
		"marketoption":      "OnDemand",
		"usagetype":         usagePrefix(region) + "BoxUsage:" + t.Name,
		"currentGeneration": yesNo(t.CurrentGeneration()),
	}
	if t.GPU.Count > 0 {
		p.Attributes["gpu"] = strconv.FormatInt(t.GPU.Count, 10)
	}
	return p
}

func yesNo(yes bool) string {
	if yes {
		return "Yes"
	}
	return "No"
}

// location is what the price list calls a region.
func location(region string) string {
	switch region {
	case "us-east-1":
		return "US East (N. Virginia)"
	case "us-west-2":
		return "US West (Oregon)"
	case "eu-west-1":
		return "EU (Ireland)"
	case "ap-northeast-2":
		return "Asia Pacific (Seoul)"
	}
	return region
}

func usagePrefix(region string) string {
	switch region {
	case "us-west-2":
		return "USW2-"
	case "eu-west-1":
		return "EU-"
	case "ap-northeast-2":
		return "APN2-"
	}
	return ""
}

// attributeNames are the fields a filter can name.
func attributeNames() []string {
	names := slices.Collect(maps.Keys(newProduct("", catalog.Type{GPU: catalog.GPU{Count: 1}}, 0, time.Time{}).Attributes))
	names = append(names, "productFamily")
	slices.Sort(names)
	return names
}

func (p product) matches(filters []types.Filter) bool {
	for _, f := range filters {
		if !p.matchesOne(f) {
			return false
		}
	}
	return true
}

func (p product) matchesOne(f types.Filter) bool {
	value, has := p.attribute(*f.Field)
	values := strings.Split(*f.Value, ",")
	switch f.Type {
	case types.FilterTypeEquals:
		return has && value == *f.Value
	case types.FilterTypeContains:
		return has && strings.Contains(value, *f.Value)
	case types.FilterTypeAnyOf:
		return has && slices.Contains(values, value)
	case types.FilterTypeNoneOf:
		return has && !slices.Contains(values, value)
	default:
		return has && strings.EqualFold(value, *f.Value)
	}
}

func (p product) attribute(name string) (string, bool) {
	if name == "serviceCode" || name == "ServiceCode" {
		return serviceCode, true
	}
	if name == "productFamily" {
		return p.Family, true
	}
	value, has := p.Attributes[name]
	return value, has
}

// Codes of the price list that say what kind of price it is.
const (
	onDemandTerm = "JRTCKXETXF"
	hourlyRate   = "6YS6EN2CT7"
)

// document is the product in the format of the price list.
func (p product) document() (string, error) {
	sku := p.sku()
	term := sku + "." + onDemandTerm
	rate := term + "." + hourlyRate
	price := strconv.FormatFloat(p.USD, 'f', 10, 64)
	document := map[string]any{
		"product":     map[string]any{"productFamily": p.Family, "sku": sku, "attributes": p.Attributes},
		"serviceCode": serviceCode,
		"terms": map[string]any{"OnDemand": map[string]any{term: map[string]any{
			"sku": sku, "offerTermCode": onDemandTerm, "effectiveDate": p.Published.Format(time.RFC3339), "termAttributes": map[string]any{},
			"priceDimensions": map[string]any{rate: map[string]any{
				"rateCode": rate, "unit": "Hrs", "beginRange": "0", "endRange": "Inf", "appliesTo": []string{},
				"description":  fmt.Sprintf("$%s per On Demand Linux %s Instance Hour", strconv.FormatFloat(p.USD, 'f', -1, 64), p.Attributes["instanceType"]),
				"pricePerUnit": map[string]string{"USD": price},
			}},
		}}},
		"version":         p.Published.Format("20060102150405"),
		"publicationDate": p.Published.Format(time.RFC3339),
	}
	b, err := json.Marshal(document)
	return string(b), err
}

// sku is made up, in the form of the price list's.
func (p product) sku() string {
	sum := sha256.Sum256([]byte(p.Attributes["regionCode"] + p.Attributes["instanceType"]))
	return base32.StdEncoding.EncodeToString(sum[:])[:16]
}
