// Package cloud is the port through which drover buys, watches and returns
// machines, in drover's own words. internal/cloud/aws is its adapter; the
// conformance suite in cloudtest says what every adapter must hold to.
package cloud

import (
	"context"
	"time"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"

	"github.com/drover-project/drover/internal/model"
)

// Provider is what the controllers need of a cloud. Every call may be repeated:
// a crash between a call and its answer must be mended by calling again.
type Provider interface {
	// Resolve finds what the selectors of a NodeClass match now. It does not
	// change the cloud, except that EnsureInstanceProfile is separate.
	Resolve(ctx context.Context, class *ec2v1.EC2NodeClass) (Resolved, error)
	// EnsureInstanceProfile makes the profile for spec.role (or checks that
	// spec.instanceProfile exists) and returns its name.
	EnsureInstanceProfile(ctx context.Context, class *ec2v1.EC2NodeClass) (string, error)
	// DeleteNodeClassResources removes what was made for a NodeClass: launch
	// templates and the instance profile.
	DeleteNodeClassResources(ctx context.Context, class *ec2v1.EC2NodeClass) error
	// Catalog is what can be bought with a NodeClass whose status is resolved:
	// types that its AMIs can run, in the zones of its subnets, with today's
	// prices; pools that lately had no capacity carry the reason. Types without
	// a known price are left out and named in Catalog.Unpriced by the adapter's
	// log. It is cached and cheap to call.
	Catalog(ctx context.Context, class *ec2v1.EC2NodeClass) (model.Catalog, error)
	// Price is what an offering in the region costs per hour in USD, whoever buys
	// it; 0 when that is not known. It is cached and cheap to call.
	Price(ctx context.Context, offering model.OfferingKey) float64
	// Launch buys one instance. The same ClientToken never buys a second one.
	Launch(ctx context.Context, request LaunchRequest) (Instance, error)
	// Get returns the instance, or an error for which IsNotFound is true when
	// it is gone (terminated counts as gone; shutting-down does not).
	Get(ctx context.Context, providerID string) (Instance, error)
	// List returns all instances launched by drover for this cluster that are
	// not terminated, including those no NodeClaim knows of.
	List(ctx context.Context) ([]Instance, error)
	// Terminate asks for the end of an instance; IsNotFound when already gone.
	Terminate(ctx context.Context, providerID string) error
	// Tag adds tags to an instance.
	Tag(ctx context.Context, providerID string, tags map[string]string) error
}

// LaunchRequest is the intent recorded in a NodeClaim.
type LaunchRequest struct {
	// ClientToken is derived from the NodeClaim's UID.
	ClientToken string
	NodeClass   *ec2v1.EC2NodeClass
	NodeClaim   string // name, for the Name tag and karpenter.sh/nodeclaim
	NodePool    string
	// Offerings are acceptable, best first.
	Offerings []model.Offering
	// Labels and Taints are what the kubelet registers with.
	Labels map[string]string
	Taints []model.Taint
}

// Instance is a machine at the provider.
type Instance struct {
	// ProviderID is aws:///ZONE/INSTANCE-ID.
	ProviderID   string
	ID           string
	InstanceType string
	Zone         string
	ZoneID       string
	CapacityType model.CapacityType
	ImageID      string
	State        InstanceState
	LaunchTime   time.Time
	Tags         map[string]string
	// NodeClaim is the claim it was launched for, by its tag.
	NodeClaim string
	// PrivateDNSName is the host name that EC2 gave it, which its Node may have.
	PrivateDNSName string
	// Unavailable lists pools that were asked first and had no capacity
	// (filled by Launch only).
	Unavailable []model.Offering
}

// InstanceState is EC2's instance state name.
type InstanceState string

// EC2 instance states.
const (
	Pending      InstanceState = "pending"
	Running      InstanceState = "running"
	ShuttingDown InstanceState = "shutting-down"
	Stopping     InstanceState = "stopping"
	Stopped      InstanceState = "stopped"
	Terminated   InstanceState = "terminated"
)

// Resolved is what a NodeClass's selectors match, in a fixed order. An empty
// list is not an error: the caller tells the user.
type Resolved struct {
	Subnets        []ec2v1.Subnet
	SecurityGroups []ec2v1.SecurityGroup
	AMIs           []ec2v1.AMI
}
