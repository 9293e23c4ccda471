package eksctl

// AutoModeConfig is EKS Auto Mode.
type AutoModeConfig struct {
	Enabled                *bool    `json:"enabled,omitempty"`
	NodePools              []string `json:"nodePools,omitempty"`
	NodeRoleARN            string   `json:"nodeRoleARN,omitempty"`
	PermissionsBoundaryARN string   `json:"permissionsBoundaryARN,omitempty"`
}

// RemoteNetworkConfig lets hybrid nodes join.
type RemoteNetworkConfig struct {
	IAM                *RemoteNodesIAM `json:"iam,omitempty"`
	RemoteNodeNetworks []RemoteNetwork `json:"remoteNodeNetworks,omitempty"`
	RemotePodNetworks  []RemoteNetwork `json:"remotePodNetworks,omitempty"`
	VPCGatewayID       string          `json:"vpcGatewayID,omitempty"`
}

// RemoteNetwork are ranges of addresses on premises.
type RemoteNetwork struct {
	CIDRs []string `json:"cidrs,omitempty"`
}

// RemoteNodesIAM is where hybrid nodes get their credentials.
type RemoteNodesIAM struct {
	CABundleCert string `json:"caBundleCert,omitempty"`
	Provider     string `json:"provider,omitempty"`
	RoleARN      string `json:"roleARN,omitempty"`
}

// FargateProfile says which pods run on Fargate.
type FargateProfile struct {
	Name                string            `json:"name,omitempty"`
	PodExecutionRoleARN string            `json:"podExecutionRoleARN,omitempty"`
	Selectors           []FargateSelector `json:"selectors,omitempty"`
	Status              string            `json:"status,omitempty"`
	Subnets             []string          `json:"subnets,omitempty"`
	Tags                map[string]string `json:"tags,omitempty"`
}

// FargateSelector picks pods.
type FargateSelector struct {
	Labels    map[string]string `json:"labels,omitempty"`
	Namespace string            `json:"namespace,omitempty"`
}

// Karpenter installs Karpenter with a new cluster.
type Karpenter struct {
	CreateServiceAccount      bool   `json:"createServiceAccount,omitempty"`
	DefaultInstanceProfile    string `json:"defaultInstanceProfile,omitempty"`
	Version                   string `json:"version,omitempty"`
	WithSpotInterruptionQueue bool   `json:"withSpotInterruptionQueue,omitempty"`
}

// CloudWatch is what goes to CloudWatch.
type CloudWatch struct {
	ClusterLogging *ClusterLogging `json:"clusterLogging,omitempty"`
}

// ClusterLogging are logs of the control plane.
type ClusterLogging struct {
	EnableTypes []string `json:"enableTypes,omitempty"`
	// 0 means for ever.
	LogRetentionInDays int `json:"logRetentionInDays,omitempty"`
}

// SecretsEncryption encrypts Secrets.
type SecretsEncryption struct {
	KeyARN string `json:"keyARN,omitempty"`
}

// GitOps sets Flux up.
type GitOps struct {
	Flux *Flux `json:"flux,omitempty"`
}

// Flux are flags of flux bootstrap.
type Flux struct {
	Flags       map[string]string `json:"flags,omitempty"`
	GitProvider string            `json:"gitProvider,omitempty"`
}

// Outpost is where a local cluster runs.
type Outpost struct {
	ControlPlaneInstanceType string     `json:"controlPlaneInstanceType,omitempty"`
	ControlPlaneOutpostARN   string     `json:"controlPlaneOutpostARN,omitempty"`
	ControlPlanePlacement    *Placement `json:"controlPlanePlacement,omitempty"`
	EtcdInstanceType         string     `json:"etcdInstanceType,omitempty"`
	EtcdPlacement            *Placement `json:"etcdPlacement,omitempty"`
}

// UpgradePolicy is what happens at the end of standard support.
type UpgradePolicy struct {
	SupportType string `json:"supportType,omitempty"`
}

// ZonalShiftConfig lets traffic leave an impaired zone.
type ZonalShiftConfig struct {
	Enabled *bool `json:"enabled,omitempty"`
}

// ControlPlaneScalingConfig is the size of the control plane.
type ControlPlaneScalingConfig struct {
	Tier string `json:"tier,omitempty"`
}

// IdentityProvider lets users of an OIDC issuer in.
type IdentityProvider struct {
	// Type is oidc.
	Type           string            `json:"type,omitempty"`
	Name           string            `json:"name,omitempty"`
	IssuerURL      string            `json:"issuerURL,omitempty"`
	ClientID       string            `json:"clientID,omitempty"`
	UsernameClaim  string            `json:"usernameClaim,omitempty"`
	UsernamePrefix string            `json:"usernamePrefix,omitempty"`
	GroupsClaim    string            `json:"groupsClaim,omitempty"`
	GroupsPrefix   string            `json:"groupsPrefix,omitempty"`
	RequiredClaims map[string]string `json:"requiredClaims,omitempty"`
	Tags           map[string]string `json:"tags,omitempty"`
}
