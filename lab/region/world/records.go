package world

import (
	"encoding/json"
	"time"

	"github.com/drover-project/drover/lab/machine"
)

// Instance is one EC2 instance.
type Instance struct {
	ID           string
	Type         string
	SubnetID     string
	PrivateIP    string
	PublicIP     string `json:",omitempty"`
	ImageID      string
	State        machine.State
	StateSince   time.Time
	LaunchTime   time.Time
	LaunchIndex  int32
	Spot         bool
	SpotRequest  string `json:",omitempty"`
	SpotMaxPrice string `json:",omitempty"`
	Config       Config
	Volumes      []Volume
	InterfaceID  string
	Reservation  string
	FleetID      string `json:",omitempty"`
	ClientToken  string `json:",omitempty"`
	// Limit is the id of the capacity limit that counts this instance.
	Limit string `json:",omitempty"`
	// Reason says why the instance stops or ended, as code: message.
	Reason Reason
	// Console is what the machine printed.
	Console []string `json:",omitempty"`
	// Taken is why EC2 takes the instance back: NoCapacity or ByPrice.
	Taken string `json:",omitempty"`
	// Rebooted is when its software was last started anew without a stop.
	Rebooted time.Time `json:",omitzero"`
	// Notices is what EC2 has announced to the instance.
	Notices machine.Notices `json:",omitzero"`
}

// Reason is a state change's reason.
type Reason struct{ Code, Message string }

// Config is what a launch said of its instances, as far as it stays with them.
type Config struct {
	UserData       []byte            `json:",omitempty"` // decoded
	SecurityGroups []string          `json:",omitempty"` // ids
	ProfileName    string            `json:",omitempty"`
	KeyName        string            `json:",omitempty"`
	Monitoring     bool              `json:",omitempty"`
	EBSOptimized   bool              `json:",omitempty"`
	PublicIP       bool              `json:",omitempty"`
	Metadata       MetadataOptions   // of the instance metadata service
	CPUCredits     string            `json:",omitempty"`
	Tenancy        string            `json:",omitempty"`
	Interfaces     []InterfaceConfig `json:",omitempty"`
	PlacementGroup string            `json:",omitempty"`
}

// MetadataOptions are the settings of the instance metadata service.
type MetadataOptions struct {
	Tokens, Endpoint, IPv6, Tags string
	HopLimit                     int32
}

// InterfaceConfig is a network interface that a launch asked for beyond the first.
type InterfaceConfig struct {
	ID          string `json:",omitempty"`
	DeviceIndex int32
	CardIndex   int32
	Type        string `json:",omitempty"`
}

// Volume is an EBS volume of an instance.
type Volume struct {
	ID                  string
	Device              string
	GiB                 int64
	Type                string
	DeleteOnTermination bool
	Encrypted           bool   `json:",omitempty"`
	KMSKey              string `json:",omitempty"`
	IOPS                int32  `json:",omitempty"`
	Throughput          int32  `json:",omitempty"` // MiB/s
}

// LaunchTemplate is a launch template with all its versions.
type LaunchTemplate struct {
	ID, Name, CreatedBy string
	Created             time.Time
	Default, Latest     int64
	Versions            []TemplateVersion // by number
}

// TemplateVersion is one version. Data is the JSON of the request's
// LaunchTemplateData.
type TemplateVersion struct {
	Number      int64
	Description string
	CreatedBy   string
	Created     time.Time
	Data        json.RawMessage
}

// Version finds a version by number.
func (t LaunchTemplate) Version(number int64) (TemplateVersion, bool) {
	for _, v := range t.Versions {
		if v.Number == number {
			return v, true
		}
	}
	return TemplateVersion{}, false
}

// Limit makes one capacity pool finite.
type Limit struct {
	ID   string // a new one every time the pool is set
	Pool Pool
	// Available is how many more instances can be launched now.
	Available int64
	// Owed is how many instances end before one gives its place back: on-demand
	// instances that run are more than the pool has.
	Owed int64 `json:",omitempty"`
}

// Pool is one capacity pool.
type Pool struct {
	InstanceType string `json:"instanceType"`
	Zone         string `json:"zone"`
	CapacityType string `json:"capacityType"` // on-demand or spot
}

// Capacity types of pools.
const (
	OnDemand = "on-demand"
	Spot     = "spot"
)

func (p Pool) key() string { return p.InstanceType + "/" + p.Zone + "/" + p.CapacityType }

// Answer is what a call with a client token was answered.
type Answer struct {
	Parameters string // digest
	Output     json.RawMessage
	Given      time.Time
}

// Role is an IAM role.
type Role struct {
	Name, ID, Path, Description string
	TrustPolicy                 string // JSON document
	Created                     time.Time
	MaxSessionSeconds           int32
	Attached                    []string          // policy ARNs
	Inline                      map[string]string // documents by policy name
	Boundary                    string            `json:",omitempty"` // a policy's ARN
	Tags                        Tags
}

// Profile is an IAM instance profile.
type Profile struct {
	Name, ID, Path string
	Created        time.Time
	Roles          []string // names, at most one
	Tags           Tags
}

// Policy is a managed policy of the account.
type Policy struct {
	Name, ID, Path, Description string
	Created, Updated            time.Time
	Default                     int64 // number of the version in force
	Latest                      int64 // the highest number ever given
	Versions                    []PolicyVersion
	Tags                        Tags
}

// PolicyVersion is one document of a policy.
type PolicyVersion struct {
	Number   int64
	Document string
	Created  time.Time
}

// OIDCProvider is an identity provider whose tokens roles may trust.
type OIDCProvider struct {
	URL         string // without https://
	ClientIDs   []string
	Thumbprints []string
	Created     time.Time
	Tags        Tags
}

// Session is temporary credentials of a role.
type Session struct {
	AccessKeyID, Secret, Token string
	RoleName, RoleID, Name     string
	Expires                    time.Time
}

// RoleDeletion is the deletion of a service-linked role.
type RoleDeletion struct {
	TaskID, RoleName string
	Status           string
}

// KeyPair is an EC2 key pair. The private half is not kept.
type KeyPair struct {
	ID, Name, Kind string // rsa or ed25519
	Fingerprint    string
	PublicKey      string // in OpenSSH's form
	Created        time.Time
}

// PlacementGroup is a placement group.
type PlacementGroup struct {
	ID, Name, Strategy string
	Partitions         int32  `json:",omitempty"`
	SpreadLevel        string `json:",omitempty"`
}
