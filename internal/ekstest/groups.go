package ekstest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drover-project/drover/internal/addons"
	"github.com/drover-project/drover/internal/eks"
)

// Zones has every type in every zone, except types that begin with x.
func (r *Region) Zones(_ context.Context, types []string) (map[string][]string, error) {
	all := map[string][]string{}
	for _, one := range types {
		if !strings.HasPrefix(one, "x") {
			all[one] = []string{"eu-west-1a", "eu-west-1b"}
		}
	}
	return all, nil
}

// Parameter is an AMI for every parameter.
func (r *Region) Parameter(context.Context, string) (string, error) {
	return "ami-0123456789abcdef0", nil
}

// ImportKey keeps a key.
func (r *Region) ImportKey(_ context.Context, name, publicKey string) error {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.called("ImportKey %s", name)
	r.keys[name] = publicKey
	return nil
}

// Nodegroups lists managed groups.
func (r *Region) Nodegroups(context.Context, string) ([]string, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	return slices.Sorted(maps.Keys(r.groups)), nil
}

// Nodegroup describes a managed group.
func (r *Region) Nodegroup(_ context.Context, _, name string) (*eks.Nodegroup, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if r.groups[name] == nil {
		return nil, eks.ErrNotFound
	}
	copied := *r.groups[name]
	return &copied, nil
}

func set(target *int, value *int) {
	if value != nil {
		*target = *value
	}
}

// ResizeNodegroup changes sizes at once.
func (r *Region) ResizeNodegroup(_ context.Context, _, name string, sizes eks.Sizes) (string, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	group := r.groups[name]
	if group == nil {
		return "", eks.ErrNotFound
	}
	set(&group.Min, sizes.Min)
	set(&group.Max, sizes.Max)
	set(&group.Desired, sizes.Desired)
	r.called("ResizeNodegroup %s %d/%d/%d", name, group.Min, group.Max, group.Desired)
	for _, one := range group.AutoScalingGroups {
		asg := r.asgs[one]
		asg.Min, asg.Max, asg.Desired = group.Min, group.Max, group.Desired
		r.settle(asg, name, name)
	}
	return "", nil
}

// UpgradeNodegroup begins an update.
func (r *Region) UpgradeNodegroup(_ context.Context, _, name string, to eks.Upgrade) (string, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.called("UpgradeNodegroup %s version=%s release=%s force=%t", name, to.Version, to.ReleaseVersion, to.Force)
	id := fmt.Sprintf("update-%d", len(r.updates)+1)
	r.updates[id] = r.UpdateSteps
	return id, nil
}

// NodegroupUpdate takes a step at each look.
func (r *Region) NodegroupUpdate(_ context.Context, _, _, id string) (*eks.Update, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if r.updates[id] > 0 {
		r.updates[id]--
		return &eks.Update{ID: id, Status: "InProgress"}, nil
	}
	if r.UpdateError != nil {
		return &eks.Update{ID: id, Status: "Failed", Errors: []eks.Issue{*r.UpdateError}}, nil
	}
	return &eks.Update{ID: id, Status: "Successful"}, nil
}

// DeleteNodegroup deletes at once.
func (r *Region) DeleteNodegroup(_ context.Context, _, name string) error {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.called("DeleteNodegroup %s", name)
	delete(r.groups, name)
	return nil
}

// AutoScalingGroup describes a group.
func (r *Region) AutoScalingGroup(_ context.Context, name string) (*eks.AutoScalingGroup, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if r.asgs[name] == nil {
		return nil, eks.ErrNotFound
	}
	copied := *r.asgs[name]
	return &copied, nil
}

// ResizeAutoScalingGroup changes sizes at once.
func (r *Region) ResizeAutoScalingGroup(_ context.Context, name string, sizes eks.Sizes) error {
	r.lock.Lock()
	defer r.lock.Unlock()
	asg := r.asgs[name]
	set(&asg.Min, sizes.Min)
	set(&asg.Max, sizes.Max)
	set(&asg.Desired, sizes.Desired)
	r.called("ResizeAutoScalingGroup %s %d/%d/%d", name, asg.Min, asg.Max, asg.Desired)
	_, rest, _ := strings.Cut(name, "-nodegroup-")
	r.settle(asg, strings.TrimSuffix(rest, "-NodeGroup-1"), "")
	return nil
}

// SuspendProcesses notes them.
func (r *Region) SuspendProcesses(_ context.Context, name string, processes []string) error {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.called("SuspendProcesses %s %s", name, strings.Join(processes, ","))
	return nil
}

// TagAutoScalingGroup keeps tags.
func (r *Region) TagAutoScalingGroup(_ context.Context, name string, tags map[string]string) error {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.asgTags[name] = tags
	return nil
}

// GroupTags are the tags that an Auto Scaling group was given.
func (r *Region) GroupTags(name string) map[string]string {
	r.lock.Lock()
	defer r.lock.Unlock()
	return maps.Clone(r.asgTags[name])
}

// Activities has a failure when there is no capacity.
func (r *Region) Activities(context.Context, string) ([]eks.Activity, error) {
	if !r.NoCapacity {
		return nil, nil
	}
	return []eks.Activity{{Status: "Failed", Message: "We currently do not have sufficient m5.large capacity"}}, nil
}

// OIDCProvider is the provider of an issuer.
func (r *Region) OIDCProvider(_ context.Context, issuer string) (string, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if arn := r.providers[issuer]; arn != "" {
		return arn, nil
	}
	return "", eks.ErrNotFound
}

// Thumbprint is always the same.
func (*Region) Thumbprint(context.Context, string) (string, error) {
	return strings.Repeat("0", 40), nil
}

// CreateOIDCProvider makes one.
func (r *Region) CreateOIDCProvider(_ context.Context, issuer, _ string, _ map[string]string) (string, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.called("CreateOIDCProvider %s", issuer)
	r.providers[issuer] = "arn:aws:iam::111122223333:oidc-provider/" + strings.TrimPrefix(issuer, "https://")
	return r.providers[issuer], nil
}

// Addons lists add-ons.
func (r *Region) Addons(context.Context, string) ([]string, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	return slices.Sorted(maps.Keys(r.addons)), nil
}

// Addon describes an add-on; one that is being made is active at the next look.
func (r *Region) Addon(_ context.Context, _, name string) (*eks.Addon, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	addon := r.addons[name]
	if addon == nil {
		return nil, eks.ErrNotFound
	}
	copied := *addon
	addon.Status = "ACTIVE"
	return &copied, nil
}

// CreateAddon begins to make an add-on.
func (r *Region) CreateAddon(_ context.Context, request addons.Request) error {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.called("CreateAddon %s %s role=%s conflicts=%s identities=%v", request.Name, request.Version, request.RoleARN, request.ResolveConflicts, request.PodIdentities)
	r.addons[request.Name] = &eks.Addon{
		Name: request.Name, Version: request.Version, Status: "CREATING", RoleARN: request.RoleARN, ConfigurationValues: request.ConfigurationValues,
	}
	return nil
}

// DeleteAddon deletes at once.
func (r *Region) DeleteAddon(_ context.Context, _, name string, preserve bool) error {
	r.lock.Lock()
	defer r.lock.Unlock()
	if r.addons[name] == nil {
		return eks.ErrNotFound
	}
	r.called("DeleteAddon %s preserve=%t", name, preserve)
	delete(r.addons, name)
	return nil
}

// AddonVersions has two versions of every add-on but "nothing".
func (r *Region) AddonVersions(_ context.Context, name, _ string) ([]eks.AddonVersion, error) {
	if name == "nothing" {
		return nil, nil
	}
	return []eks.AddonVersion{{Version: "v1.3.0-eksbuild.1"}, {Version: "v1.2.0-eksbuild.2", Default: true}}, nil
}
