package eksctl

// SSH says who may log in to nodes.
type SSH struct {
	Allow                  *bool    `json:"allow,omitempty"`
	EnableSSM              *bool    `json:"enableSsm,omitempty"`
	PublicKey              string   `json:"publicKey,omitempty"`
	PublicKeyName          string   `json:"publicKeyName,omitempty"`
	PublicKeyPath          string   `json:"publicKeyPath,omitempty"`
	SourceSecurityGroupIDs []string `json:"sourceSecurityGroupIds,omitempty"`
}

// SecurityGroups are the security groups of nodes.
type SecurityGroups struct {
	AttachIDs []string `json:"attachIDs,omitempty"`
	// True when left out.
	WithLocal *bool `json:"withLocal,omitempty"`
	// True when left out.
	WithShared *bool `json:"withShared,omitempty"`
}

// NodeIAM is the role of nodes: one that exists, or what a new one may do.
type NodeIAM struct {
	AttachPolicy                    map[string]any `json:"attachPolicy,omitempty"`
	AttachPolicyARNs                []string       `json:"attachPolicyARNs,omitempty"`
	InstanceProfileARN              string         `json:"instanceProfileARN,omitempty"`
	InstanceRoleARN                 string         `json:"instanceRoleARN,omitempty"`
	InstanceRoleName                string         `json:"instanceRoleName,omitempty"`
	InstanceRolePermissionsBoundary string         `json:"instanceRolePermissionsBoundary,omitempty"`
	WithAddonPolicies               *AddonPolicies `json:"withAddonPolicies,omitempty"`
}

// AddonPolicies are permissions for programs that run with the role of their node.
type AddonPolicies struct {
	// Deprecated, the older name of awsLoadBalancerController.
	ALBIngress                bool `json:"albIngress,omitempty"`
	AppMesh                   bool `json:"appMesh,omitempty"`
	AppMeshPreview            bool `json:"appMeshPreview,omitempty"`
	AutoScaler                bool `json:"autoScaler,omitempty"`
	AWSLoadBalancerController bool `json:"awsLoadBalancerController,omitempty"`
	CertManager               bool `json:"certManager,omitempty"`
	CloudWatch                bool `json:"cloudWatch,omitempty"`
	EBS                       bool `json:"ebs,omitempty"`
	EFS                       bool `json:"efs,omitempty"`
	ExternalDNS               bool `json:"externalDNS,omitempty"`
	FSX                       bool `json:"fsx,omitempty"`
	ImageBuilder              bool `json:"imageBuilder,omitempty"`
	XRay                      bool `json:"xRay,omitempty"`
}

// InstancesDistribution mixes instance types, On-Demand and Spot in one Auto Scaling group.
type InstancesDistribution struct {
	CapacityRebalance bool     `json:"capacityRebalance,omitempty"`
	InstanceTypes     []string `json:"instanceTypes,omitempty"`
	// Dollars an hour; nil means the On-Demand price.
	MaxPrice *float64 `json:"maxPrice,omitempty"`
	// 0 when left out.
	OnDemandBaseCapacity *int `json:"onDemandBaseCapacity,omitempty"`
	// 100 when left out.
	OnDemandPercentageAboveBaseCapacity *int   `json:"onDemandPercentageAboveBaseCapacity,omitempty"`
	SpotAllocationStrategy              string `json:"spotAllocationStrategy,omitempty"`
	// 2 when left out; only with lowest-price.
	SpotInstancePools *int `json:"spotInstancePools,omitempty"`
}

// Taint keeps pods without a toleration off the nodes.
type Taint struct {
	Effect TaintEffect `json:"effect,omitempty"`
	Key    string      `json:"key,omitempty"`
	Value  string      `json:"value,omitempty"`
}

// UpdateConfig bounds how many nodes are away during an update; one of the two.
type UpdateConfig struct {
	MaxUnavailable           *int `json:"maxUnavailable,omitempty"`
	MaxUnavailablePercentage *int `json:"maxUnavailablePercentage,omitempty"`
}

// NodeRepairConfig has EKS replace nodes that are unwell.
type NodeRepairConfig struct {
	Enabled                             *bool                      `json:"enabled,omitempty"`
	MaxParallelNodesRepairedCount       *int                       `json:"maxParallelNodesRepairedCount,omitempty"`
	MaxParallelNodesRepairedPercentage  *int                       `json:"maxParallelNodesRepairedPercentage,omitempty"`
	MaxUnhealthyNodeThresholdCount      *int                       `json:"maxUnhealthyNodeThresholdCount,omitempty"`
	MaxUnhealthyNodeThresholdPercentage *int                       `json:"maxUnhealthyNodeThresholdPercentage,omitempty"`
	NodeRepairConfigOverrides           []NodeRepairConfigOverride `json:"nodeRepairConfigOverrides,omitempty"`
}

// NodeRepairConfigOverride is what one condition of a node leads to.
type NodeRepairConfigOverride struct {
	// Minutes.
	MinRepairWaitTimeMins   int    `json:"minRepairWaitTimeMins,omitempty"`
	NodeMonitoringCondition string `json:"nodeMonitoringCondition,omitempty"`
	NodeUnhealthyReason     string `json:"nodeUnhealthyReason,omitempty"`
	RepairAction            string `json:"repairAction,omitempty"`
}

// Bottlerocket are settings of that operating system.
type Bottlerocket struct {
	EnableAdminContainer *bool          `json:"enableAdminContainer,omitempty"`
	Settings             map[string]any `json:"settings,omitempty"`
}

// VolumeMapping is one more volume.
type VolumeMapping struct {
	SnapshotID      string `json:"snapshotID,omitempty"`
	VolumeEncrypted *bool  `json:"volumeEncrypted,omitempty"`
	VolumeIOPS      *int   `json:"volumeIOPS,omitempty"`
	VolumeKMSKeyID  string `json:"volumeKmsKeyID,omitempty"`
	VolumeName      string `json:"volumeName,omitempty"`
	// GiB; 80 when left out.
	VolumeSize *int `json:"volumeSize,omitempty"`
	// MiB/s.
	VolumeThroughput *int `json:"volumeThroughput,omitempty"`
	// gp3 when empty.
	VolumeType string `json:"volumeType,omitempty"`
}

// InstanceSelector picks instance types by what they have.
type InstanceSelector struct {
	Allow           string `json:"allow,omitempty"`
	CPUArchitecture string `json:"cpuArchitecture,omitempty"`
	Deny            string `json:"deny,omitempty"`
	GPUs            *int   `json:"gpus,omitempty"`
	// A quantity such as 4GiB.
	Memory        string `json:"memory,omitempty"`
	NeuronDevices *int   `json:"neuron_devices,omitempty"`
	VCPUs         *int   `json:"vCPUs,omitempty"`
}

// Placement is a placement group.
type Placement struct {
	GroupName string `json:"groupName,omitempty"`
	// host or rack.
	SpreadLevel string `json:"spreadLevel,omitempty"`
}

// CapacityReservation says which reserved capacity to use.
type CapacityReservation struct {
	CapacityReservationPreference string                     `json:"capacityReservationPreference,omitempty"`
	CapacityReservationTarget     *CapacityReservationTarget `json:"capacityReservationTarget,omitempty"`
}

// CapacityReservationTarget is one reservation or a group of them.
type CapacityReservationTarget struct {
	CapacityReservationID               string `json:"capacityReservationID,omitempty"`
	CapacityReservationResourceGroupARN string `json:"capacityReservationResourceGroupARN,omitempty"`
}

// InstanceMarketOptions is how instances are bought.
type InstanceMarketOptions struct {
	// capacity-block.
	MarketType string `json:"marketType,omitempty"`
}

// LaunchTemplate is one that exists.
type LaunchTemplate struct {
	ID      string `json:"id,omitempty"`
	Version string `json:"version,omitempty"`
}

// MetricsCollection are metrics that the Auto Scaling group writes.
type MetricsCollection struct {
	Granularity string   `json:"granularity,omitempty"`
	Metrics     []string `json:"metrics,omitempty"`
}
