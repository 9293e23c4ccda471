package eksctl

// VPC is the network.
type VPC struct {
	AutoAllocateIPv6 bool `json:"autoAllocateIPv6,omitempty"`
	// 192.168.0.0/16 when empty.
	CIDR                               string     `json:"cidr,omitempty"`
	ClusterEndpoints                   *Endpoints `json:"clusterEndpoints,omitempty"`
	ControlPlaneEgressMode             string     `json:"controlPlaneEgressMode,omitempty"`
	ControlPlaneSecurityGroupIDs       []string   `json:"controlPlaneSecurityGroupIDs,omitempty"`
	ControlPlaneSubnetIDs              []string   `json:"controlPlaneSubnetIDs,omitempty"`
	ExtraCIDRs                         []string   `json:"extraCIDRs,omitempty"`
	ExtraIPv6CIDRs                     []string   `json:"extraIPv6CIDRs,omitempty"`
	HostnameType                       string     `json:"hostnameType,omitempty"`
	ID                                 string     `json:"id,omitempty"`
	IPv6CIDR                           string     `json:"ipv6Cidr,omitempty"`
	IPv6Pool                           string     `json:"ipv6Pool,omitempty"`
	ManageSharedNodeSecurityGroupRules *bool      `json:"manageSharedNodeSecurityGroupRules,omitempty"`
	NAT                                *NAT       `json:"nat,omitempty"`
	PublicAccessCIDRs                  []string   `json:"publicAccessCIDRs,omitempty"`
	SecurityGroup                      string     `json:"securityGroup,omitempty"`
	SharedNodeSecurityGroup            string     `json:"sharedNodeSecurityGroup,omitempty"`
	Subnets                            *Subnets   `json:"subnets,omitempty"`
}

// Subnets are the subnets by zone or by any other name.
type Subnets struct {
	Private map[string]AZSubnet `json:"private,omitempty"`
	Public  map[string]AZSubnet `json:"public,omitempty"`
}

// AZSubnet is one subnet.
type AZSubnet struct {
	AZ   string `json:"az,omitempty"`
	CIDR string `json:"cidr,omitempty"`
	ID   string `json:"id,omitempty"`
}

// NAT is how private subnets reach the internet.
type NAT struct {
	Gateway string `json:"gateway,omitempty"`
}

// Endpoints says from where the Kubernetes API can be reached.
type Endpoints struct {
	PrivateAccess *bool `json:"privateAccess,omitempty"`
	PublicAccess  *bool `json:"publicAccess,omitempty"`
}

// PrivateCluster is a cluster without internet access.
type PrivateCluster struct {
	AdditionalEndpointServices []string `json:"additionalEndpointServices,omitempty"`
	Enabled                    *bool    `json:"enabled,omitempty"`
	SkipEndpointCreation       bool     `json:"skipEndpointCreation,omitempty"`
}

// KubernetesNetworkConfig are the addresses of Services.
type KubernetesNetworkConfig struct {
	IPFamily        string `json:"ipFamily,omitempty"`
	ServiceIPv4CIDR string `json:"serviceIPv4CIDR,omitempty"`
	ServiceIPv6CIDR string `json:"serviceIPv6CIDR,omitempty"`
}
