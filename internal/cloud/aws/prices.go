package aws

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/pricing"
	pricingtypes "github.com/aws/aws-sdk-go-v2/service/pricing/types"
)

// product is the part used here of an entry of the Price List.
type product struct {
	Product struct {
		Attributes struct {
			InstanceType string `json:"instanceType"`
		} `json:"attributes"`
	} `json:"product"`
	Terms struct {
		OnDemand map[string]struct {
			PriceDimensions map[string]struct {
				PricePerUnit map[string]string `json:"pricePerUnit"`
			} `json:"priceDimensions"`
		} `json:"OnDemand"`
	} `json:"terms"`
}

// fetchOnDemandPrices reads the hourly Linux prices of the region. Bare metal
// is a product family of its own, sold as dedicated.
func (p *Provider) fetchOnDemandPrices(ctx context.Context) (map[string]float64, error) {
	prices, err := p.fetchProducts(ctx, "Compute Instance", "Shared")
	if err != nil {
		return nil, err
	}
	metal, err := p.fetchProducts(ctx, "Compute Instance (bare metal)", "Dedicated")
	if err != nil {
		return nil, err
	}
	maps.Copy(prices, metal)
	if len(prices) == 0 {
		return nil, fmt.Errorf("the AWS Price List has no EC2 prices for region %s", p.region)
	}
	return prices, nil
}

func (p *Provider) fetchProducts(ctx context.Context, family, tenancy string) (map[string]float64, error) {
	match := func(field, value string) pricingtypes.Filter {
		return pricingtypes.Filter{Type: pricingtypes.FilterTypeTermMatch, Field: sdk.String(field), Value: sdk.String(value)}
	}
	pages := pricing.NewGetProductsPaginator(p.clients.Pricing, &pricing.GetProductsInput{
		ServiceCode: sdk.String("AmazonEC2"),
		Filters: []pricingtypes.Filter{
			match("regionCode", p.region),
			match("serviceCode", "AmazonEC2"),
			match("preInstalledSw", "NA"),
			match("operatingSystem", "Linux"),
			match("capacitystatus", "Used"),
			match("marketoption", "OnDemand"),
			match("tenancy", tenancy),
			match("productFamily", family),
		},
		MaxResults: sdk.Int32(100),
	})
	prices := map[string]float64{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, classify(err, "reading on-demand prices of "+p.region)
		}
		for _, entry := range page.PriceList {
			if name, price, ok := readProduct(entry, p.currency()); ok {
				prices[name] = price
			}
		}
	}
	return prices, nil
}

// currency of the partition's price list. Only prices are compared with each
// other, so the figures of China regions are in CNY.
func (p *Provider) currency() string {
	if strings.HasPrefix(p.region, "cn-") {
		return "CNY"
	}
	return "USD"
}

// readProduct gives the price per hour; a price of zero is one that is paid
// some other way, hence not known.
func readProduct(entry, currency string) (name string, price float64, ok bool) {
	var item product
	if err := json.Unmarshal([]byte(entry), &item); err != nil {
		return "", 0, false
	}
	for _, term := range item.Terms.OnDemand {
		for _, dimension := range term.PriceDimensions {
			price, err := strconv.ParseFloat(dimension.PricePerUnit[currency], 64)
			if err == nil && price > 0 && !math.IsInf(price, 0) {
				return item.Product.Attributes.InstanceType, price, item.Product.Attributes.InstanceType != ""
			}
		}
	}
	return "", 0, false
}

// fetchSpotPrices reads the Spot prices in force now. A pool sold in and out of
// a VPC is listed twice; the later entry counts.
func (p *Provider) fetchSpotPrices(ctx context.Context) (map[pool]float64, error) {
	pages := ec2.NewDescribeSpotPriceHistoryPaginator(p.clients.EC2, &ec2.DescribeSpotPriceHistoryInput{
		ProductDescriptions: []string{"Linux/UNIX", "Linux/UNIX (Amazon VPC)"},
		StartTime:           sdk.Time(p.now()),
		MaxResults:          sdk.Int32(1000),
	})
	prices := map[pool]float64{}
	since := map[pool]time.Time{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, classify(err, "reading Spot prices")
		}
		for _, entry := range page.SpotPriceHistory {
			key := pool{instanceType: string(entry.InstanceType), zone: sdk.ToString(entry.AvailabilityZone)}
			price, err := strconv.ParseFloat(sdk.ToString(entry.SpotPrice), 64)
			if err != nil || !(price > 0) || math.IsInf(price, 0) || sdk.ToTime(entry.Timestamp).Before(since[key]) {
				continue
			}
			prices[key], since[key] = price, sdk.ToTime(entry.Timestamp)
		}
	}
	return prices, nil
}
