package eksapi

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// addon finds an add-on as it is now: what it was becoming has happened when
// its time is over. Use it within View or Update.
func (e *EKS) addon(name string) (world.Addon, error) {
	a, found := e.world.Addons.Get(name)
	missing := notFound("No addon: %s found in cluster: %s", name, e.world.Options.Cluster.Name)
	if !found {
		return a, missing
	}
	if !e.world.Over(a.Since, addonTakes) {
		return a, nil
	}
	switch a.Description.Status {
	case types.AddonStatusDeleting:
		return a, missing
	case types.AddonStatusCreating, types.AddonStatusUpdating:
		a.Description.Status, a.Update = types.AddonStatusActive, ""
	}
	return a, nil
}

func (e *EKS) addons() (list []world.Addon) {
	for _, name := range e.world.Addons.Keys() {
		if a, err := e.addon(name); err == nil {
			list = append(list, a)
		}
	}
	return list
}

// health says what the lab does not do of an add-on.
func (f addonFacts) health(values string) *types.AddonHealth {
	health := &types.AddonHealth{Issues: []types.AddonIssue{}}
	say := func(code types.AddonIssueCode, text string) {
		health.Issues = append(health.Issues, types.AddonIssue{Code: code, Message: aws.String(text), ResourceIds: []string{f.name}})
	}
	if !f.ships {
		say(types.AddonIssueCodeK8sResourceNotFound, "The lab runs no pods for this add-on: "+f.without+".")
	} else if strings.TrimSpace(values) != "" {
		say(types.AddonIssueCodeUnsupportedAddonModification, "The lab keeps the configuration values, but the add-on's pods do not follow them.")
	}
	return health
}

// CreateAddon takes an add-on under EKS's management. The pods of those that
// the lab ships run already; for others its health says that there are none.
func (e *EKS) CreateAddon(_ context.Context, in *eks.CreateAddonInput) (*eks.CreateAddonOutput, error) {
	if err := supported(in, "AddonName", "ClusterName", "AddonVersion", "ClientRequestToken", "ConfigurationValues", "PodIdentityAssociations",
		"ResolveConflicts", "ServiceAccountRoleArn", "Tags"); err != nil {
		return nil, err
	}
	if err := e.checkCluster(in.ClusterName); err != nil {
		return nil, err
	}
	f, err := facts(aws.ToString(in.AddonName))
	if err != nil {
		return nil, err
	}
	t, out := token("CreateAddon", in.ClientRequestToken, in), &eks.CreateAddonOutput{}
	err = e.world.Store.Update(func(tx *store.Tx) error {
		if found, err := e.answered(t, out); found || err != nil {
			return err
		}
		if _, err := e.addon(f.name); err == nil {
			return inUse("Addon already exists.")
		}
		change := addonChange{in.AddonVersion, in.ConfigurationValues, in.ServiceAccountRoleArn, in.ResolveConflicts}
		if err := e.checkAddon(f, change); err != nil {
			return err
		}
		if err := checkTags(in.Tags); err != nil {
			return err
		}
		a, err := e.newAddon(tx, f, in)
		if err != nil {
			return err
		}
		out.Addon = &a.Description
		if err := e.world.Addons.Put(tx, f.name, a); err != nil {
			return err
		}
		return e.world.Remember(tx, t, out)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// addonChange is what can be said of an add-on.
type addonChange struct {
	version, configuration, role *string
	resolve                      types.ResolveConflicts
}

func (e *EKS) checkAddon(f addonFacts, c addonChange) error {
	cluster := e.world.Options.Cluster.Version
	if version := aws.ToString(c.version); version != "" && version != f.version || !slices.Contains(f.clusterVersions(), cluster) {
		return invalid("Addon version specified is not supported, AddonName: \"%s\", AddonVersion: \"%s\", KubernetesVersion: \"%s\"", f.name, version, cluster)
	}
	if c.resolve != "" && !slices.Contains(c.resolve.Values(), c.resolve) {
		return invalid("Invalid resolveConflicts %q: use one of %v", c.resolve, c.resolve.Values())
	}
	if role := aws.ToString(c.role); role != "" && !e.exists(role) {
		return invalid("The role %s cannot be found", role)
	}
	return f.checkConfiguration(aws.ToString(c.configuration))
}

func (e *EKS) newAddon(tx *store.Tx, f addonFacts, in *eks.CreateAddonInput) (a world.Addon, err error) {
	uuid, err := e.world.NewUUID(tx, "addon")
	if err != nil {
		return a, err
	}
	now, cluster := e.world.Clock.Now(), *in.ClusterName
	a = world.Addon{Since: now, Description: types.Addon{
		AddonName: aws.String(f.name), AddonVersion: aws.String(f.version), ClusterName: in.ClusterName,
		AddonArn: aws.String(e.arn("addon/" + cluster + "/" + f.name + "/" + uuid)), CreatedAt: aws.Time(now), ModifiedAt: aws.Time(now),
		ConfigurationValues: in.ConfigurationValues, ServiceAccountRoleArn: in.ServiceAccountRoleArn, Status: types.AddonStatusCreating,
		Health: f.health(aws.ToString(in.ConfigurationValues)), Tags: in.Tags,
	}}
	if a.Description.Tags == nil {
		a.Description.Tags = map[string]string{}
	}
	a.Description.PodIdentityAssociations, err = e.associate(tx, in.PodIdentityAssociations, *a.Description.AddonArn)
	return a, err
}

// DescribeAddon describes an add-on.
func (e *EKS) DescribeAddon(_ context.Context, in *eks.DescribeAddonInput) (out *eks.DescribeAddonOutput, err error) {
	if err := e.checkCluster(in.ClusterName); err != nil {
		return nil, err
	}
	e.world.Store.View(func() {
		var a world.Addon
		if a, err = e.addon(aws.ToString(in.AddonName)); err == nil {
			out = &eks.DescribeAddonOutput{Addon: &a.Description}
		}
	})
	return out, err
}

// ListAddons names the add-ons under EKS's management: none at first.
func (e *EKS) ListAddons(_ context.Context, in *eks.ListAddonsInput) (*eks.ListAddonsOutput, error) {
	if err := e.checkCluster(in.ClusterName); err != nil {
		return nil, err
	}
	names := []string{}
	e.world.Store.View(func() {
		for _, a := range e.addons() {
			names = append(names, *a.Description.AddonName)
		}
	})
	part, next, err := page(names, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &eks.ListAddonsOutput{Addons: part, NextToken: next}, nil
}

// UpdateAddon changes an add-on's configuration values and role. The lab has
// one version of each.
func (e *EKS) UpdateAddon(_ context.Context, in *eks.UpdateAddonInput) (*eks.UpdateAddonOutput, error) {
	if err := supported(in, "AddonName", "ClusterName", "AddonVersion", "ClientRequestToken", "ConfigurationValues", "ResolveConflicts", "ServiceAccountRoleArn"); err != nil {
		return nil, err
	}
	if err := e.checkCluster(in.ClusterName); err != nil {
		return nil, err
	}
	t, out := token("UpdateAddon", in.ClientRequestToken, in), &eks.UpdateAddonOutput{}
	err := e.world.Store.Update(func(tx *store.Tx) error {
		if found, err := e.answered(t, out); found || err != nil {
			return err
		}
		a, err := e.addon(aws.ToString(in.AddonName))
		if err != nil {
			return err
		}
		if a.Description.Status != types.AddonStatusActive {
			return inUse("Addon %s cannot be updated as it is currently in %s state", *in.AddonName, a.Description.Status)
		}
		change := addonChange{in.AddonVersion, in.ConfigurationValues, in.ServiceAccountRoleArn, in.ResolveConflicts}
		u, err := e.changeAddon(tx, &a, change)
		if err != nil {
			return err
		}
		out.Update = &u
		if err := e.world.Addons.Put(tx, *in.AddonName, a); err != nil {
			return err
		}
		return e.world.Remember(tx, t, out)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (e *EKS) changeAddon(tx *store.Tx, a *world.Addon, c addonChange) (types.Update, error) {
	f, err := facts(*a.Description.AddonName)
	if err != nil {
		return types.Update{}, err
	}
	if err := e.checkAddon(f, c); err != nil {
		return types.Update{}, err
	}
	var changes params
	d := &a.Description
	for _, part := range []struct {
		kind  types.UpdateParamType
		asked *string
		into  **string
	}{
		{types.UpdateParamTypeAddonVersion, c.version, &d.AddonVersion},
		{types.UpdateParamTypeServiceAccountRoleArn, c.role, &d.ServiceAccountRoleArn},
		{types.UpdateParamTypeConfigurationValues, c.configuration, &d.ConfigurationValues},
	} {
		if part.asked != nil {
			*part.into = part.asked
			changes = append(changes, params{{part.kind, *part.asked}}...)
		}
	}
	if c.resolve != "" {
		changes = append(changes, params{{types.UpdateParamTypeResolveConflicts, string(c.resolve)}}...)
	}
	u, err := e.newUpdate(tx, types.UpdateTypeAddonUpdate, changes)
	if err != nil {
		return types.Update{}, err
	}
	u.Addon = f.name
	now := e.world.Clock.Now()
	a.Since, a.Update, d.Status, d.ModifiedAt = now, *u.Description.Id, types.AddonStatusUpdating, aws.Time(now)
	d.Health = f.health(aws.ToString(d.ConfigurationValues))
	return u.Description, e.world.EKSUpdates.Put(tx, *u.Description.Id, u)
}

// DeleteAddon takes an add-on from EKS's management. Its pods stay, as with
// preserve: the lab's nodes need them.
func (e *EKS) DeleteAddon(_ context.Context, in *eks.DeleteAddonInput) (*eks.DeleteAddonOutput, error) {
	if err := e.checkCluster(in.ClusterName); err != nil {
		return nil, err
	}
	out := &eks.DeleteAddonOutput{}
	err := e.world.Store.Update(func(tx *store.Tx) error {
		a, err := e.addon(aws.ToString(in.AddonName))
		if err != nil {
			return err
		}
		if f, err := facts(*in.AddonName); err == nil && f.ships && !in.Preserve {
			return badRequest("The lab's nodes need the pods of %s: delete the add-on with preserve", f.name)
		}
		for _, id := range e.world.PodIdentities.Keys() {
			if p, _ := e.world.PodIdentities.Get(id); aws.ToString(p.OwnerArn) == *a.Description.AddonArn {
				e.world.PodIdentities.Delete(tx, id)
			}
		}
		now := e.world.Clock.Now()
		a.Since, a.Description.Status, a.Description.ModifiedAt = now, types.AddonStatusDeleting, aws.Time(now)
		out.Addon = &a.Description
		return e.world.Addons.Put(tx, *in.AddonName, a)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DescribeAddonVersions lists the add-ons that the lab knows, each with the
// one version that it has.
func (e *EKS) DescribeAddonVersions(_ context.Context, in *eks.DescribeAddonVersionsInput) (*eks.DescribeAddonVersionsOutput, error) {
	if name := aws.ToString(in.AddonName); name != "" {
		if _, err := facts(name); err != nil {
			return nil, err
		}
	}
	wants := func(list []string, value string) bool { return len(list) == 0 || slices.Contains(list, value) }
	var list []types.AddonInfo
	for _, f := range knownAddons() {
		version := aws.ToString(in.KubernetesVersion)
		if version != "" && !slices.Contains(f.clusterVersions(), version) || aws.ToString(in.AddonName) != "" && *in.AddonName != f.name {
			continue
		}
		if wants(in.Owners, "aws") && wants(in.Publishers, "eks") && wants(in.Types, f.kind) {
			list = append(list, f.info(version))
		}
	}
	part, next, err := page(list, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &eks.DescribeAddonVersionsOutput{Addons: append([]types.AddonInfo{}, part...), NextToken: next}, nil
}

func (f addonFacts) info(kubernetes string) types.AddonInfo {
	version := types.AddonVersionInfo{
		AddonVersion: aws.String(f.version), Architecture: []string{"amd64", "arm64"}, ComputeTypes: []string{"ec2"}, RequiresIamPermissions: f.iam,
	}
	for _, v := range f.clusterVersions() {
		if kubernetes == "" || v == kubernetes {
			version.Compatibilities = append(version.Compatibilities, types.Compatibility{ClusterVersion: aws.String(v), DefaultVersion: true, PlatformVersions: []string{"*"}})
		}
	}
	return types.AddonInfo{
		AddonName: aws.String(f.name), Type: aws.String(f.kind), Owner: aws.String("aws"), Publisher: aws.String("eks"),
		DefaultNamespace: aws.String("kube-system"), AddonVersions: []types.AddonVersionInfo{version},
	}
}

// DescribeAddonConfiguration gives the schema of an add-on's configuration
// values.
func (e *EKS) DescribeAddonConfiguration(_ context.Context, in *eks.DescribeAddonConfigurationInput) (*eks.DescribeAddonConfigurationOutput, error) {
	f, err := facts(aws.ToString(in.AddonName))
	if err != nil {
		return nil, err
	}
	if version := aws.ToString(in.AddonVersion); version != f.version {
		return nil, invalid("Addon version %s of %s is not known: the lab has %s", version, f.name, f.version)
	}
	schema, err := f.schema()
	if err != nil {
		return nil, err
	}
	out := &eks.DescribeAddonConfigurationOutput{AddonName: in.AddonName, AddonVersion: in.AddonVersion, ConfigurationSchema: aws.String(schema)}
	if f.account != "" {
		out.PodIdentityConfiguration = []types.AddonPodIdentityConfiguration{{
			ServiceAccount: aws.String(f.account), RecommendedManagedPolicies: []string{f.configuration},
		}}
	}
	return out, nil
}
