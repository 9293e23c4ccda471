package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var vendorPattern = regexp.MustCompile(`^[a-zA-Z0-9.\-]+$`)

// checkIdentity checks what a statement of an identity must and must not have.
func checkIdentity(object map[string]any, s Statement, place string) error {
	for _, name := range []string{"Principal", "NotPrincipal"} {
		if _, given := object[name]; given {
			return malformed(join(place, name), "Policy document should not specify a principal.")
		}
	}
	if len(s.Resources)+len(s.NotResources) == 0 {
		return malformed(place, "Policy statement must contain resources.")
	}
	if len(s.Actions)+len(s.NotActions) == 0 {
		return malformed(place, "Policy statement must contain actions.")
	}
	for i, resource := range append(slices.Clone(s.Resources), s.NotResources...) {
		if err := checkResource(resource, fmt.Sprintf("%s.Resource[%d]", place, i)); err != nil {
			return err
		}
	}
	return checkActions(append(slices.Clone(s.Actions), s.NotActions...), place)
}

func checkActions(actions []string, place string) error {
	for i, action := range actions {
		place := fmt.Sprintf("%s.Action[%d]", place, i)
		vendor, name, found := strings.Cut(action, ":")
		switch {
		case action == "*":
		case !found || name == "":
			return malformed(place, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
		case strings.Contains(name, ":"):
			return malformed(place, "Actions/Condition can contain only one colon.")
		case !vendorPattern.MatchString(vendor):
			return malformed(place, "Vendor %s is not valid", vendor)
		}
	}
	return nil
}

func checkResource(resource, place string) error {
	if resource == "*" {
		return nil
	}
	parts := strings.SplitN(resource, ":", 6)
	if parts[0] != "arn" {
		return malformed(place, `Resource %s must be in ARN format or "*".`, resource)
	}
	if len(parts) < 6 {
		return malformed(place, "The policy failed legacy parsing")
	}
	if !slices.Contains([]string{"*", "aws", "aws-cn", "aws-us-gov"}, parts[1]) {
		return malformed(place, `Partition "%s" is not valid for resource "%s".`, parts[1], resource)
	}
	return nil
}

// readTrust reads the principals of a statement of a trust policy, and checks
// the rest of it.
func readTrust(object map[string]any, s Statement, place string) ([]Principal, error) {
	for _, name := range []string{"Resource", "NotResource"} {
		if _, given := object[name]; given {
			return nil, malformed(place, "Has prohibited field %s", name)
		}
	}
	if len(s.Actions)+len(s.NotActions) == 0 {
		return nil, malformed(place, "Policy statement must contain actions.")
	}
	if err := checkActions(append(slices.Clone(s.Actions), s.NotActions...), place); err != nil {
		return nil, err
	}
	for i, action := range s.Actions {
		if !strings.HasPrefix(strings.ToLower(action), "sts:") {
			return nil, malformed(fmt.Sprintf("%s.Action[%d]", place, i), "AssumeRole policy may only specify STS AssumeRole actions.")
		}
	}
	if _, given := object["NotPrincipal"]; given {
		return nil, malformed(place, "AssumeRolepolicy contained an invalid element: NotPrincipal")
	}
	value, given := object["Principal"]
	if !given {
		return nil, malformed(place, "Missing required field Principal")
	}
	return readPrincipals(value, place+".Principal")
}

// readResource reads the principals of a statement of a resource's policy, and
// checks the rest of it.
func readResource(object map[string]any, s Statement, place string) ([]Principal, error) {
	if _, given := object["NotPrincipal"]; given {
		return nil, malformed(join(place, "NotPrincipal"), "Policy document must specify whom it is about with Principal.")
	}
	if len(s.Resources)+len(s.NotResources) == 0 {
		return nil, malformed(place, "Policy statement must contain resources.")
	}
	if len(s.Actions)+len(s.NotActions) == 0 {
		return nil, malformed(place, "Policy statement must contain actions.")
	}
	for i, resource := range append(slices.Clone(s.Resources), s.NotResources...) {
		if err := checkResource(resource, fmt.Sprintf("%s.Resource[%d]", place, i)); err != nil {
			return nil, err
		}
	}
	if err := checkActions(append(slices.Clone(s.Actions), s.NotActions...), place); err != nil {
		return nil, err
	}
	return readPrincipals(object["Principal"], join(place, "Principal"))
}

func readPrincipals(value any, place string) ([]Principal, error) {
	if value == "*" {
		return []Principal{{"AWS", "*"}}, nil
	}
	object, isObject := value.(map[string]any)
	if !isObject || len(object) == 0 {
		return nil, malformed(place, "Missing required field Principal cannot be empty!")
	}
	var principals []Principal
	for _, kind := range []string{"AWS", "Federated", "Service"} {
		ids, err := texts(object[kind], join(place, kind))
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			if !validPrincipal(kind, id) {
				return nil, malformed(join(place, kind), `Invalid principal in policy: "%s":"%s"`, strings.ToUpper(kind), id)
			}
			principals = append(principals, Principal{kind, id})
		}
	}
	if err := onlyKeys(object, place, "AWS", "Federated", "Service"); err != nil {
		return nil, err
	}
	if len(principals) == 0 {
		return nil, malformed(place, "Missing required field Principal cannot be empty!")
	}
	return principals, nil
}

var (
	accountPattern   = regexp.MustCompile(`^\d{12}$`)
	principalPattern = regexp.MustCompile(`^arn:aws[a-z-]*:(iam|sts)::\d{12}:(root$|(user|role|assumed-role|federated-user)/.+)`)
	servicePattern   = regexp.MustCompile(`^[a-z0-9.-]+\.amazonaws\.com(\.cn)?$`)
	federatedPattern = regexp.MustCompile(`^(arn:aws[a-z-]*:iam::\d{12}:(oidc-provider|saml-provider)/.+|[a-z0-9.-]+\.[a-z]+)$`)
	userIDPattern    = regexp.MustCompile(`^A(ROA|IDA)[A-Z0-9]+$`)
)

func validPrincipal(kind, id string) bool {
	switch kind {
	case "AWS":
		return id == "*" || accountPattern.MatchString(id) || principalPattern.MatchString(id) || userIDPattern.MatchString(id)
	case "Service":
		return servicePattern.MatchString(id)
	}
	return federatedPattern.MatchString(id)
}
