package cfnapi

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/drover-project/drover/lab/region/cfn/intrinsic"
	"github.com/drover-project/drover/lab/region/cfn/resource"
	"github.com/drover-project/drover/lab/region/cfn/stack"
	"github.com/drover-project/drover/lab/region/cfn/template"
)

// plan is a definition understood: its template, what its names stand for and
// which resources it has.
type plan struct {
	template *template.Template
	scope    *intrinsic.Scope
	// resources whose condition holds, as written.
	resources []template.Resource
	// needs are what each waits for.
	needs map[string][]string
}

// plan reads a definition for a stack. Ref and Fn::GetAtt of resources are for
// the caller to add.
func (c *CloudFormation) plan(s *stack.Stack, d stack.Definition) (*plan, error) {
	t, err := template.Parse(d.Body)
	if err != nil {
		return nil, refusal(err)
	}
	p := &plan{template: t, scope: &intrinsic.Scope{
		Template: t, Values: map[string]any{}, Pseudo: c.pseudo(s, d), Zones: c.zones, Import: c.importer(s.ID),
	}, needs: map[string][]string{}}
	for _, declared := range t.Parameters {
		i := slices.IndexFunc(d.Parameters, func(v stack.Parameter) bool { return v.Name == declared.Name })
		if i >= 0 {
			p.scope.Values[declared.Name] = parameterValue(declared, d.Parameters[i].Effective())
		}
	}
	for _, r := range t.Resources {
		holds := true
		if r.Condition != "" {
			if holds, err = p.scope.Condition(r.Condition); err != nil {
				return nil, refusal(err)
			}
		}
		if holds {
			p.resources = append(p.resources, r)
		}
	}
	for _, r := range p.resources {
		p.needs[r.Name] = p.needsOf(r)
	}
	return p, nil
}

func parameterValue(declared template.Parameter, value string) any {
	if !declared.List() {
		return value
	}
	items := []any{}
	if value == "" {
		return items
	}
	for _, item := range template.Split(value) {
		items = append(items, item)
	}
	return items
}

// needsOf are the resources of the plan that one waits for, in order.
func (p *plan) needsOf(r template.Resource) []string {
	names := slices.Clone(r.DependsOn)
	for _, n := range []*template.Node{r.Properties, r.CreationPolicy, r.UpdatePolicy} {
		for _, ref := range template.References(n, p.scope.Live) {
			names = append(names, ref.Name)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return slices.DeleteFunc(names, func(name string) bool { return name == r.Name || !p.has(name) })
}

func (p *plan) has(name string) bool {
	return slices.ContainsFunc(p.resources, func(r template.Resource) bool { return r.Name == name })
}

func (p *plan) resource(name string) (template.Resource, bool) {
	i := slices.IndexFunc(p.resources, func(r template.Resource) bool { return r.Name == name })
	if i < 0 {
		return template.Resource{}, false
	}
	return p.resources[i], true
}

// refusal makes a ValidationError of what is wrong with a template.
func refusal(err error) error {
	var wrong *template.Error
	if errors.As(err, &wrong) {
		return invalid("%s", wrong.Message)
	}
	return err
}

func (c *CloudFormation) pseudo(s *stack.Stack, d stack.Definition) map[string]any {
	notifications := []any{}
	for _, arn := range d.Notifications {
		notifications = append(notifications, arn)
	}
	return map[string]any{
		"AWS::Region": c.world.Options.Region, "AWS::AccountId": c.world.Options.Account, "AWS::StackName": s.Name, "AWS::StackId": s.ID,
		"AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com", "AWS::NotificationARNs": notifications,
	}
}

func (c *CloudFormation) zones(region string) []string {
	if region != c.world.Options.Region {
		return nil
	}
	var zones []string
	for _, z := range c.world.Network.Zones {
		zones = append(zones, z.Name)
	}
	return zones
}

// importer gives the values that other stacks export.
func (c *CloudFormation) importer(id string) func(string) (any, error) {
	return func(name string) (any, error) {
		if owner, o, found := c.export(name); found && owner.ID != id {
			return o.Value, nil
		}
		return nil, &template.Error{Message: fmt.Sprintf("No export named %s found", name)}
	}
}

// export finds what exports a name.
func (c *CloudFormation) export(name string) (stack.Stack, stack.Output, bool) {
	for _, s := range c.stacks.All() {
		for _, o := range s.Outputs {
			if o.Export == name && s.Deleted.IsZero() {
				return s, o, true
			}
		}
	}
	return stack.Stack{}, stack.Output{}, false
}

// check holds a plan against what CloudFormation knows before it makes anything:
// types, names, cycles.
func (p *plan) check() error {
	if err := p.checkTypes(); err != nil {
		return err
	}
	if err := p.checkNames(); err != nil {
		return err
	}
	var names []string
	for _, r := range p.resources {
		names = append(names, r.Name)
	}
	if cycle := template.Cycle(names, func(name string) []string { return p.needs[name] }); cycle != nil {
		return refusal(template.CycleError(cycle))
	}
	return p.checkConditions()
}

func (p *plan) checkTypes() error {
	var unknown []string
	for _, r := range p.template.Resources {
		if _, known := resource.Find(r.Type); !known && !slices.Contains(unknown, r.Type) {
			unknown = append(unknown, r.Type)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return invalid("Template format error: Unrecognized resource types: [%s]", strings.Join(unknown, ", "))
	}
	for _, r := range p.template.Resources {
		if r.UpdatePolicy.Get("AutoScalingReplacingUpdate") != nil {
			return invalid("Template format error: UpdatePolicy AutoScalingReplacingUpdate of %s is not supported by this endpoint", r.Name)
		}
	}
	return nil
}

// checkConditions computes all conditions, also those that nothing uses.
func (p *plan) checkConditions() error {
	for _, f := range p.template.Conditions {
		if _, err := p.scope.Condition(f.Name); err != nil {
			return refusal(err)
		}
	}
	for _, o := range p.template.Outputs {
		if o.Condition != "" {
			if _, err := p.scope.Condition(o.Condition); err != nil {
				return refusal(err)
			}
		}
	}
	return nil
}

// checkNames finds names that stand for nothing.
func (p *plan) checkNames() error {
	var lost []string
	for _, r := range p.resources {
		for _, name := range r.DependsOn {
			if _, exists := p.template.Resource(name); !exists {
				lost = append(lost, name)
			}
		}
		missing, err := p.lostIn(r.Properties)
		if err != nil {
			return err
		}
		lost = append(lost, missing...)
	}
	if len(lost) > 0 {
		return unresolved(lost, "Resources")
	}
	for _, o := range p.outputs() {
		for _, n := range []*template.Node{o.Value, o.Export} {
			missing, err := p.lostIn(n)
			if err != nil {
				return err
			}
			lost = append(lost, missing...)
		}
	}
	if len(lost) > 0 {
		return unresolved(lost, "Outputs")
	}
	return nil
}

func unresolved(names []string, block string) error {
	slices.Sort(names)
	return refusal(template.Unresolved(slices.Compact(names), block))
}

// outputs are those whose condition holds.
func (p *plan) outputs() []template.Output {
	var list []template.Output
	for _, o := range p.template.Outputs {
		if o.Condition != "" {
			if holds, err := p.scope.Condition(o.Condition); err != nil || !holds {
				continue
			}
		}
		list = append(list, o)
	}
	return list
}

// lostIn are the names in a node that stand for nothing; an attribute that a
// type has not is an error.
func (p *plan) lostIn(n *template.Node) (lost []string, err error) {
	for _, ref := range template.References(n, p.scope.Live) {
		_, isValue := p.scope.Values[ref.Name]
		_, isPseudo := p.scope.Pseudo[ref.Name]
		r, isResource := p.resource(ref.Name)
		switch {
		case ref.Attribute != "" && !isResource:
			return nil, invalid("Template error: instance of Fn::GetAtt references undefined resource %s", ref.Name)
		case ref.Attribute != "" && ref.Attribute != "*":
			if t, _ := resource.Find(r.Type); !slices.Contains(t.Attributes, ref.Attribute) {
				return nil, invalid("Template error: resource %s does not support attribute type %s in Fn::GetAtt", ref.Name, ref.Attribute)
			}
		case isValue || isPseudo || isResource || ref.Name == "AWS::NoValue":
		default:
			lost = append(lost, ref.Name)
		}
	}
	return lost, nil
}
