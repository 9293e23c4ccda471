package aws

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
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

// spotMarket is the Spot prices in force, and between what they were over the time
// that counts for moves, in USD per hour.
type spotMarket struct {
	now, lowest, highest map[pool]float64
}

// quote is a price and since when it has been in force.
type quote struct {
	price float64
	since time.Time
}

// fetchSpotPrices reads the Spot prices in force now and those of the window before.
// A pool sold in and out of a VPC is listed twice; the later entry counts.
func (p *Provider) fetchSpotPrices(ctx context.Context) (spotMarket, error) {
	start := p.now().Add(-p.options.spotWindow())
	pages := ec2.NewDescribeSpotPriceHistoryPaginator(p.clients.EC2, &ec2.DescribeSpotPriceHistoryInput{
		ProductDescriptions: []string{"Linux/UNIX", "Linux/UNIX (Amazon VPC)"},
		StartTime:           sdk.Time(start),
		MaxResults:          sdk.Int32(1000),
	})
	history := map[pool][]quote{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return spotMarket{}, classify(err, "reading Spot prices")
		}
		for _, entry := range page.SpotPriceHistory {
			price, err := strconv.ParseFloat(sdk.ToString(entry.SpotPrice), 64)
			if err != nil || !(price > 0) || math.IsInf(price, 0) {
				continue
			}
			key := pool{instanceType: string(entry.InstanceType), zone: sdk.ToString(entry.AvailabilityZone)}
			history[key] = append(history[key], quote{price, sdk.ToTime(entry.Timestamp)})
		}
	}
	return marketOf(history, start), nil
}

// marketOf sums up what was in force from start on: of the quotes before it the last.
func marketOf(history map[pool][]quote, start time.Time) spotMarket {
	market := spotMarket{now: map[pool]float64{}, lowest: map[pool]float64{}, highest: map[pool]float64{}}
	for key, quotes := range history {
		slices.SortStableFunc(quotes, func(a, b quote) int { return a.since.Compare(b.since) })
		lowest, highest := math.Inf(1), 0.0
		for i, q := range quotes {
			isOver := i+1 < len(quotes) && !quotes[i+1].since.After(start)
			if !isOver {
				lowest, highest = min(lowest, q.price), max(highest, q.price)
			}
		}
		market.now[key], market.lowest[key], market.highest[key] = quotes[len(quotes)-1].price, lowest, highest
	}
	return market
}
