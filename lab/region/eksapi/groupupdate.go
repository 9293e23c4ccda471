package eksapi

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/lab/region/nodegroups"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// UpdateNodegroupConfig changes sizes, labels, taints, how updates go and
// automatic repair, without replacing nodes.
func (e *EKS) UpdateNodegroupConfig(ctx context.Context, in *eks.UpdateNodegroupConfigInput) (*eks.UpdateNodegroupConfigOutput, error) {
	if err := supported(in, "ClusterName", "NodegroupName", "ClientRequestToken", "Labels", "NodeRepairConfig", "ScalingConfig", "Taints", "UpdateConfig"); err != nil {
		return nil, err
	}
	if err := e.checkCluster(in.ClusterName); err != nil {
		return nil, err
	}
	before, err := e.viewGroup(aws.ToString(in.NodegroupName))
	if err != nil {
		return nil, err
	}
	size := *e.described(ctx, before).ScalingConfig
	out := &eks.UpdateNodegroupConfigOutput{}
	out.Update, err = e.beginUpdate(*in.NodegroupName, token("UpdateNodegroupConfig", in.ClientRequestToken, in), types.UpdateTypeConfigUpdate,
		func(g world.NodeGroup, u *world.EKSUpdate) (params, error) {
			config, changes, err := newConfig(g, size, in)
			u.Config = &config
			return changes, err
		})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// beginUpdate begins an update of a group that is in no other. plan says what
// is to change.
func (e *EKS) beginUpdate(name string, t world.Token, kind types.UpdateType, plan func(world.NodeGroup, *world.EKSUpdate) (params, error)) (*types.Update, error) {
	begun := &types.Update{}
	err := e.world.Store.Update(func(tx *store.Tx) error {
		if found, err := e.answered(t, begun); found || err != nil {
			return err
		}
		g, err := e.group(name)
		if err != nil {
			return err
		}
		if status := g.Description.Status; status != types.NodegroupStatusActive && status != types.NodegroupStatusDegraded {
			return inUse("Nodegroup cannot be updated as it is currently not in Active State")
		}
		draft := world.EKSUpdate{NodeGroup: name}
		changes, err := plan(g, &draft)
		if err != nil {
			return err
		}
		u, err := e.newUpdate(tx, kind, changes)
		if err != nil {
			return err
		}
		u.NodeGroup, u.Config, u.Rollout = name, draft.Config, draft.Rollout
		if err := e.world.EKSUpdates.Put(tx, *u.Description.Id, u); err != nil {
			return err
		}
		now := e.world.Clock.Now()
		g.Update, g.Since, g.Phase = *u.Description.Id, now, nodegroups.PhaseSettled
		g.Description.Status, g.Description.ModifiedAt = types.NodegroupStatusUpdating, aws.Time(now)
		tx.OnCommit(e.groups.Wake)
		if err := e.world.NodeGroups.Put(tx, name, g); err != nil {
			return err
		}
		*begun = u.Description
		return e.world.Remember(tx, t, begun)
	})
	if err != nil {
		return nil, err
	}
	return begun, nil
}

// newConfig is the configuration that a request asks for. size is the group's
// as it is now.
func newConfig(g world.NodeGroup, size types.NodegroupScalingConfig, in *eks.UpdateNodegroupConfigInput) (c world.GroupConfig, changes params, err error) {
	for _, part := range []func() (params, error){
		func() (params, error) { return newSize(&c, size, in.ScalingConfig) },
		func() (params, error) { return newLabels(&c, g, in.Labels) },
		func() (params, error) { return newTaints(&c, g, in.Taints) },
		func() (params, error) { return newUpdateConfig(&c, g, in.UpdateConfig) },
		func() (params, error) {
			c.Repair = in.NodeRepairConfig
			return asJSON(types.UpdateParamTypeNodeRepairConfig, in.NodeRepairConfig, in.NodeRepairConfig != nil), validRepair(in.NodeRepairConfig)
		},
	} {
		more, err := part()
		if err != nil {
			return c, nil, err
		}
		changes = append(changes, more...)
	}
	if len(changes) == 0 {
		return c, nil, invalid("The request changes nothing: give scalingConfig, labels, taints, updateConfig or nodeRepairConfig")
	}
	return c, changes, nil
}

func newSize(c *world.GroupConfig, size types.NodegroupScalingConfig, asked *types.NodegroupScalingConfig) (changes params, err error) {
	if asked == nil {
		return nil, nil
	}
	for _, part := range []struct {
		kind  types.UpdateParamType
		asked *int32
		into  **int32
	}{
		{types.UpdateParamTypeMinSize, asked.MinSize, &size.MinSize},
		{types.UpdateParamTypeMaxSize, asked.MaxSize, &size.MaxSize},
		{types.UpdateParamTypeDesiredSize, asked.DesiredSize, &size.DesiredSize},
	} {
		if part.asked != nil {
			*part.into = part.asked
			changes = append(changes, params{{part.kind, strconv.Itoa(int(*part.asked))}}...)
		}
	}
	c.Scaling = &size
	return changes, checkSizes(size)
}

func newLabels(c *world.GroupConfig, g world.NodeGroup, asked *types.UpdateLabelsPayload) (changes params, err error) {
	if asked == nil {
		return nil, nil
	}
	c.SetLabels, c.RemoveLabels = asked.AddOrUpdateLabels, asked.RemoveLabels
	for _, key := range asked.RemoveLabels {
		if _, twice := asked.AddOrUpdateLabels[key]; twice {
			return nil, invalid("The label %s cannot be added and removed in one request", key)
		}
	}
	changes = append(asJSON(types.UpdateParamTypeLabelsToAdd, c.SetLabels, len(c.SetLabels) > 0),
		asJSON(types.UpdateParamTypeLabelsToRemove, c.RemoveLabels, len(c.RemoveLabels) > 0)...)
	return changes, validLabels(nodegroups.Configured(g, *c).Description.Labels)
}

func newTaints(c *world.GroupConfig, g world.NodeGroup, asked *types.UpdateTaintsPayload) (changes params, err error) {
	if asked == nil {
		return nil, nil
	}
	c.SetTaints, c.RemoveTaints = asked.AddOrUpdateTaints, asked.RemoveTaints
	if err := validTaints(c.SetTaints); err != nil {
		return nil, err
	}
	changes = append(asJSON(types.UpdateParamTypeTaintsToAdd, plainTaints(c.SetTaints), len(c.SetTaints) > 0),
		asJSON(types.UpdateParamTypeTaintsToRemove, plainTaints(c.RemoveTaints), len(c.RemoveTaints) > 0)...)
	return changes, validTaints(nodegroups.Configured(g, *c).Description.Taints)
}

// plainTaints are taints as updates show them.
func plainTaints(taints []types.Taint) []map[string]string {
	var list []map[string]string
	for _, t := range taints {
		list = append(list, map[string]string{"effect": string(t.Effect), "key": aws.ToString(t.Key), "value": aws.ToString(t.Value)})
	}
	return list
}

func newUpdateConfig(c *world.GroupConfig, g world.NodeGroup, asked *types.NodegroupUpdateConfig) (changes params, err error) {
	if asked == nil {
		return nil, nil
	}
	if err := validUpdateConfig(*asked); err != nil {
		return nil, err
	}
	next := *asked
	if before := g.Description.UpdateConfig; next.MaxUnavailable == nil && next.MaxUnavailablePercentage == nil && before != nil {
		next.MaxUnavailable, next.MaxUnavailablePercentage = before.MaxUnavailable, before.MaxUnavailablePercentage
	}
	if before := g.Description.UpdateConfig; next.UpdateStrategy == "" && before != nil {
		next.UpdateStrategy = before.UpdateStrategy
	}
	c.Update = &next
	if asked.MaxUnavailable != nil {
		changes = append(changes, params{{types.UpdateParamTypeMaxUnavailable, strconv.Itoa(int(*asked.MaxUnavailable))}}...)
	}
	if asked.MaxUnavailablePercentage != nil {
		changes = append(changes, params{{types.UpdateParamTypeMaxUnavailablePercentage, strconv.Itoa(int(*asked.MaxUnavailablePercentage))}}...)
	}
	if asked.UpdateStrategy != "" {
		changes = append(changes, params{{types.UpdateParamTypeUpdateStrategy, string(asked.UpdateStrategy)}}...)
	}
	return changes, nil
}

// asJSON is a parameter with its value as JSON; none when it is not there.
func asJSON(kind types.UpdateParamType, value any, there bool) params {
	if !there {
		return nil
	}
	text, err := json.Marshal(value)
	if err != nil {
		return params{{kind, fmt.Sprint(value)}}
	}
	return params{{kind, string(text)}}
}

// UpdateNodegroupVersion replaces the nodes of a group by ones of another
// Kubernetes version, AMI release or launch template version.
func (e *EKS) UpdateNodegroupVersion(_ context.Context, in *eks.UpdateNodegroupVersionInput) (*eks.UpdateNodegroupVersionOutput, error) {
	if err := e.checkCluster(in.ClusterName); err != nil {
		return nil, err
	}
	out := &eks.UpdateNodegroupVersionOutput{}
	var err error
	out.Update, err = e.beginUpdate(aws.ToString(in.NodegroupName), token("UpdateNodegroupVersion", in.ClientRequestToken, in), types.UpdateTypeVersionUpdate,
		func(g world.NodeGroup, u *world.EKSUpdate) (params, error) {
			r, changes, err := e.newRollout(g, in)
			u.Rollout = &r
			return changes, err
		})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// newRollout is what a group's nodes are to become.
func (e *EKS) newRollout(g world.NodeGroup, in *eks.UpdateNodegroupVersionInput) (world.Rollout, params, error) {
	d := g.Description
	r := world.Rollout{
		Since: e.world.Clock.Now(), Force: in.Force, Version: aws.ToString(d.Version), Release: aws.ToString(d.ReleaseVersion),
		LaunchTemplate: d.LaunchTemplate, ImageID: g.ImageID, AMIType: d.AmiType,
	}
	var changes params
	if in.LaunchTemplate != nil {
		if err := e.newTemplate(&r, g, in.LaunchTemplate); err != nil {
			return r, nil, err
		}
		changes = append(changes, params{
			{types.UpdateParamTypeLaunchTemplateName, *r.LaunchTemplate.Name}, {types.UpdateParamTypeLaunchTemplateVersion, *r.LaunchTemplate.Version},
		}...)
	}
	more, err := e.newImage(&r, g, in)
	if err != nil {
		return r, nil, err
	}
	return r, append(changes, more...), nil
}

// newTemplate takes another version of the group's launch template.
func (e *EKS) newTemplate(r *world.Rollout, g world.NodeGroup, asked *types.LaunchTemplateSpecification) error {
	if g.Description.LaunchTemplate == nil {
		return invalid("You cannot specify a launch template for a nodegroup that was created without one")
	}
	spec, err := e.template(asked)
	if err != nil {
		return err
	}
	if *spec.Id != *g.Description.LaunchTemplate.Id {
		return invalid("You cannot change the launch template of a nodegroup, only its version: it is %s", *g.Description.LaunchTemplate.Id)
	}
	data, err := nodegroups.TemplateData(e.world, &spec)
	if err != nil {
		return err
	}
	if own := aws.ToString(data.ImageId) != ""; own != (g.Description.AmiType == types.AMITypesCustom) {
		return invalid("A launch template version with an image id cannot follow one without, nor the other way round")
	}
	r.LaunchTemplate = &spec
	return checkTemplateData(*spec.Id, data)
}

// newImage takes the image of the version and release that are asked for. A
// group of the user's own image takes that of its launch template.
func (e *EKS) newImage(r *world.Rollout, g world.NodeGroup, in *eks.UpdateNodegroupVersionInput) (params, error) {
	version, release := aws.ToString(in.Version), aws.ToString(in.ReleaseVersion)
	if g.Description.AmiType == types.AMITypesCustom {
		if version != "" || release != "" {
			return nil, invalid("You cannot specify a kubernetes version or release version for a nodegroup whose launch template specifies an image id.")
		}
		data, err := nodegroups.TemplateData(e.world, r.LaunchTemplate)
		r.ImageID, r.Release = aws.ToString(data.ImageId), aws.ToString(data.ImageId)
		return nil, err
	}
	if version == "" {
		version = r.Version
		if in.LaunchTemplate != nil && release == "" {
			release = r.Release
		}
	}
	known := world.KubernetesVersions()
	if slices.Index(known, version) >= 0 && slices.Index(known, version) < slices.Index(known, r.Version) {
		return nil, invalid("Nodegroup cannot go back from kubernetes version %s to %s", r.Version, version)
	}
	image, version, err := e.image(r.AMIType, version, release)
	if err != nil {
		return nil, err
	}
	r.Version, r.Release, r.ImageID = version, image.Release, image.ID
	return params{{types.UpdateParamTypeVersion, version}, {types.UpdateParamTypeReleaseVersion, image.Release}}, nil
}
