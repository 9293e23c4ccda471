package world

import (
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"regexp"
	"slices"

	"github.com/drover-project/drover/internal/catalog"
	"github.com/drover-project/drover/lab/clock"
	"github.com/drover-project/drover/lab/machine"
)

// Options describe a region. Cluster.Name is required; the rest has defaults.
type Options struct {
	// DataDir is the folder the state is kept in; empty keeps it in memory only.
	DataDir string
	// Region is us-west-2 (when empty), us-east-1, eu-west-1 or ap-northeast-2.
	Region string
	// Account is 12 digits, 111122223333 when empty.
	Account string
	Cluster ClusterInfo
	// Clock is real time when nil.
	Clock machine.Clock
	// BaseNodes is how many m5.large instances of the managed node group
	// "default" there are when the region is opened for the first time.
	BaseNodes int
	// Quota limits the vCPUs that may run; zero values do not.
	Quota Quota
	// Seed varies what is modelled: identifiers, Spot prices and pool depths.
	Seed int64
	// Endpoint is where clients reach the region, such as http://127.0.0.1:8443:
	// the addresses of queues begin with it. AWS's own when empty.
	Endpoint string
	// Log receives what no caller is told: failures of the clockwork. nil discards.
	Log *slog.Logger
}

// ClusterInfo is the cluster as the control plane came up.
type ClusterInfo struct {
	Name     string // eksworkshop-eksctl
	Endpoint string // https://127.0.0.1:6443
	CAData   []byte // PEM
	Version  string // 1.37, also when empty
	// ServiceCIDR is 10.100.0.0/16 when empty.
	ServiceCIDR string
	// OIDCIssuer is the issuer URL of service account tokens; one in the form
	// that EKS uses is made up when empty.
	OIDCIssuer string
	// TokenKeys verify the service account tokens; without any, no token is
	// believed.
	TokenKeys []crypto.PublicKey
}

// Quota is how many vCPUs may run at once, as EC2 counts its limits. 0 is no limit.
type Quota struct {
	OnDemandVCPU int64
	SpotVCPU     int64
}

var (
	accountPattern = regexp.MustCompile(`^\d{12}$`)
	clusterPattern = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$`)
)

// withDefaults fills in what is not set and refuses what cannot be.
func (o Options) withDefaults() (Options, error) {
	setDefault(&o.Region, "us-west-2")
	setDefault(&o.Account, "111122223333")
	setDefault(&o.Cluster.Version, "1.37")
	setDefault(&o.Cluster.ServiceCIDR, "10.100.0.0/16")
	if o.Clock == nil {
		o.Clock = clock.Wall{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if catalog.Zones(o.Region) == nil {
		return o, fmt.Errorf("region %q is not simulated: use one of %v", o.Region, Regions())
	}
	if !accountPattern.MatchString(o.Account) {
		return o, fmt.Errorf("account %q: must be 12 digits", o.Account)
	}
	if !clusterPattern.MatchString(o.Cluster.Name) {
		return o, fmt.Errorf("cluster name %q: must be 1 to 100 letters, digits, hyphens and underscores, the first a letter or digit", o.Cluster.Name)
	}
	if !slices.Contains(kubernetesVersions(), o.Cluster.Version) {
		return o, fmt.Errorf("cluster version %q has no AMIs here: use one of %v", o.Cluster.Version, kubernetesVersions())
	}
	if cidr, err := netip.ParsePrefix(o.Cluster.ServiceCIDR); err != nil || !cidr.Addr().Is4() {
		return o, fmt.Errorf("service CIDR %q: must be an IPv4 range such as 10.100.0.0/16", o.Cluster.ServiceCIDR)
	}
	if o.BaseNodes < 0 {
		return o, errors.New("base nodes: must not be negative")
	}
	return o, nil
}

func setDefault(s *string, value string) {
	if *s == "" {
		*s = value
	}
}

// identity is what a data directory is for; it cannot be opened as another.
type identity struct {
	Region, Account, Cluster string
	Seed                     int64
}

func (o Options) identity() identity {
	return identity{Region: o.Region, Account: o.Account, Cluster: o.Cluster.Name, Seed: o.Seed}
}

func (i identity) String() string {
	return fmt.Sprintf("region %s, account %s, cluster %s, seed %d", i.Region, i.Account, i.Cluster, i.Seed)
}
