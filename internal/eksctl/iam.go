package eksctl

// IAM are roles: of the cluster, and of service accounts.
type IAM struct {
	FargatePodExecutionRoleARN                 string                   `json:"fargatePodExecutionRoleARN,omitempty"`
	FargatePodExecutionRolePermissionsBoundary string                   `json:"fargatePodExecutionRolePermissionsBoundary,omitempty"`
	PodIdentityAssociations                    []PodIdentityAssociation `json:"podIdentityAssociations,omitempty"`
	ServiceAccounts                            []ServiceAccount         `json:"serviceAccounts,omitempty"`
	ServiceRoleARN                             string                   `json:"serviceRoleARN,omitempty"`
	ServiceRolePermissionsBoundary             string                   `json:"serviceRolePermissionsBoundary,omitempty"`
	VPCResourceControllerPolicy                *bool                    `json:"vpcResourceControllerPolicy,omitempty"`
	WithOIDC                                   *bool                    `json:"withOIDC,omitempty"`
}

// ServiceAccount is a role for a service account, by the OIDC provider of the cluster.
type ServiceAccount struct {
	AttachPolicy     map[string]any `json:"attachPolicy,omitempty"`
	AttachPolicyARNs []string       `json:"attachPolicyARNs,omitempty"`
	// A role that exists.
	AttachRoleARN       string              `json:"attachRoleARN,omitempty"`
	Metadata            *ServiceAccountMeta `json:"metadata,omitempty"`
	PermissionsBoundary string              `json:"permissionsBoundary,omitempty"`
	RoleName            string              `json:"roleName,omitempty"`
	// The service account itself is made by someone else.
	RoleOnly          bool                  `json:"roleOnly,omitempty"`
	Status            *ServiceAccountStatus `json:"status,omitempty"`
	SubjectPattern    string                `json:"subjectPattern,omitempty"`
	Tags              map[string]string     `json:"tags,omitempty"`
	WellKnownPolicies *WellKnownPolicies    `json:"wellKnownPolicies,omitempty"`
}

// ServiceAccountMeta names a service account.
type ServiceAccountMeta struct {
	Annotations map[string]string `json:"annotations,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Name        string            `json:"name,omitempty"`
	Namespace   string            `json:"namespace,omitempty"`
}

// ServiceAccountStatus is what became of it.
type ServiceAccountStatus struct {
	Capabilities []string          `json:"capabilities,omitempty"`
	RoleARN      string            `json:"roleARN,omitempty"`
	StackName    string            `json:"stackName,omitempty"`
	Tags         map[string]string `json:"tags,omitempty"`
}

// WellKnownPolicies are permissions of programs that many clusters run.
type WellKnownPolicies struct {
	AutoScaler                bool `json:"autoScaler,omitempty"`
	AWSLoadBalancerController bool `json:"awsLoadBalancerController,omitempty"`
	CertManager               bool `json:"certManager,omitempty"`
	EBSCSIController          bool `json:"ebsCSIController,omitempty"`
	EFSCSIController          bool `json:"efsCSIController,omitempty"`
	ExternalDNS               bool `json:"externalDNS,omitempty"`
	ImageBuilder              bool `json:"imageBuilder,omitempty"`
}

// PodIdentityAssociation is a role for a service account, by EKS Pod Identity.
type PodIdentityAssociation struct {
	CreateServiceAccount   bool               `json:"createServiceAccount,omitempty"`
	DisableSessionTags     bool               `json:"disableSessionTags,omitempty"`
	Namespace              string             `json:"namespace,omitempty"`
	PermissionPolicy       map[string]any     `json:"permissionPolicy,omitempty"`
	PermissionPolicyARNs   []string           `json:"permissionPolicyARNs,omitempty"`
	PermissionPolicyName   string             `json:"permissionPolicyName,omitempty"`
	PermissionsBoundaryARN string             `json:"permissionsBoundaryARN,omitempty"`
	Policy                 string             `json:"policy,omitempty"`
	RoleARN                string             `json:"roleARN,omitempty"`
	RoleName               string             `json:"roleName,omitempty"`
	ServiceAccountName     string             `json:"serviceAccountName,omitempty"`
	Tags                   map[string]string  `json:"tags,omitempty"`
	TargetRoleARN          string             `json:"targetRoleARN,omitempty"`
	WellKnownPolicies      *WellKnownPolicies `json:"wellKnownPolicies,omitempty"`
}

// IAMIdentityMapping is an entry of the aws-auth ConfigMap.
type IAMIdentityMapping struct {
	Account         string   `json:"account,omitempty"`
	ARN             string   `json:"arn,omitempty"`
	Groups          []string `json:"groups,omitempty"`
	Namespace       string   `json:"namespace,omitempty"`
	NoDuplicateARNs bool     `json:"noDuplicateARNs,omitempty"`
	ServiceName     string   `json:"serviceName,omitempty"`
	Username        string   `json:"username,omitempty"`
}

// AccessConfig says who may use the Kubernetes API.
type AccessConfig struct {
	AccessEntries                           []AccessEntry `json:"accessEntries,omitempty"`
	AuthenticationMode                      string        `json:"authenticationMode,omitempty"`
	BootstrapClusterCreatorAdminPermissions *bool         `json:"bootstrapClusterCreatorAdminPermissions,omitempty"`
}

// AccessEntry lets one IAM principal in.
type AccessEntry struct {
	AccessPolicies     []AccessPolicy `json:"accessPolicies,omitempty"`
	KubernetesGroups   []string       `json:"kubernetesGroups,omitempty"`
	KubernetesUsername string         `json:"kubernetesUsername,omitempty"`
	PrincipalARN       string         `json:"principalARN,omitempty"`
	Type               string         `json:"type,omitempty"`
}

// AccessPolicy is what it may do.
type AccessPolicy struct {
	AccessScope *AccessScope `json:"accessScope,omitempty"`
	PolicyARN   string       `json:"policyARN,omitempty"`
}

// AccessScope is where it may do it.
type AccessScope struct {
	Namespaces []string `json:"namespaces,omitempty"`
	Type       string   `json:"type,omitempty"`
}
