package cfnapi

import (
	"slices"
	"strings"

	"github.com/drover-project/drover/lab/region/cfn/property"
	"github.com/drover-project/drover/lab/region/cfn/resource"
	"github.com/drover-project/drover/lab/region/cfn/stack"
	"github.com/drover-project/drover/lab/region/cfn/template"
	"github.com/drover-project/drover/lab/region/store"
)

// later stands for what is known only when the changes are made.
const later = "{{changeSet:KNOWN_AFTER_APPLY}}"

// Change is what a change set would do to one resource.
type Change struct {
	Action, Name, Type, Physical string
	// Replacement is True, False or Conditional for what is modified.
	Replacement string `json:",omitempty"`
	Details     []Detail
	Tags        bool `json:",omitempty"` // the stack's tags change it
}

// Detail is one property that changes.
type Detail struct {
	Property   string
	Recreation string // Always, Never or Conditionally
	// Static: the new value is known.
	Static bool
}

// Actions of changes, in CloudFormation's words.
const (
	actionAdd, actionModify, actionRemove = "Add", "Modify", "Remove"
)

// forecast computes what a definition would change, resource by resource in the
// order in which they would be seen to.
type forecast struct {
	o       *operation
	replace map[string]bool
	added   map[string]bool
	changed map[string]bool
}

// changes are what a definition would do to a stack.
func (c *CloudFormation) changes(tx *store.Tx, s *stack.Stack, d stack.Definition, p *plan) ([]Change, error) {
	o := c.quick(tx, s)
	o.plan = p
	f := &forecast{o: o, replace: map[string]bool{}, added: map[string]bool{}, changed: map[string]bool{}}
	p.scope.Resource, p.scope.Attribute = f.ref, f.attribute
	retagged := !slices.Equal(pairs(s.Target.Tags), pairs(d.Tags))
	var changes []Change
	for _, r := range p.ordered() {
		change, differs, err := f.see(r, retagged)
		if err != nil {
			return nil, refusal(err)
		}
		if differs {
			changes = append(changes, change)
		}
	}
	for _, r := range s.Resources {
		if !p.has(r.Name) {
			changes = append(changes, Change{Action: actionRemove, Name: r.Name, Type: r.Type, Physical: r.Physical})
		}
	}
	slices.SortStableFunc(changes, func(a, b Change) int { return strings.Compare(a.Name, b.Name) })
	return changes, nil
}

func pairs(tags map[string]string) (list []string) {
	for _, key := range sortedKeys(tags) {
		list = append(list, key+"="+tags[key])
	}
	return list
}

// ordered are the plan's resources, each after those it needs.
func (p *plan) ordered() []template.Resource {
	var list []template.Resource
	done := map[string]bool{}
	var visit func(template.Resource)
	visit = func(r template.Resource) {
		if done[r.Name] {
			return
		}
		done[r.Name] = true
		for _, name := range p.needs[r.Name] {
			if needed, exists := p.resource(name); exists {
				visit(needed)
			}
		}
		list = append(list, r)
	}
	for _, r := range p.resources {
		visit(r)
	}
	return list
}

func (f *forecast) ref(name string) (any, error) {
	if f.added[name] || f.replace[name] {
		return later, nil
	}
	return f.o.ref(name)
}

func (f *forecast) attribute(name, attribute string) (any, error) {
	if f.added[name] || f.replace[name] || f.changed[name] && attribute == "LatestVersionNumber" {
		return later, nil
	}
	return f.o.attribute(name, attribute)
}

// see compares one resource with what it is to be.
func (f *forecast) see(r template.Resource, retagged bool) (Change, bool, error) {
	change := Change{Action: actionModify, Name: r.Name, Type: r.Type}
	i := f.o.s.Find(r.Name)
	if i < 0 || f.o.s.Resources[i].Physical == "" {
		f.added[r.Name] = true
		change.Action = actionAdd
		return change, true, nil
	}
	is := f.o.s.Resources[i]
	change.Physical = is.Physical
	after, err := f.o.evaluate(r.Properties)
	if err != nil {
		return change, false, err
	}
	before, err := property.Parse(is.Properties)
	if err != nil {
		return change, false, err
	}
	t, _ := resource.Find(r.Type)
	change.Details = details(t, before, after)
	change.Tags = t.Tagged && retagged
	change.Replacement = replacement(change.Details)
	f.replace[r.Name] = change.Replacement == "True"
	f.changed[r.Name] = len(change.Details) > 0 || change.Tags
	return change, f.changed[r.Name], nil
}

func details(t resource.Type, before, after property.Set) []Detail {
	names := map[string]bool{}
	for name := range before {
		names[name] = true
	}
	for name := range after {
		names[name] = true
	}
	var list []Detail
	for _, name := range sortedKeys(names) {
		was, is := before.JSON(name), after.JSON(name)
		if was == is {
			continue
		}
		d := Detail{Property: name, Recreation: "Never", Static: !strings.Contains(is, later)}
		switch {
		case t.Properties[name] != resource.Replaces:
		case d.Static:
			d.Recreation = "Always"
		default:
			d.Recreation = "Conditionally"
		}
		list = append(list, d)
	}
	return list
}

func replacement(list []Detail) string {
	result := "False"
	for _, d := range list {
		switch d.Recreation {
		case "Always":
			return "True"
		case "Conditionally":
			result = "Conditional"
		}
	}
	return result
}
