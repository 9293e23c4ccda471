package eksctl

// Capability is an EKS capability such as Argo CD.
type Capability struct {
	AccessPolicies          []AccessPolicy           `json:"accessPolicies,omitempty"`
	AttachPolicy            map[string]any           `json:"attachPolicy,omitempty"`
	AttachPolicyARNs        []string                 `json:"attachPolicyARNs,omitempty"`
	Configuration           *CapabilityConfiguration `json:"configuration,omitempty"`
	DeletePropagationPolicy string                   `json:"deletePropagationPolicy,omitempty"`
	Name                    string                   `json:"name,omitempty"`
	PermissionsBoundary     string                   `json:"permissionsBoundary,omitempty"`
	RoleARN                 string                   `json:"roleArn,omitempty"`
	Tags                    map[string]string        `json:"tags,omitempty"`
	Type                    string                   `json:"type,omitempty"`
}

// CapabilityConfiguration are its settings.
type CapabilityConfiguration struct {
	ArgoCD *ArgoCDConfiguration `json:"argocd,omitempty"`
}

// ArgoCDConfiguration are settings of Argo CD.
type ArgoCDConfiguration struct {
	AWSIDC           *ArgoCDAWSIDC        `json:"awsIdc,omitempty"`
	Namespace        string               `json:"namespace,omitempty"`
	NetworkAccess    *ArgoCDNetworkAccess `json:"networkAccess,omitempty"`
	RbacRoleMappings []ArgoCDRoleMapping  `json:"rbacRoleMappings,omitempty"`
}

// ArgoCDAWSIDC is where its users come from.
type ArgoCDAWSIDC struct {
	IDCInstanceARN string `json:"idcInstanceArn,omitempty"`
	IDCRegion      string `json:"idcRegion,omitempty"`
}

// ArgoCDNetworkAccess is from where it can be reached.
type ArgoCDNetworkAccess struct {
	VPCEIDs []string `json:"vpceIds,omitempty"`
}

// ArgoCDRoleMapping gives users a role.
type ArgoCDRoleMapping struct {
	Identities []SSOIdentity `json:"identities,omitempty"`
	Role       string        `json:"role,omitempty"`
}

// SSOIdentity is a user or a group.
type SSOIdentity struct {
	ID   string `json:"id,omitempty"`
	Type string `json:"type,omitempty"`
}

// KubeAPIServerConfig are settings of the API server.
type KubeAPIServerConfig struct {
	// A duration.
	EventTTL             string                `json:"eventTTL,omitempty"`
	ServiceNodePortRange *ServiceNodePortRange `json:"serviceNodePortRange,omitempty"`
}

// ServiceNodePortRange are the ports of NodePort Services.
type ServiceNodePortRange struct {
	MaxPort int `json:"maxPort,omitempty"`
	MinPort int `json:"minPort,omitempty"`
}

// KubeControllerManagerConfig are settings of the controller manager.
type KubeControllerManagerConfig struct {
	HorizontalPodAutoscalerControllerConfig *HPAControllerConfig `json:"horizontalPodAutoscalerControllerConfig,omitempty"`
}

// HPAControllerConfig is how often the autoscaler of pods looks.
type HPAControllerConfig struct {
	// A duration.
	HorizontalPodAutoscalerSyncPeriod string `json:"horizontalPodAutoscalerSyncPeriod,omitempty"`
}

// KubeSchedulerConfig are settings of the scheduler.
type KubeSchedulerConfig struct {
	NodeResourcesFit *NodeResourcesFitConfig `json:"nodeResourcesFit,omitempty"`
}

// NodeResourcesFitConfig is how it rates room on nodes.
type NodeResourcesFitConfig struct {
	ScoringStrategy *ScoringStrategy `json:"scoringStrategy,omitempty"`
}

// ScoringStrategy is the rating.
type ScoringStrategy struct {
	Resources []ResourceWeight `json:"resources,omitempty"`
	Type      string           `json:"type,omitempty"`
}

// ResourceWeight is how much a resource counts.
type ResourceWeight struct {
	Name   string `json:"name,omitempty"`
	Weight int    `json:"weight,omitempty"`
}
