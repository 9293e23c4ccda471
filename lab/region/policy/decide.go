package policy

import (
	"slices"
	"strings"
)

// Request is what a policy with principals is asked.
type Request struct {
	Action   string // sts:AssumeRole
	Resource string // ARN; of the policy of a resource only
	// Principals are all names that the caller goes by.
	Principals []Principal
	// Context is the values of condition keys.
	Context map[string][]string
}

// Allows reports whether a statement allows the request and none denies it.
func (d Document) Allows(r Request) bool {
	allowed := false
	for _, s := range d.Statements {
		if !s.applies(r) {
			continue
		}
		if !s.Allow {
			return false
		}
		allowed = true
	}
	return allowed
}

func (s Statement) applies(r Request) bool {
	if !s.names(r.Action) || !s.trusts(r.Principals) || !s.covers(r.Resource) {
		return false
	}
	for _, c := range s.Conditions {
		if !c.holds(valuesOf(r.Context, c.Key)) {
			return false
		}
	}
	return true
}

// valuesOf finds the values of a key, whose case does not matter.
func valuesOf(context map[string][]string, key string) []string {
	for name, values := range context {
		if strings.EqualFold(name, key) {
			return values
		}
	}
	return nil
}

func (s Statement) names(action string) bool {
	for _, pattern := range s.Actions {
		if like(strings.ToLower(pattern), strings.ToLower(action)) {
			return true
		}
	}
	if len(s.NotActions) == 0 {
		return false
	}
	for _, pattern := range s.NotActions {
		if like(strings.ToLower(pattern), strings.ToLower(action)) {
			return false
		}
	}
	return true
}

// covers reports whether a statement is about a resource; those of trust policies
// name none.
func (s Statement) covers(resource string) bool {
	fits := func(pattern string) bool { return like(pattern, resource) }
	switch {
	case len(s.Resources) > 0:
		return slices.ContainsFunc(s.Resources, fits)
	case len(s.NotResources) > 0:
		return !slices.ContainsFunc(s.NotResources, fits)
	}
	return true
}

func (s Statement) trusts(callers []Principal) bool {
	for _, trusted := range s.Principals {
		for _, caller := range callers {
			if trusted.Kind == caller.Kind && (trusted.ID == caller.ID || trusted.ID == "*" && trusted.Kind == "AWS") {
				return true
			}
		}
	}
	return false
}

// like matches * and ? as IAM does.
func like(pattern, value string) bool {
	// star is where the last * was, from which the match can be tried longer.
	p, v, star, mark := 0, 0, -1, 0
	for v < len(value) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, v
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == value[v]):
			p++
			v++
		case star >= 0:
			mark++
			p, v = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
