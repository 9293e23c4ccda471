package catalog

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// row is one line of a shipped file. The first field that cannot be read is
// kept in err, so that a row is parsed without a check after every field.
type row struct {
	header []string
	fields map[string]string
	err    error
}

// eachRow calls use for every line after the header line; lines that start
// with # are comments.
func eachRow(file string, use func(row) error) error {
	reader := csv.NewReader(strings.NewReader(file))
	reader.Comment = '#'
	header, err := reader.Read()
	if err != nil {
		return err
	}
	for {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		fields := make(map[string]string, len(header))
		for i, name := range header {
			fields[name] = record[i]
		}
		if err := use(row{header: header, fields: fields}); err != nil {
			line, _ := reader.FieldPos(0)
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
}

func (r *row) text(column string) string { return r.fields[column] }

// number is 0 for an empty field.
func (r *row) number(column string) int64 {
	if r.fields[column] == "" {
		return 0
	}
	n, err := strconv.ParseInt(r.fields[column], 10, 64)
	r.note(column, err)
	return n
}

// decimal is 0 for an empty field.
func (r *row) decimal(column string) float64 {
	if r.fields[column] == "" {
		return 0
	}
	f, err := strconv.ParseFloat(r.fields[column], 64)
	r.note(column, err)
	return f
}

func (r *row) note(column string, err error) {
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("column %s: %w", column, err)
	}
}
