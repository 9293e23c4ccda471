package eksapi

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/lab/region/nodegroups"
	"github.com/drover-project/drover/lab/region/world"
)

var (
	groupName     = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z_-]{0,62}$`)
	roleARN       = regexp.MustCompile(`^arn:aws:iam::(\d{12}):role/([\w+=,.@/-]*/)?[\w+=,.@-]{1,64}$`)
	labelName     = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)$`)
	labelPrefix   = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)
	labelValue    = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$`)
	reservedLabel = []string{"kubernetes.io/", "k8s.io/", "eks.amazonaws.com/"}
)

const (
	mostLabels  = 50
	mostTaints  = 50
	mostTypes   = 20
	mostAtOnce  = 100
	percent     = 100
	defaultDisk = 20
	largestDisk = 16384
)

func checkName(g *world.NodeGroup) error {
	if !groupName.MatchString(aws.ToString(g.Description.NodegroupName)) {
		return invalid("The nodegroup name can have up to 63 letters, digits, hyphens and underscores, the first a letter or digit: %q", aws.ToString(g.Description.NodegroupName))
	}
	return nil
}

func (e *EKS) checkRole(g *world.NodeGroup) error {
	arn := aws.ToString(g.Description.NodeRole)
	match := roleARN.FindStringSubmatch(arn)
	if match == nil {
		return invalid("The nodeRole %q is not the ARN of a role, such as arn:aws:iam::%s:role/NodeRole", arn, e.world.Options.Account)
	}
	role, found := e.world.Roles.Get(nodegroups.RoleName(arn))
	if !found || match[1] != e.world.Options.Account || e.world.RoleARN(role) != arn {
		return invalid("The role with name %s cannot be found. (Service: AmazonIdentityManagement; Status Code: 404; Error Code: NoSuchEntity)", nodegroups.RoleName(arn))
	}
	if !strings.Contains(role.TrustPolicy, "ec2.amazonaws.com") {
		return invalid("Following required service principals [ec2.amazonaws.com] were not found in the trust relationships of nodeRole %s", arn)
	}
	return nil
}

func (e *EKS) checkSubnets(g *world.NodeGroup) error {
	if len(g.Description.Subnets) == 0 {
		return invalid("Subnets are required: name at least one")
	}
	for _, id := range g.Description.Subnets {
		if _, found := e.world.Network.Subnet(id); !found {
			return invalid("The subnet ID '%s' does not exist (Service: AmazonEC2; Status Code: 400; Error Code: InvalidSubnetID.NotFound)", id)
		}
	}
	return nil
}

// checkSize fills in the sizes that are not given: 1, 2 and 2.
func checkSize(g *world.NodeGroup) error {
	size := types.NodegroupScalingConfig{}
	if g.Description.ScalingConfig != nil {
		size = *g.Description.ScalingConfig
	}
	if size.MinSize == nil {
		size.MinSize = aws.Int32(1)
	}
	if size.DesiredSize == nil {
		size.DesiredSize = aws.Int32(max(2, *size.MinSize))
		if size.MaxSize != nil {
			size.DesiredSize = aws.Int32(max(*size.MinSize, min(*size.DesiredSize, *size.MaxSize)))
		}
	}
	if size.MaxSize == nil {
		size.MaxSize = aws.Int32(max(2, *size.DesiredSize))
	}
	g.Description.ScalingConfig = &size
	return checkSizes(size)
}

func checkSizes(size types.NodegroupScalingConfig) error {
	least, desired, most := *size.MinSize, *size.DesiredSize, *size.MaxSize
	switch {
	case least < 0:
		return invalid("Minimum capacity %d can't be less than 0", least)
	case most < 1:
		return invalid("Maximum capacity %d can't be less than 1", most)
	case least > most:
		return invalid("Minimum capacity %d can't be greater than maximum size %d", least, most)
	case least > desired:
		return invalid("Minimum capacity %d can't be greater than desired size %d", least, desired)
	case desired > most:
		return invalid("desired capacity %d can't be greater than max size %d", desired, most)
	}
	return nil
}

func checkLabels(g *world.NodeGroup) error { return validLabels(g.Description.Labels) }

func validLabels(labels map[string]string) error {
	if len(labels) > mostLabels {
		return invalid("%d labels are more than the %d that a nodegroup can have", len(labels), mostLabels)
	}
	for key, value := range labels {
		if slices.ContainsFunc(reservedLabel, func(prefix string) bool { return reserved(key, prefix) }) {
			return invalid("Label cannot contain reserved prefixes [%s]: %s", strings.Join(reservedLabel, ", "), key)
		}
		if !qualified(key) || !labelValue.MatchString(value) {
			return invalid("Invalid label %s=%s: key and value must be those of a Kubernetes label", key, value)
		}
	}
	return nil
}

// reserved reports whether a label is in a namespace of Kubernetes or EKS.
// node.kubernetes.io is for everyone.
func reserved(key, prefix string) bool {
	namespace, _, found := strings.Cut(key, "/")
	if !found || namespace == "node.kubernetes.io" || strings.HasSuffix(namespace, ".node.kubernetes.io") {
		return false
	}
	return namespace+"/" == prefix || strings.HasSuffix(namespace+"/", "."+prefix)
}

func qualified(key string) bool {
	prefix, name, found := strings.Cut(key, "/")
	if !found {
		return labelName.MatchString(key)
	}
	return labelPrefix.MatchString(prefix) && labelName.MatchString(name)
}

func checkTaints(g *world.NodeGroup) error { return validTaints(g.Description.Taints) }

func validTaints(taints []types.Taint) error {
	if len(taints) > mostTaints {
		return invalid("%d taints are more than the %d that a nodegroup can have", len(taints), mostTaints)
	}
	seen := map[string]bool{}
	for _, t := range taints {
		key := aws.ToString(t.Key)
		if !slices.Contains(t.Effect.Values(), t.Effect) {
			return invalid("Invalid taint effect %q of %s: use one of %v", t.Effect, key, t.Effect.Values())
		}
		if !qualified(key) || !labelValue.MatchString(aws.ToString(t.Value)) {
			return invalid("Invalid taint %s=%s: key and value must be those of a Kubernetes taint", key, aws.ToString(t.Value))
		}
		id := key + ":" + string(t.Effect)
		if seen[id] {
			return invalid("Duplicate taint %s: key and effect must be unique", id)
		}
		seen[id] = true
	}
	return nil
}

// checkUpdateConfig fills in what is not given: one node at a time.
func checkUpdateConfig(g *world.NodeGroup) error {
	config := types.NodegroupUpdateConfig{MaxUnavailable: aws.Int32(1)}
	if c := g.Description.UpdateConfig; c != nil {
		config = *c
		if config.MaxUnavailable == nil && config.MaxUnavailablePercentage == nil {
			config.MaxUnavailable = aws.Int32(1)
		}
	}
	g.Description.UpdateConfig = &config
	return validUpdateConfig(config)
}

func validUpdateConfig(c types.NodegroupUpdateConfig) error {
	strategies := c.UpdateStrategy.Values()
	switch {
	case c.MaxUnavailable != nil && c.MaxUnavailablePercentage != nil:
		return invalid("Only one of maxUnavailable and maxUnavailablePercentage can be specified")
	case c.MaxUnavailable != nil && (*c.MaxUnavailable < 1 || *c.MaxUnavailable > mostAtOnce):
		return invalid("maxUnavailable %d is not between 1 and %d", *c.MaxUnavailable, mostAtOnce)
	case c.MaxUnavailablePercentage != nil && (*c.MaxUnavailablePercentage < 1 || *c.MaxUnavailablePercentage > percent):
		return invalid("maxUnavailablePercentage %d is not between 1 and %d", *c.MaxUnavailablePercentage, percent)
	case c.UpdateStrategy != "" && !slices.Contains(strategies, c.UpdateStrategy):
		return invalid("Invalid update strategy %q: use one of %v", c.UpdateStrategy, strategies)
	}
	return nil
}

func checkRepair(g *world.NodeGroup) error { return validRepair(g.Description.NodeRepairConfig) }

func validRepair(c *types.NodeRepairConfig) error {
	if c == nil {
		return nil
	}
	for _, pair := range []struct {
		name           string
		count, percent *int32
	}{
		{"maxUnhealthyNodeThreshold", c.MaxUnhealthyNodeThresholdCount, c.MaxUnhealthyNodeThresholdPercentage},
		{"maxParallelNodesRepaired", c.MaxParallelNodesRepairedCount, c.MaxParallelNodesRepairedPercentage},
	} {
		switch {
		case pair.count != nil && pair.percent != nil:
			return invalid("Only one of %sCount and %sPercentage can be specified", pair.name, pair.name)
		case pair.count != nil && *pair.count < 1:
			return invalid("%sCount %d is not at least 1", pair.name, *pair.count)
		case pair.percent != nil && (*pair.percent < 1 || *pair.percent > percent):
			return invalid("%sPercentage %d is not between 1 and %d", pair.name, *pair.percent, percent)
		}
	}
	for _, o := range c.NodeRepairConfigOverrides {
		if aws.ToString(o.NodeMonitoringCondition) == "" || aws.ToString(o.NodeUnhealthyReason) == "" || o.MinRepairWaitTimeMins == nil || o.RepairAction == "" {
			return invalid("A node repair override needs nodeMonitoringCondition, nodeUnhealthyReason, minRepairWaitTimeMins and repairAction")
		}
	}
	return nil
}

func (e *EKS) checkCapacity(g *world.NodeGroup) error {
	switch g.Description.CapacityType {
	case "":
		g.Description.CapacityType = types.CapacityTypesOnDemand
	case types.CapacityTypesOnDemand, types.CapacityTypesSpot:
	default:
		return invalid("The capacity type %s is not supported by this endpoint: use ON_DEMAND or SPOT", g.Description.CapacityType)
	}
	return nil
}

func (e *EKS) checkDisk(g *world.NodeGroup) error {
	d := &g.Description
	if d.LaunchTemplate != nil {
		return nil
	}
	if d.DiskSize == nil {
		d.DiskSize = aws.Int32(defaultDisk)
	}
	if *d.DiskSize < 1 || *d.DiskSize > largestDisk {
		return invalid("Disk size %d is not between 1 and %d GiB", *d.DiskSize, largestDisk)
	}
	return nil
}

func quoted[T any](list []T) string { return strings.Trim(fmt.Sprint(list), "[]") }
