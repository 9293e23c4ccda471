package workload

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// CatalogTable is a catalogue of instance types with one price each.
type CatalogTable struct {
	File  string
	Types []InstanceType // in order of the file
}

// InstanceType is one line of a catalogue. Amounts are what pods may use.
type InstanceType struct {
	Name, Family, Category, Generation, Arch string
	// GPUName may be empty; it becomes a label only.
	GPUName             string
	CPUMilli, MemoryMiB int64
	Pods, GPU           int64
	PricePerHour        float64 // USD
}

// columns are the header of a catalogue, in any order.
func columns() []string {
	return []string{"instance_type", "family", "category", "generation", "arch", "gpu_name",
		"cpu_milli", "memory_mib", "pods", "gpu", "price"}
}

// ReadCatalog reads a catalogue as CSV with a header. Errors name the file,
// the line and the column.
func ReadCatalog(r io.Reader, file string) (*CatalogTable, error) {
	reader := csv.NewReader(r)
	header, err := reader.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: empty; the first line must be %s", file, strings.Join(columns(), ","))
	} else if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	row := &catalogRow{file: file, at: map[string]int{}}
	for _, name := range columns() {
		if row.at[name] = slices.Index(header, name); row.at[name] < 0 {
			return nil, fmt.Errorf("%s: line 1: no column %q; the columns must be %s", file, name, strings.Join(columns(), ","))
		}
	}
	table := &CatalogTable{File: file}
	seen := map[string]int{}
	for {
		row.fields, err = reader.Read()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		row.line, _ = reader.FieldPos(0)
		kind := row.instanceType()
		if first, taken := seen[kind.Name]; taken && row.err == nil {
			row.fail("instance_type", fmt.Sprintf("is %q, which line %d has already", kind.Name, first))
		}
		if row.err != nil {
			return nil, row.err
		}
		seen[kind.Name] = row.line
		table.Types = append(table.Types, kind)
	}
	if len(table.Types) == 0 {
		return nil, fmt.Errorf("%s: no instance type after the header", file)
	}
	return table, nil
}

// catalogRow reads the fields of one line and keeps the first error.
type catalogRow struct {
	file   string
	at     map[string]int // column by name
	line   int
	fields []string
	err    error
}

func (r *catalogRow) instanceType() InstanceType {
	kind := InstanceType{Family: r.text("family"), Category: r.text("category"), Generation: r.text("generation"), Arch: r.text("arch"),
		GPUName: r.text("gpu_name"), CPUMilli: r.amount("cpu_milli", maxCPUMilli), MemoryMiB: r.amount("memory_mib", maxMemoryMiB),
		Pods: r.amount("pods", maxCount), GPU: r.amount("gpu", maxGPU)}
	if kind.Name = r.text("instance_type"); kind.Name == "" {
		r.fail("instance_type", "is empty")
	}
	price, err := strconv.ParseFloat(r.text("price"), 64)
	if err != nil || math.IsNaN(price) || math.IsInf(price, 0) || price <= 0 {
		r.fail("price", fmt.Sprintf("is %q; it must be US dollars per hour above 0", r.text("price")))
	}
	kind.PricePerHour = price
	return kind
}

func (r *catalogRow) text(column string) string { return r.fields[r.at[column]] }

func (r *catalogRow) amount(column string, most int64) int64 {
	n, err := strconv.ParseInt(r.text(column), 10, 64)
	if err != nil || n < 0 || n > most {
		r.fail(column, fmt.Sprintf("is %q; it must be a whole number from 0 to %d", r.text(column), most))
	}
	return n
}

func (r *catalogRow) fail(column, what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%s: line %d: column %s %s", r.file, r.line, column, what)
	}
}
