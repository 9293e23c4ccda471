// Package access decides who an IAM principal is in the cluster, by access
// entries and by the ConfigMap aws-auth, as the authentication mode says.
package access

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"sigs.k8s.io/yaml"

	"github.com/drover-project/drover/lab/region/world"
)

// Caller is a principal that wants to authenticate.
type Caller struct {
	// ARN is that of a user, a role or a session of a role
	// (arn:aws:sts::111122223333:assumed-role/name/session).
	ARN string
	// PrivateDNSName is the name of the instance that the caller is; empty for
	// any other caller.
	PrivateDNSName string
}

// Identity is who a caller is in the cluster.
type Identity struct {
	Username string
	Groups   []string
	// Policies are the access policies of its access entry.
	Policies []types.AssociatedAccessPolicy
}

// Rules are what decides.
type Rules struct {
	Mode    types.AuthenticationMode
	Entries []world.AccessEntry
	// ConfigMap is the data of kube-system/aws-auth, nil when there is none.
	ConfigMap map[string]string
}

// Identify finds who a caller is. The error says that it is nobody, and where
// it would have to be named.
func (r Rules) Identify(c Caller) (Identity, error) {
	if r.Mode != types.AuthenticationModeConfigMap {
		for _, e := range r.Entries {
			if canonical(aws.ToString(e.Description.PrincipalArn)) == canonical(c.ARN) {
				return c.identity(aws.ToString(e.Description.Username), e.Description.KubernetesGroups, e.Policies), nil
			}
		}
	}
	if r.Mode == types.AuthenticationModeApi {
		return Identity{}, fmt.Errorf("%s has no access entry", canonical(c.ARN))
	}
	mapped, found, err := c.mapped(r.ConfigMap)
	if err != nil || found {
		return mapped, err
	}
	if r.Mode == types.AuthenticationModeConfigMap {
		return Identity{}, fmt.Errorf("%s is not mapped in the ConfigMap kube-system/aws-auth", canonical(c.ARN))
	}
	return Identity{}, fmt.Errorf("%s has no access entry and is not mapped in the ConfigMap kube-system/aws-auth", canonical(c.ARN))
}

// mapping is one entry of aws-auth.
type mapping struct {
	RoleARN  string   `json:"rolearn"`
	UserARN  string   `json:"userarn"`
	Username string   `json:"username"`
	Groups   []string `json:"groups"`
}

// mapped looks a caller up in aws-auth, which names roles without their path.
func (c Caller) mapped(data map[string]string) (Identity, bool, error) {
	for _, section := range []string{"mapRoles", "mapUsers"} {
		var list []mapping
		if err := yaml.Unmarshal([]byte(data[section]), &list); err != nil {
			return Identity{}, false, fmt.Errorf("%s of the ConfigMap kube-system/aws-auth: %w", section, err)
		}
		for _, m := range list {
			if arn := m.RoleARN + m.UserARN; arn != "" && strings.EqualFold(arn, canonical(c.ARN)) {
				return c.identity(m.Username, m.Groups, nil), true, nil
			}
		}
	}
	var accounts []string
	if err := yaml.Unmarshal([]byte(data["mapAccounts"]), &accounts); err != nil {
		return Identity{}, false, fmt.Errorf("mapAccounts of the ConfigMap kube-system/aws-auth: %w", err)
	}
	if slices.Contains(accounts, account(c.ARN)) {
		return Identity{Username: canonical(c.ARN)}, true, nil
	}
	return Identity{}, false, nil
}

func (c Caller) identity(user string, groups []string, policies []types.AssociatedAccessPolicy) Identity {
	session := ""
	if parts := strings.Split(c.ARN, "/"); strings.Contains(c.ARN, ":assumed-role/") {
		session = parts[len(parts)-1]
	}
	fill := strings.NewReplacer("{{EC2PrivateDNSName}}", c.PrivateDNSName, "{{SessionName}}", strings.ReplaceAll(session, "@", "-"),
		"{{SessionNameRaw}}", session, "{{AccountID}}", account(c.ARN))
	identity := Identity{Username: fill.Replace(user), Policies: policies}
	if user == "" {
		identity.Username = canonical(c.ARN)
	}
	for _, group := range groups {
		identity.Groups = append(identity.Groups, fill.Replace(group))
	}
	return identity
}

// canonical is the ARN of the user or role behind a caller, without a path.
func canonical(arn string) string {
	parts := strings.Split(arn, ":")
	last := parts[len(parts)-1]
	kind, name, _ := strings.Cut(last, "/")
	switch {
	case len(parts) != 6:
		return arn
	case kind == "assumed-role":
		role, _, _ := strings.Cut(name, "/")
		return fmt.Sprintf("arn:%s:iam::%s:role/%s", parts[1], parts[4], role)
	case kind == "role":
		return fmt.Sprintf("arn:%s:iam::%s:role/%s", parts[1], parts[4], name[strings.LastIndex(name, "/")+1:])
	}
	return arn
}

func account(arn string) string {
	parts := strings.Split(arn, ":")
	if len(parts) < 6 {
		return ""
	}
	return parts[4]
}

// CheckNode is the error of a node that the cluster does not let in, nil for
// one that it does.
func (i Identity) CheckNode(name string) error {
	if user := "system:node:" + name; i.Username != user {
		return fmt.Errorf("its role is mapped to user %q, not %q", i.Username, user)
	}
	if !slices.Contains(i.Groups, "system:nodes") {
		return fmt.Errorf("its role is mapped to the groups %v, without system:nodes", i.Groups)
	}
	return nil
}
