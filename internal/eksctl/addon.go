package eksctl

// Addon is one EKS add-on.
type Addon struct {
	AttachPolicy     map[string]any `json:"attachPolicy,omitempty"`
	AttachPolicyARNs []string       `json:"attachPolicyARNs,omitempty"`
	// A JSON or YAML document.
	ConfigurationValues               string                   `json:"configurationValues,omitempty"`
	Name                              string                   `json:"name,omitempty"`
	NamespaceConfig                   *AddonNamespaceConfig    `json:"namespaceConfig,omitempty"`
	Owners                            []string                 `json:"owners,omitempty"`
	PermissionsBoundary               string                   `json:"permissionsBoundary,omitempty"`
	PodIdentityAssociations           []PodIdentityAssociation `json:"podIdentityAssociations,omitempty"`
	Publishers                        []string                 `json:"publishers,omitempty"`
	ResolveConflicts                  string                   `json:"resolveConflicts,omitempty"`
	ServiceAccountRoleARN             string                   `json:"serviceAccountRoleARN,omitempty"`
	Tags                              map[string]string        `json:"tags,omitempty"`
	Types                             []string                 `json:"types,omitempty"`
	UseDefaultPodIdentityAssociations bool                     `json:"useDefaultPodIdentityAssociations,omitempty"`
	// "latest", a version, or empty for the default of the cluster.
	Version           string             `json:"version,omitempty"`
	WellKnownPolicies *WellKnownPolicies `json:"wellKnownPolicies,omitempty"`
}

// AddonNamespaceConfig is where it goes.
type AddonNamespaceConfig struct {
	Namespace string `json:"namespace,omitempty"`
}

// AddonsConfig holds for all add-ons.
type AddonsConfig struct {
	AutoApplyPodIdentityAssociations bool `json:"autoApplyPodIdentityAssociations,omitempty"`
	DisableDefaultAddons             bool `json:"disableDefaultAddons,omitempty"`
}
