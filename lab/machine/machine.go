// Package machine is the plain data that the simulated region hands to the
// simulated nodes: an instance as the software on it would see it. Neither side
// imports the other.
package machine

import (
	"errors"
	"time"
)

// State is an EC2 instance state name.
type State string

// EC2 instance states.
const (
	Pending      State = "pending"
	Running      State = "running"
	Stopping     State = "stopping"
	Stopped      State = "stopped"
	ShuttingDown State = "shutting-down"
	Terminated   State = "terminated"
)

// Machine is one instance. It is a snapshot: a change of state is a new value.
type Machine struct {
	ID        string // i-0123456789abcdef0
	Type      string // m5.large
	Region    string
	Zone      string // us-west-2a
	ZoneID    string // usw2-az1
	PrivateIP string // 192.168.x.y
	// SubnetCIDR is the range that pods get their addresses from, too.
	SubnetCIDR     string // 192.168.64.0/19
	PrivateDNSName string // ip-192-168-x-y.us-west-2.compute.internal
	ImageID        string
	ImageName      string // tells the AMI family and Kubernetes version
	Spot           bool
	State          State
	LaunchTime     time.Time
	// RoleARN is the role that the software on the machine acts as, empty when
	// the instance has no profile or that has no role.
	RoleARN string
	// UserData is decoded (no base64), empty when the instance has none.
	UserData []byte
	Tags     map[string]string
	Hardware Hardware
	// RootVolumeGiB is the size of the root EBS volume.
	RootVolumeGiB int64
	Notices       Notices
	// Rebooted is when the machine was started anew without being stopped, zero
	// for never since its launch.
	Rebooted time.Time
	// Unreachable says that no packet reaches the machine or leaves it; what is
	// on it goes on.
	Unreachable bool
	// Account is the id of the AWS account.
	Account string
	Launch  Launch
	Network Network
	// Profile is the instance profile that RoleARN comes from.
	Profile Profile
	// Metadata are the settings of the instance metadata service.
	Metadata MetadataOptions
}

// Launch is what remains of a machine's launch.
type Launch struct {
	Reservation string
	Index       int32
	// KeyName and PublicKey, in OpenSSH's form, are those of the key pair, empty without one.
	KeyName, PublicKey string
	PlacementGroup     string
	// Devices are the names of the volumes, the root's first.
	Devices []string
}

// Network is the first network interface.
type Network struct {
	InterfaceID, MAC, SubnetID, VPCID string
	VPCCIDRs                          []string
	SecurityGroups                    []SecurityGroup
	PublicIP                          string // empty when it has none
	PublicDNSName                     string // empty without PublicIP
}

// SecurityGroup is one of an interface's security groups.
type SecurityGroup struct{ ID, Name string }

// Profile is an instance profile; the zero value is none.
type Profile struct{ ARN, ID string }

// MetadataOptions are the settings of the instance metadata service. The zero
// value serves both versions to all who are on the machine.
type MetadataOptions struct {
	TokensRequired bool // version 2 only
	Disabled       bool
	Tags           bool // the instance's tags are served
	// HopLimit is how many hops an answer with a token travels: 1 does not reach
	// pods with a network of their own. 0 is no limit.
	HopLimit int32
}

// Notices is what EC2 announces to an instance, which the instance metadata
// service shows.
type Notices struct {
	// Interruption is the end of a Spot instance; nil while there is none.
	Interruption *Interruption `json:",omitempty"`
	// Rebalance is when a rebalance recommendation was made, zero for never.
	Rebalance time.Time `json:",omitzero"`
	// Scheduled are events of the machine that runs it, in order of their ids.
	Scheduled []ScheduledEvent `json:",omitempty"`
	// TargetLifecycle is the state that Auto Scaling moves the instance to, such
	// as InService or Terminated; empty outside of groups.
	TargetLifecycle string `json:",omitempty"`
}

// Interruption is a Spot interruption notice.
type Interruption struct {
	Action  string    // terminate, stop or hibernate
	At      time.Time // when EC2 acts
	Noticed time.Time
}

// ScheduledEvent is a maintenance event.
type ScheduledEvent struct {
	ID          string // instance-event-...
	Code        string // instance-reboot, system-reboot, system-maintenance, instance-retirement or instance-stop
	Description string
	NotBefore   time.Time
	NotAfter    time.Time `json:",omitzero"`
	State       string    // active, completed or canceled
}

// Hardware is what the machine physically has.
type Hardware struct {
	Arch       string // amd64 or arm64
	VCPU       int64
	MemoryMiB  int64 // as advertised; what the kernel sees is less
	ENIs       int64
	IPv4PerENI int64
	// MaxPodsENI is the ENI formula over the default network card.
	MaxPodsENI int64
	// BranchENIs is the number of pod ENIs, 0 when trunking is not supported.
	BranchENIs   int64
	GPUs         int64
	GPUName      string // resource nvidia.com/gpu etc. follows from the vendor
	Accelerators int64  // Neuron devices
}

// Source is how nodes learn of machines.
type Source interface {
	// Watch calls changed for every machine that is not terminated, before it
	// returns, then again on every change of state, in order, until stop is
	// called. Calls do not overlap. A machine that ends is reported as ShuttingDown and Terminated.
	Watch(changed func(Machine)) (stop func())
}

// Clock is the one clock of the lab. Timestamps are wall time; durations of
// simulated work (boot, pull, shutdown) are divided by the time scale.
type Clock interface {
	Now() time.Time
	// Scaled turns a realistic duration into how long it takes in this lab.
	Scaled(realistic time.Duration) time.Duration
	// AfterFunc calls f once the realistic duration, scaled, is over.
	AfterFunc(realistic time.Duration, f func()) (cancel func())
}

// Console is what a Source may also be: it keeps what a machine prints while it
// boots, as the serial console does.
type Console interface {
	// WriteConsole adds one line, without its newline, to the output of a
	// machine. An unknown machine is ignored.
	WriteConsole(id, line string)
}

// Credentials are temporary credentials of a machine's role.
type Credentials struct {
	AccessKeyID, Secret, Token string
	Updated, Expires           time.Time
}

// ErrRoleRefusesEC2 says that a machine's role does not let EC2 have it.
var ErrRoleRefusesEC2 = errors.New("EC2 cannot assume the role: its trust policy does not name ec2.amazonaws.com")

// Keyring is what a Source may also be: it opens sessions of machines' roles.
type Keyring interface {
	// Credentials are new ones of a machine's role, or ErrRoleRefusesEC2. A
	// machine that is unknown or has no role is another error.
	Credentials(id string) (Credentials, error)
}

// Signal is what a machine says of itself to a stack, with cfn-signal.
type Signal struct {
	Stack    string // name or ARN
	Resource string // logical name
	UniqueID string // the machine's id unless its user data gives another
	Success  bool
}

// Signaller is what a Source may also be: it passes signals on to stacks.
type Signaller interface {
	// Signal answers why a signal is refused.
	Signal(s Signal) error
}
