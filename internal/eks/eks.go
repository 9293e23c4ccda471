// Package eks is the vocabulary of Amazon EKS and what surrounds its node groups,
// as plain data: what an adapter answers and commands speak of.
package eks

import (
	"errors"
	"time"
)

// ErrNotFound says that what was asked for does not exist. Adapters wrap it.
var ErrNotFound = errors.New("not found")

// ErrExists says that what should be made is there already. Adapters wrap it.
var ErrExists = errors.New("already exists")

// Authentication modes of a cluster.
const (
	AuthConfigMap       = "CONFIG_MAP"
	AuthAPIAndConfigMap = "API_AND_CONFIG_MAP"
	AuthAPI             = "API"
)

// Cluster is an EKS cluster with its network.
type Cluster struct {
	Name, ARN, Status string
	// Version is MAJOR.MINOR.
	Version         string
	PlatformVersion string
	Endpoint        string
	// CA is base64 of the PEM bundle.
	CA          string
	ServiceCIDR string
	IPv6        bool
	// AuthMode is one of the Auth constants; empty means AuthConfigMap.
	AuthMode string
	// Issuer is the URL of the OIDC issuer, empty when there is none.
	Issuer string
	Role   string
	Tags   map[string]string

	VPC     string
	VPCCIDR string
	// SecurityGroup is the one that EKS makes for the cluster.
	SecurityGroup string
	// ControlPlaneSecurityGroups are the others of the control plane.
	ControlPlaneSecurityGroups []string
	Subnets                    []Subnet
	Created                    time.Time
}

// Subnet is one of the cluster's subnets.
type Subnet struct {
	ID, Zone string
	// Public is whether it has a route to an internet gateway.
	Public bool
	// MapsPublicIP is whether instances get public addresses by themselves.
	MapsPublicIP bool
}

// Nodegroup is a managed node group.
type Nodegroup struct {
	Name, ARN, Status string
	// Version is MAJOR.MINOR.
	Version, ReleaseVersion string
	InstanceTypes           []string
	AMIType, CapacityType   string
	Min, Max, Desired       int
	RoleARN                 string
	AutoScalingGroups       []string
	LaunchTemplate          *LaunchTemplate
	Labels, Tags            map[string]string
	Issues                  []Issue
	Created                 time.Time
}

// LaunchTemplate is the one that a group's owner gave.
type LaunchTemplate struct{ ID, Name, Version string }

// Issue is what is wrong with a node group or an add-on.
type Issue struct {
	Code, Message string
	Resources     []string
}

// Sizes to change; nil leaves one as it is.
type Sizes struct{ Min, Max, Desired *int }

// Upgrade says what a managed group is brought to; empty fields are left to EKS.
type Upgrade struct {
	Version, ReleaseVersion string
	LaunchTemplate          *LaunchTemplate
	Force                   bool
}

// Update is a change of a managed group in progress, or what became of it.
type Update struct {
	ID, Type string
	// Status is InProgress, Successful, Failed or Cancelled.
	Status string
	Errors []Issue
}

// AutoScalingGroup is one with what it has now.
type AutoScalingGroup struct {
	Name              string
	Min, Max, Desired int
	InstanceTypes     []string
	ImageID           string
	Instances         []Instance
	Created           time.Time
}

// Instance is a member of an Auto Scaling group.
type Instance struct{ ID, Type, Zone, State string }

// Activity is a change that an Auto Scaling group made or failed to make.
type Activity struct {
	Status, Description, Message string
	Started                      time.Time
}

// Addon is an EKS add-on of a cluster.
type Addon struct {
	Name, Version, Status  string
	RoleARN                string
	ConfigurationValues    string
	Namespace              string
	Issues                 []Issue
	PodIdentityAssociation []string
	Tags                   map[string]string
}

// AddonVersion is one version of an add-on for a version of Kubernetes.
type AddonVersion struct {
	Version string
	Default bool
}
