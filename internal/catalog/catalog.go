// Package catalog is the shipped list of EC2 instance types and their on-demand
// prices: dated facts with their sources in NOTICE.md. What the sources do not
// say is left unset; an unknown price is unknown, never zero.
package catalog

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
)

// PricesPublished is the date of the price list of each region, as YYYY-MM-DD.
func PricesPublished(region string) (date string, known bool) {
	switch region {
	case "us-east-1":
		return "2026-07-20", true
	case "us-west-2", "eu-west-1", "ap-northeast-2":
		return "2025-04-04", true
	}
	return "", false
}

//go:embed instance-types.csv
var instanceTypesCSV string

//go:embed on-demand-prices.csv
var pricesCSV string

//go:embed gpus.csv
var gpusCSV string

//go:embed neuron.csv
var neuronCSV string

//go:embed local-storage.csv
var localStorageCSV string

// Catalog is read-only and safe for concurrent use.
type Catalog struct {
	types   []Type // by name
	byName  map[string]int
	regions []string
	prices  map[priceKey]float64 // USD per hour
}

type priceKey struct{ region, instanceType string }

// Load reads the shipped files.
func Load() (*Catalog, error) {
	c := &Catalog{byName: map[string]int{}, prices: map[priceKey]float64{}}
	if err := c.loadTypes(); err != nil {
		return nil, fmt.Errorf("instance types: %w", err)
	}
	if err := c.loadPrices(); err != nil {
		return nil, fmt.Errorf("on-demand prices: %w", err)
	}
	return c, nil
}

// Regions are the regions with prices.
func (c *Catalog) Regions() []string { return slices.Clone(c.regions) }

// Types are all types, by name. The slice must not be changed.
func (c *Catalog) Types() []Type { return c.types }

// Type finds an instance type by its name.
func (c *Catalog) Type(name string) (Type, bool) {
	i, ok := c.byName[name]
	if !ok {
		return Type{}, false
	}
	return c.types[i], true
}

// Price is the Linux on-demand price in USD per hour.
func (c *Catalog) Price(region, instanceType string) (usd float64, known bool) {
	usd, known = c.prices[priceKey{region, instanceType}]
	return usd, known
}

// Offered are the types a region sells: those with a known price there.
func (c *Catalog) Offered(region string) []Type {
	var offered []Type
	for _, t := range c.types {
		if _, known := c.Price(region, t.Name); known {
			offered = append(offered, t)
		}
	}
	return offered
}

func (c *Catalog) loadTypes() error {
	details, err := loadDetails()
	if err != nil {
		return err
	}
	err = eachRow(instanceTypesCSV, func(r row) error {
		t := parseType(r)
		details.complete(&t)
		c.types = append(c.types, t)
		return r.err
	})
	if err != nil {
		return err
	}
	slices.SortFunc(c.types, func(a, b Type) int { return strings.Compare(a.Name, b.Name) })
	for i, t := range c.types {
		c.byName[t.Name] = i
	}
	return nil
}

func (c *Catalog) loadPrices() error {
	return eachRow(pricesCSV, func(r row) error {
		c.regions = r.header[1:]
		for _, region := range c.regions {
			if r.text(region) != "" {
				c.prices[priceKey{region, r.text("instance_type")}] = r.decimal(region)
			}
		}
		return r.err
	})
}
