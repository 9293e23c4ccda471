package eksctl

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Finding is one rule that a file breaks.
type Finding struct {
	// Field is a path such as managedNodeGroups[0].minSize.
	Field   string
	Message string
	// Right is what was probably meant; it may be empty.
	Right string
}

type findings struct{ all []Finding }

func (f *findings) add(field, format string, args ...any) {
	f.all = append(f.all, Finding{Field: field, Message: fmt.Sprintf(format, args...)})
}

// refuse says the same of every field that is set.
func (f *findings) refuse(path, message string, fields map[string]bool) {
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if fields[field] {
			f.add(path+"."+field, "%s", message)
		}
	}
}

// oneOf checks a value against the words that its field takes.
func (f *findings) oneOf(field, value string, words ...string) {
	if value == "" {
		return
	}
	for _, word := range words {
		if value == word {
			return
		}
	}
	f.all = append(f.all, Finding{
		Field: field, Message: fmt.Sprintf("%q must be one of %s", value, strings.Join(words, ", ")), Right: near(value, words),
	})
}

var (
	nodeGroupName = regexp.MustCompile(`^[a-zA-Z0-9][-a-zA-Z0-9]*$`)
	clusterName   = regexp.MustCompile(`^[a-zA-Z0-9][-_a-zA-Z0-9]*$`)
	arnShape      = regexp.MustCompile(`^arn:[a-z-]+:[a-z0-9-]+:[a-z0-9-]*:([0-9]*|aws):.+$`)
)

// Validate checks a file's values against eksctl's rules. It does not change the
// file; rules that depend on the cluster are checked where the cluster is known.
func Validate(c *ClusterConfig) []Finding {
	f := &findings{}
	f.metadata(c.Metadata)
	names := map[string]string{}
	for i := range c.NodeGroups {
		path := fmt.Sprintf("nodeGroups[%d]", i)
		f.unique(names, path, c.NodeGroups[i].Name)
		f.nodeGroup(path, &c.NodeGroups[i])
	}
	for i := range c.ManagedNodeGroups {
		path := fmt.Sprintf("managedNodeGroups[%d]", i)
		f.unique(names, path, c.ManagedNodeGroups[i].Name)
		f.managed(path, &c.ManagedNodeGroups[i])
	}
	f.iam(c)
	f.addons(c.Addons)
	f.fargate(c.FargateProfiles)
	f.network(c)
	f.features(c)
	f.controlPlane(c)
	return f.all
}

func (f *findings) metadata(m *Metadata) {
	if m == nil {
		f.add("metadata", "is missing: it names the cluster and its region")
		return
	}
	if m.Name == "" {
		f.add("metadata.name", "is missing: it is the name of the cluster")
	} else if !clusterName.MatchString(m.Name) {
		f.add("metadata.name", "%q must be of letters, digits, - and _", m.Name)
	}
	if m.Version != "" && !regexp.MustCompile(`^(1\.\d+|auto|latest)$`).MatchString(m.Version) {
		f.add("metadata.version", "%q must be MAJOR.MINOR in quotes, such as \"1.34\"", m.Version)
	}
	if m.RollbackConfig != nil && (m.RollbackConfig.TimeoutMinutes < 120 || m.RollbackConfig.TimeoutMinutes > 20160) {
		f.add("metadata.rollbackConfig.timeoutMinutes", "must be between 120 and 20160, not %d", m.RollbackConfig.TimeoutMinutes)
	}
}

// unique checks the name of a group; stacks are named after it.
func (f *findings) unique(seen map[string]string, path, name string) {
	field := path + ".name"
	switch first, twice := seen[name]; {
	case name == "":
		f.add(field, "is missing")
	case !nodeGroupName.MatchString(name):
		f.add(field, "%q must be of letters, digits and -", name)
	case twice:
		f.add(field, "%q is the name of %s already", name, first)
	default:
		seen[name] = path
	}
}

func (f *findings) iam(c *ClusterConfig) {
	if c.IAM == nil {
		return
	}
	for i := range c.IAM.ServiceAccounts {
		f.serviceAccount(fmt.Sprintf("iam.serviceAccounts[%d]", i), &c.IAM.ServiceAccounts[i])
	}
	if len(c.IAM.ServiceAccounts) > 0 && !True(c.IAM.WithOIDC) {
		f.add("iam.withOIDC", "must be true for iam.serviceAccounts to get their roles")
	}
	for i := range c.IAM.PodIdentityAssociations {
		f.podIdentity(fmt.Sprintf("iam.podIdentityAssociations[%d]", i), &c.IAM.PodIdentityAssociations[i])
	}
}

func (f *findings) serviceAccount(path string, account *ServiceAccount) {
	if account.Metadata == nil || account.Metadata.Name == "" {
		f.add(path+".metadata.name", "is missing")
	}
	for i, arn := range account.AttachPolicyARNs {
		f.arn(fmt.Sprintf("%s.attachPolicyARNs[%d]", path, i), arn)
	}
	f.arn(path+".attachRoleARN", account.AttachRoleARN)
	if len(account.AttachPolicyARNs) == 0 && account.AttachPolicy == nil && account.AttachRoleARN == "" && account.WellKnownPolicies == nil {
		f.add(path, "gives no permissions: set attachPolicyARNs, attachPolicy, wellKnownPolicies or attachRoleARN")
	}
}

func (f *findings) podIdentity(path string, association *PodIdentityAssociation) {
	if association.Namespace == "" {
		f.add(path+".namespace", "is missing")
	}
	if association.ServiceAccountName == "" {
		f.add(path+".serviceAccountName", "is missing")
	}
	f.arn(path+".roleARN", association.RoleARN)
	if association.PermissionPolicyName != "" && association.PermissionPolicy == nil {
		f.add(path+".permissionPolicyName", "needs permissionPolicy")
	}
}

func (f *findings) arn(field, value string) {
	if value != "" && !arnShape.MatchString(value) {
		f.add(field, "%q is no ARN; it looks like arn:aws:iam::111122223333:policy/NAME", value)
	}
}

func (f *findings) addons(addons []Addon) {
	seen := map[string]int{}
	for i := range addons {
		addon, path := &addons[i], fmt.Sprintf("addons[%d]", i)
		first, twice := seen[addon.Name]
		switch {
		case addon.Name == "":
			f.add(path+".name", "is missing")
		case twice:
			f.add(path+".name", "%q is addons[%d] already", addon.Name, first)
		default:
			seen[addon.Name] = i
		}
		f.oneOf(path+".resolveConflicts", strings.ToLower(addon.ResolveConflicts), "none", "overwrite", "preserve")
		sources := count(addon.ServiceAccountRoleARN != "", len(addon.AttachPolicyARNs) > 0, addon.AttachPolicy != nil, addon.WellKnownPolicies != nil)
		if sources > 1 {
			f.add(path, "only one of serviceAccountRoleARN, attachPolicyARNs, attachPolicy and wellKnownPolicies can be set")
		}
		f.arn(path+".serviceAccountRoleARN", addon.ServiceAccountRoleARN)
		for n, arn := range addon.AttachPolicyARNs {
			f.arn(fmt.Sprintf("%s.attachPolicyARNs[%d]", path, n), arn)
		}
		if len(addon.PodIdentityAssociations) > 0 && addon.UseDefaultPodIdentityAssociations {
			f.add(path+".useDefaultPodIdentityAssociations", "cannot be set beside podIdentityAssociations")
		}
	}
}

func count(conditions ...bool) int {
	n := 0
	for _, condition := range conditions {
		if condition {
			n++
		}
	}
	return n
}

func (f *findings) fargate(profiles []FargateProfile) {
	for i := range profiles {
		profile, path := &profiles[i], fmt.Sprintf("fargateProfiles[%d]", i)
		switch {
		case profile.Name == "":
			f.add(path+".name", "is missing")
		case strings.HasPrefix(profile.Name, "eks-"):
			f.add(path+".name", "%q must not start with eks-, which EKS keeps for itself", profile.Name)
		}
		if len(profile.Selectors) == 0 {
			f.add(path+".selectors", "is empty: a profile has at least one selector")
		}
		if len(profile.Selectors) > 5 {
			f.add(path+".selectors", "has %d selectors; EKS takes 5", len(profile.Selectors))
		}
		for n := range profile.Selectors {
			if profile.Selectors[n].Namespace == "" {
				f.add(fmt.Sprintf("%s.selectors[%d].namespace", path, n), "is missing")
			}
		}
	}
}

// True is whether a switch is set to true.
func True(value *bool) bool { return value != nil && *value }

// False is whether a switch is set to false.
func False(value *bool) bool { return value != nil && !*value }
