package iamapi

import (
	_ "embed"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/world"
)

//go:embed managed.txt
var managedText string

// awsPrefix is how the names of AWS managed policies begin.
const awsPrefix = "arn:aws:iam::aws:policy/"

// awsManaged are the policies of AWS that this account knows, in the order of
// their ARNs.
func awsManaged() []managedPolicy {
	var list []managedPolicy
	for line := range strings.Lines(managedText) {
		words := strings.Fields(line)
		if len(words) < 3 || words[0] == "#" {
			continue
		}
		list = append(list, awsPolicy(words[0], words[1], words[2:]))
	}
	slices.SortFunc(list, func(a, b managedPolicy) int { return strings.Compare(a.arn, b.arn) })
	return list
}

// managedPolicy is a managed policy, of AWS or of the account.
type managedPolicy struct {
	world.Policy
	arn string
	aws bool
}

func awsPolicy(path, name string, actions []string) managedPolicy {
	document, err := json.Marshal(map[string]any{
		"Version": "2012-10-17", "Statement": []any{map[string]any{"Effect": "Allow", "Action": actions, "Resource": "*"}},
	})
	if err != nil {
		document = nil // strings can always be written
	}
	since := time.Date(2024, 10, 10, 0, 0, 0, 0, time.UTC)
	return managedPolicy{aws: true, arn: awsPrefix + strings.TrimPrefix(path, "/") + name, Policy: world.Policy{
		Name: name, ID: "ANPA" + digest(name), Path: path, Created: since, Updated: since, Default: 1, Latest: 1,
		Versions: []world.PolicyVersion{{Number: 1, Document: string(document), Created: since}},
	}}
}

// customer is a policy of the account.
func (i *IAM) customer(p world.Policy) managedPolicy {
	return managedPolicy{Policy: p, arn: *i.arn("policy", p.Path, p.Name)}
}

// findPolicy finds a managed policy by its ARN.
func (i *IAM) findPolicy(arn string) (managedPolicy, error) {
	if strings.HasPrefix(arn, awsPrefix) {
		list := awsManaged()
		if at := slices.IndexFunc(list, func(p managedPolicy) bool { return p.arn == arn }); at >= 0 {
			return list[at], nil
		}
		return managedPolicy{}, noPolicy(arn)
	}
	p, found := i.world.Policies.Get(arn)
	if !found {
		return managedPolicy{}, noPolicy(arn)
	}
	return i.customer(p), nil
}

func noPolicy(arn string) error {
	return awserr.WithStatus(notFound, "NoSuchEntity", "Policy %s was not found.", arn)
}

// isPolicyARN reports whether an ARN can be that of a managed policy.
func isPolicyARN(arn string) bool {
	return strings.HasPrefix(arn, "arn:aws:iam::") && strings.Contains(arn, ":policy/")
}

func invalidARN(arn string) error {
	return awserr.New("InvalidInput", "ARN %s is not valid: a policy's is like arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy", arn)
}

// ownPolicy finds a policy that the account may change.
func (i *IAM) ownPolicy(arn string) (world.Policy, error) {
	if !isPolicyARN(arn) {
		return world.Policy{}, invalidARN(arn)
	}
	if strings.HasPrefix(arn, awsPrefix) {
		return world.Policy{}, awserr.WithStatus(403, "AccessDenied", "User: %s is not authorized to perform this operation on resource: policy %s", *i.arn("user", "/", userName), arn)
	}
	p, err := i.findPolicy(arn)
	return p.Policy, err
}
