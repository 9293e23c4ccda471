package world

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/lab/region/store"
)

// Types of access entries.
const (
	AccessStandard     = "STANDARD"
	AccessEC2Linux     = "EC2_LINUX"
	AccessEC2Windows   = "EC2_WINDOWS"
	AccessEC2          = "EC2"
	AccessFargateLinux = "FARGATE_LINUX"
	AccessHybridLinux  = "HYBRID_LINUX"
)

// ClusterAdminPolicy is the ARN of the access policy that allows everything.
const ClusterAdminPolicy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"

// NewAccessEntry is an access entry without policies. user and groups may be
// empty: then they are those of the type.
func (w *World) NewAccessEntry(tx *store.Tx, principal, kind, user string, groups []string) (AccessEntry, error) {
	uuid, err := w.NewUUID(tx, "access-entry")
	if err != nil {
		return AccessEntry{}, err
	}
	if standard, system := accessOfType(kind); user == "" {
		user = standard
		groups = slices.Concat(groups, system)
	}
	if user == "" {
		user = defaultUser(principal)
	}
	now := w.Clock.Now()
	return AccessEntry{Description: types.AccessEntry{
		AccessEntryArn: aws.String(fmt.Sprintf("arn:aws:eks:%s:%s:access-entry/%s/%s/%s", w.Options.Region, w.Options.Account,
			w.Options.Cluster.Name, principalPath(principal), uuid)),
		ClusterName: aws.String(w.Options.Cluster.Name), PrincipalArn: aws.String(principal), Type: aws.String(kind),
		Username: aws.String(user), KubernetesGroups: groups, CreatedAt: aws.Time(now), ModifiedAt: aws.Time(now), Tags: map[string]string{},
	}}, nil
}

// accessOfType is the user name and the groups that EKS gives to the nodes of a
// type; empty for STANDARD.
func accessOfType(kind string) (user string, groups []string) {
	const node = "system:node:{{EC2PrivateDNSName}}"
	switch kind {
	case AccessEC2Linux:
		return node, []string{"system:nodes"}
	case AccessEC2Windows:
		return node, []string{"system:nodes", "eks:kube-proxy-windows"}
	case AccessEC2:
		return node, nil
	case AccessFargateLinux, AccessHybridLinux:
		return "system:node:{{SessionName}}", []string{"system:node-proxier"}
	}
	return "", nil
}

// defaultUser is the user name of a STANDARD entry that names none.
func defaultUser(principal string) string {
	account := strings.Split(principal, ":")
	if kind, _, _ := strings.Cut(account[len(account)-1], "/"); kind != "role" || len(account) < 6 {
		return principal
	}
	name := principal[strings.LastIndex(principal, "/")+1:]
	return fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/{{SessionName}}", account[4], name)
}

// principalPath is how an access entry's ARN names its principal:
// role/111122223333/name.
func principalPath(principal string) string {
	parts := strings.Split(principal, ":")
	kind, name, _ := strings.Cut(parts[len(parts)-1], "/")
	account := ""
	if len(parts) > 4 {
		account = parts[4]
	}
	return kind + "/" + account + "/" + name
}

// AdmitNodeRole lets the nodes of a role into the cluster, as EKS does for
// managed node groups. An entry that there is stays as it is.
func (w *World) AdmitNodeRole(tx *store.Tx, principal string) error {
	if _, exists := w.AccessEntries.Get(principal); exists {
		return nil
	}
	entry, err := w.NewAccessEntry(tx, principal, AccessEC2Linux, "", nil)
	if err != nil {
		return err
	}
	entry.NodeGroups = true
	return w.AccessEntries.Put(tx, principal, entry)
}

// DismissNodeRole takes back what AdmitNodeRole did, when no node group uses
// the role any more.
func (w *World) DismissNodeRole(tx *store.Tx, principal string) {
	entry, exists := w.AccessEntries.Get(principal)
	used := slices.ContainsFunc(w.NodeGroups.All(), func(g NodeGroup) bool { return aws.ToString(g.Description.NodeRole) == principal })
	if exists && entry.NodeGroups && !used {
		w.AccessEntries.Delete(tx, principal)
	}
}

// seedAccess lets in who is let into a new eksctl cluster: its creator, and the
// nodes that Karpenter makes.
func (w *World) seedAccess(tx *store.Tx) error {
	if err := w.PutCluster(tx, w.Cluster()); err != nil {
		return err
	}
	creator, err := w.NewAccessEntry(tx, w.UserARN(), AccessStandard, "", nil)
	if err != nil {
		return err
	}
	creator.Policies = []types.AssociatedAccessPolicy{{
		PolicyArn: aws.String(ClusterAdminPolicy), AccessScope: &types.AccessScope{Type: types.AccessScopeTypeCluster, Namespaces: []string{}},
		AssociatedAt: aws.Time(w.created), ModifiedAt: aws.Time(w.created),
	}}
	if err := w.AccessEntries.Put(tx, w.UserARN(), creator); err != nil {
		return err
	}
	for _, name := range []string{w.NodeRoleName(), w.groupRoleName()} {
		r, _ := w.Roles.Get(name)
		entry, err := w.NewAccessEntry(tx, w.RoleARN(r), AccessEC2Linux, "", nil)
		if err != nil {
			return err
		}
		if err := w.AccessEntries.Put(tx, w.RoleARN(r), entry); err != nil {
			return err
		}
	}
	return nil
}

// AccessPolicies are the names of the access policies that can be given to
// people. Those for nodes of EKS Auto Mode are not among them: the lab has none.
func AccessPolicies() []string {
	return []string{"AmazonEKSAdminPolicy", "AmazonEKSAdminViewPolicy", "AmazonEKSClusterAdminPolicy", "AmazonEKSEditPolicy", "AmazonEKSViewPolicy"}
}

// AccessPolicyARN is the ARN of an access policy.
func AccessPolicyARN(name string) string { return "arn:aws:eks::aws:cluster-access-policy/" + name }
