package spotrisk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// document walks the file token by token, so that every mistake has its line.
type document struct {
	path    string
	text    []byte
	decoder *json.Decoder
}

// Parse reads the text of a file; path is for errors.
func Parse(path string, text []byte, region string) (*Table, error) {
	d := &document{path: path, text: text, decoder: json.NewDecoder(bytes.NewReader(text))}
	d.decoder.UseNumber()
	var rates []float64
	regions := map[string]map[string]advised{}
	err := d.object("", func(key string) (err error) {
		switch key {
		case "ranges":
			rates, err = d.ranges()
		case "spot_advisor":
			err = d.object("spot_advisor", func(name string) error { return d.region(name, regions) })
		default:
			err = d.skip() // instance_types and what the advisor may add
		}
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case len(rates) == 0:
		return nil, fmt.Errorf("%s: ranges is missing: it says what share of instances each r stands for", path)
	case len(regions) == 0:
		return nil, fmt.Errorf("%s: spot_advisor is missing: it has region, operating system and instance type", path)
	case regions[region] == nil:
		return nil, fmt.Errorf("%s: spot_advisor has no Linux of region %q; it has %s", path, region, strings.Join(sortedNames(regions), ", "))
	}
	table := &Table{Types: map[string]Advice{}, Source: fmt.Sprintf("%s, %d types of %s", path, len(regions[region]), region)}
	for name, one := range regions[region] {
		if one.index >= len(rates) {
			return nil, fmt.Errorf("%s:%d: spot_advisor.%s.Linux.%s.r is %d: ranges has only %d", path, one.line, region, name, one.index, len(rates))
		}
		table.Types[name] = Advice{Rate: rates[one.index], Savings: float64(one.savings) / 100}
	}
	return table, nil
}

// advised is one entry as it is written.
type advised struct {
	index, savings, line int
}

func sortedNames(regions map[string]map[string]advised) []string {
	var names []string
	for name := range regions {
		names = append(names, name)
	}
	sort.Strings(names)
	return names[:min(len(names), 8)]
}

// ranges reads what each index stands for: the middle of the range that its max
// and the one before bound; the last, which is open, half as much as the one
// before it above its lower end.
func (d *document) ranges() ([]float64, error) {
	var list []struct {
		Index *int     `json:"index"`
		Max   *float64 `json:"max"`
	}
	line := d.line()
	if err := d.decoder.Decode(&list); err != nil {
		return nil, d.wrong("ranges", err)
	}
	var rates []float64
	below, width := 0.0, 0.0
	for i, one := range list {
		switch {
		case one.Index == nil || *one.Index != i:
			return nil, fmt.Errorf("%s:%d: ranges[%d].index must be %d", d.path, line, i, i)
		case one.Max == nil || *one.Max <= below || *one.Max > 100:
			return nil, fmt.Errorf("%s:%d: ranges[%d].max must be a per cent above %g and at most 100", d.path, line, i, below)
		}
		middle := (below + *one.Max) / 2
		if i == len(list)-1 && i > 0 {
			middle = below + width/2
		}
		rates = append(rates, middle/100)
		below, width = *one.Max, *one.Max-below
	}
	return rates, nil
}

func (d *document) region(name string, regions map[string]map[string]advised) error {
	return d.object("spot_advisor."+name, func(system string) error {
		if system != "Linux" {
			return d.skip()
		}
		regions[name] = map[string]advised{}
		path := "spot_advisor." + name + ".Linux"
		return d.object(path, func(instanceType string) error {
			one, err := d.entry(path + "." + instanceType)
			regions[name][instanceType] = one
			return err
		})
	})
}

func (d *document) entry(field string) (advised, error) {
	one := advised{line: d.line()}
	var seen []string
	err := d.object(field, func(key string) error {
		if key != "r" && key != "s" {
			return d.skip()
		}
		var number int
		line := d.line()
		if err := d.decoder.Decode(&number); err != nil {
			return d.wrong(field+"."+key, err)
		}
		if number < 0 || number > 100 {
			return fmt.Errorf("%s:%d: %s.%s is %d: it must be from 0 to 100", d.path, line, field, key, number)
		}
		if seen = append(seen, key); key == "r" {
			one.index = number
		} else {
			one.savings = number
		}
		return nil
	})
	for _, key := range []string{"r", "s"} {
		if err == nil && !slices.Contains(seen, key) {
			return one, fmt.Errorf("%s:%d: %s.%s is missing", d.path, one.line, field, key)
		}
	}
	return one, err
}

// object reads an object and calls do with each key; do reads the value.
func (d *document) object(field string, do func(key string) error) error {
	token, err := d.decoder.Token()
	if err != nil {
		return d.wrong(field, err)
	}
	if token != json.Delim('{') {
		return fmt.Errorf("%s:%d: %s must be an object", d.path, d.line(), named(field))
	}
	for d.decoder.More() {
		key, err := d.decoder.Token()
		if err != nil {
			return d.wrong(field, err)
		}
		if err := do(key.(string)); err != nil {
			return err
		}
	}
	if _, err := d.decoder.Token(); err != nil {
		return d.wrong(field, err)
	}
	return nil
}

func (d *document) skip() error {
	var ignored json.RawMessage
	if err := d.decoder.Decode(&ignored); err != nil {
		return d.wrong("", err)
	}
	return nil
}

func (d *document) line() int {
	return 1 + bytes.Count(d.text[:min(int(d.decoder.InputOffset()), len(d.text))], []byte{'\n'})
}

func (d *document) wrong(field string, err error) error {
	return fmt.Errorf("%s:%d: %s: %w", d.path, d.line(), named(field), err)
}

func named(field string) string {
	if field == "" {
		return "the file"
	}
	return field
}
