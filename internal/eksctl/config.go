package eksctl

// ClusterConfig is the whole file: one EKS cluster and what belongs to it.
type ClusterConfig struct {
	APIVersion                  string                       `json:"apiVersion,omitempty"`
	Kind                        string                       `json:"kind,omitempty"`
	Metadata                    *Metadata                    `json:"metadata,omitempty"`
	AccessConfig                *AccessConfig                `json:"accessConfig,omitempty"`
	Addons                      []Addon                      `json:"addons,omitempty"`
	AddonsConfig                *AddonsConfig                `json:"addonsConfig,omitempty"`
	AutoModeConfig              *AutoModeConfig              `json:"autoModeConfig,omitempty"`
	AvailabilityZones           []string                     `json:"availabilityZones,omitempty"`
	Capabilities                []Capability                 `json:"capabilities,omitempty"`
	CloudWatch                  *CloudWatch                  `json:"cloudWatch,omitempty"`
	ControlPlaneScalingConfig   *ControlPlaneScalingConfig   `json:"controlPlaneScalingConfig,omitempty"`
	FargateProfiles             []FargateProfile             `json:"fargateProfiles,omitempty"`
	Gitops                      *GitOps                      `json:"gitops,omitempty"`
	IAM                         *IAM                         `json:"iam,omitempty"`
	IamIdentityMappings         []IAMIdentityMapping         `json:"iamIdentityMappings,omitempty"`
	IdentityProviders           []IdentityProvider           `json:"identityProviders,omitempty"`
	Karpenter                   *Karpenter                   `json:"karpenter,omitempty"`
	KubeAPIServerConfig         *KubeAPIServerConfig         `json:"kubeAPIServerConfig,omitempty"`
	KubeControllerManagerConfig *KubeControllerManagerConfig `json:"kubeControllerManagerConfig,omitempty"`
	KubeSchedulerConfig         *KubeSchedulerConfig         `json:"kubeSchedulerConfig,omitempty"`
	KubernetesNetworkConfig     *KubernetesNetworkConfig     `json:"kubernetesNetworkConfig,omitempty"`
	LocalZones                  []string                     `json:"localZones,omitempty"`
	ManagedNodeGroups           []ManagedNodeGroup           `json:"managedNodeGroups,omitempty"`
	NodeGroups                  []NodeGroup                  `json:"nodeGroups,omitempty"`
	Outpost                     *Outpost                     `json:"outpost,omitempty"`
	PrivateCluster              *PrivateCluster              `json:"privateCluster,omitempty"`
	RemoteNetworkConfig         *RemoteNetworkConfig         `json:"remoteNetworkConfig,omitempty"`
	SecretsEncryption           *SecretsEncryption           `json:"secretsEncryption,omitempty"`
	UpgradePolicy               *UpgradePolicy               `json:"upgradePolicy,omitempty"`
	VPC                         *VPC                         `json:"vpc,omitempty"`
	ZonalShiftConfig            *ZonalShiftConfig            `json:"zonalShiftConfig,omitempty"`
}

// Metadata names the cluster.
type Metadata struct {
	Annotations        map[string]string `json:"annotations,omitempty"`
	ForceUpdateVersion bool              `json:"forceUpdateVersion,omitempty"`
	Name               string            `json:"name,omitempty"`
	Region             string            `json:"region,omitempty"`
	RollbackConfig     *RollbackConfig   `json:"rollbackConfig,omitempty"`
	Tags               map[string]string `json:"tags,omitempty"`
	// MAJOR.MINOR; empty means the version of the control plane.
	Version string `json:"version,omitempty"`
}

// RollbackConfig bounds how long going back to an older version may take.
type RollbackConfig struct {
	// Minutes.
	TimeoutMinutes int `json:"timeoutMinutes,omitempty"`
}
