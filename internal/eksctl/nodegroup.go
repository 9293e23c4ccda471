package eksctl

// NodeGroupBase holds what managed and self-managed node groups have in common.
type NodeGroupBase struct {
	Name string `json:"name,omitempty"`
	// AmazonLinux2023 when empty.
	AMIFamily         string            `json:"amiFamily,omitempty"`
	AMI               string            `json:"ami,omitempty"`
	InstanceType      string            `json:"instanceType,omitempty"`
	InstanceSelector  *InstanceSelector `json:"instanceSelector,omitempty"`
	AvailabilityZones []string          `json:"availabilityZones,omitempty"`
	Subnets           []string          `json:"subnets,omitempty"`
	InstancePrefix    string            `json:"instancePrefix,omitempty"`
	InstanceName      string            `json:"instanceName,omitempty"`
	// Nodes at the start; minSize when left out.
	DesiredCapacity *int `json:"desiredCapacity,omitempty"`
	MinSize         *int `json:"minSize,omitempty"`
	MaxSize         *int `json:"maxSize,omitempty"`
	// GiB; 80 when left out.
	VolumeSize *int `json:"volumeSize,omitempty"`
	// gp3 when empty.
	VolumeType      string `json:"volumeType,omitempty"`
	VolumeName      string `json:"volumeName,omitempty"`
	VolumeEncrypted *bool  `json:"volumeEncrypted,omitempty"`
	VolumeKMSKeyID  string `json:"volumeKmsKeyID,omitempty"`
	VolumeIOPS      *int   `json:"volumeIOPS,omitempty"`
	// MiB/s.
	VolumeThroughput  *int              `json:"volumeThroughput,omitempty"`
	AdditionalVolumes []VolumeMapping   `json:"additionalVolumes,omitempty"`
	SSH               *SSH              `json:"ssh,omitempty"`
	Labels            map[string]string `json:"labels,omitempty"`
	// Nodes go to private subnets.
	PrivateNetworking bool              `json:"privateNetworking,omitempty"`
	Tags              map[string]string `json:"tags,omitempty"`
	IAM               *NodeIAM          `json:"iam,omitempty"`
	SecurityGroups    *SecurityGroups   `json:"securityGroups,omitempty"`
	// 0 means what the instance type allows.
	MaxPodsPerNode       int      `json:"maxPodsPerNode,omitempty"`
	ASGSuspendProcesses  []string `json:"asgSuspendProcesses,omitempty"`
	EBSOptimized         *bool    `json:"ebsOptimized,omitempty"`
	PreBootstrapCommands []string `json:"preBootstrapCommands,omitempty"`
	// A script, or with AmazonLinux2023 a NodeConfig document.
	OverrideBootstrapCommand string `json:"overrideBootstrapCommand,omitempty"`
	// Labels and taints become tags that Cluster Autoscaler reads.
	PropagateASGTags bool `json:"propagateASGTags,omitempty"`
	// Tokens are required, unless this is false.
	DisableIMDSv1 *bool `json:"disableIMDSv1,omitempty"`
	// Pods do not reach the metadata service.
	DisablePodIMDS           bool                   `json:"disablePodIMDS,omitempty"`
	Placement                *Placement             `json:"placement,omitempty"`
	EFAEnabled               bool                   `json:"efaEnabled,omitempty"`
	Bottlerocket             *Bottlerocket          `json:"bottlerocket,omitempty"`
	EnableDetailedMonitoring bool                   `json:"enableDetailedMonitoring,omitempty"`
	CapacityReservation      *CapacityReservation   `json:"capacityReservation,omitempty"`
	InstanceMarketOptions    *InstanceMarketOptions `json:"instanceMarketOptions,omitempty"`
	OutpostARN               string                 `json:"outpostARN,omitempty"`
}

// NodeGroup is a self-managed group: an Auto Scaling group whose nodes join by their user data.
type NodeGroup struct {
	NodeGroupBase
	ASGMetricsCollection     []MetricsCollection `json:"asgMetricsCollection,omitempty"`
	ClassicLoadBalancerNames []string            `json:"classicLoadBalancerNames,omitempty"`
	// Address of the DNS Service.
	ClusterDNS       string `json:"clusterDNS,omitempty"`
	ContainerRuntime string `json:"containerRuntime,omitempty"`
	// standard or unlimited.
	CPUCredits            string                 `json:"cpuCredits,omitempty"`
	EnclaveEnabled        bool                   `json:"enclaveEnabled,omitempty"`
	InstancesDistribution *InstancesDistribution `json:"instancesDistribution,omitempty"`
	KubeletExtraConfig    map[string]any         `json:"kubeletExtraConfig,omitempty"`
	// Instead of availabilityZones.
	LocalZones []string `json:"localZones,omitempty"`
	// Seconds, at least 86400.
	MaxInstanceLifetime *int          `json:"maxInstanceLifetime,omitempty"`
	Taints              Taints        `json:"taints,omitempty"`
	TargetGroupARNs     []string      `json:"targetGroupARNs,omitempty"`
	UpdateConfig        *UpdateConfig `json:"updateConfig,omitempty"`
}

// ManagedNodeGroup is a group that EKS keeps.
type ManagedNodeGroup struct {
	NodeGroupBase
	// For Spot, or in order of preference.
	InstanceTypes    []string          `json:"instanceTypes,omitempty"`
	LaunchTemplate   *LaunchTemplate   `json:"launchTemplate,omitempty"`
	NodeRepairConfig *NodeRepairConfig `json:"nodeRepairConfig,omitempty"`
	ReleaseVersion   string            `json:"releaseVersion,omitempty"`
	Spot             bool              `json:"spot,omitempty"`
	Taints           []Taint           `json:"taints,omitempty"`
	UpdateConfig     *UpdateConfig     `json:"updateConfig,omitempty"`
}
