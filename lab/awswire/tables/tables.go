// Package tables holds the generated codec tables, one text per service.
package tables

import (
	"fmt"
	"reflect"

	"github.com/drover-project/drover/lab/awswire/shape"
)

// Load parses the table of a service, named as in the SigV4 credential scope.
// It is an error when there is none.
func Load(service string) (*shape.Service, error) {
	table := text(service)
	if table == "" {
		return nil, fmt.Errorf("no codec table for service %q; known are the services listed in lab/awswire/gen", service)
	}
	s, err := shape.Parse(table)
	if err != nil {
		return nil, fmt.Errorf("codec table of %s: %w", service, err)
	}
	s.UnionMember = func(union, member string) reflect.Type {
		return unionMember(service + "." + union + "Member" + member)
	}
	return s, nil
}
