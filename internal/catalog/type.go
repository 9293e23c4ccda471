package catalog

import (
	"strings"

	"github.com/aws/amazon-vpc-resource-controller-k8s/pkg/aws/vpc"
)

// Type is one instance type. A zero number or empty text is not known, unless
// said otherwise.
type Type struct {
	Name       string
	Arch       string // amd64 or arm64
	VCPU       int64
	MemoryMiB  int64
	Hypervisor string // nitro or xen; empty for bare metal
	BareMetal  bool
	// NetworkGbps is the baseline bandwidth.
	NetworkGbps float64

	GPU    GPU // Count 0: none
	Neuron Neuron
	// LocalStorage are the instance store volumes, Disks 0: none or not known.
	LocalStorage LocalStorage

	// ENIs and IPv4PerENI are limits over all network cards.
	ENIs       int64
	IPv4PerENI int64
	// MaxPods is the ENI formula over the default network card.
	MaxPods int64
	// BranchENIs is the number of interfaces for pods, 0 without trunking.
	BranchENIs   int64
	NetworkCards []NetworkCard
	// DefaultNetworkCard is an index.
	DefaultNetworkCard int64
}

// GPU is the graphics accelerators of a type.
type GPU struct {
	Count        int64
	Name         string // A10G
	Manufacturer string // NVIDIA
	MemoryMiB    int64  // of one
}

// Neuron is the AWS machine learning accelerators of a type.
type Neuron struct {
	Devices        int64
	Name           string // Inferentia2
	CoresPerDevice int64
	CoreVersion    int64
	MemoryMiB      int64 // of one device
}

// LocalStorage is instance store.
type LocalStorage struct {
	Disks  int64
	DiskGB int64  // of one
	Kind   string // ssd or hdd
	NVMe   bool
}

// NetworkCard is one card's limit.
type NetworkCard struct {
	Index int64
	ENIs  int64
}

// Family is the part of the name before the dot: m5.
func (t Type) Family() string {
	family, _, _ := strings.Cut(t.Name, ".")
	return family
}

// Size is the part of the name after the dot: large.
func (t Type) Size() string {
	_, size, _ := strings.Cut(t.Name, ".")
	return size
}

func parseType(r row) Type {
	t := Type{
		Name: r.text("instance_type"), Arch: r.text("arch"),
		VCPU: r.number("vcpu"), MemoryMiB: r.number("memory_mib"),
		Hypervisor: r.text("hypervisor"), BareMetal: r.text("bare_metal") == "true",
		NetworkGbps: r.decimal("network_gbps"),
		GPU:         GPU{Count: r.number("gpu_count"), Name: r.text("gpu_name")},
		ENIs:        r.number("enis"), IPv4PerENI: r.number("ipv4_per_eni"), MaxPods: r.number("max_pods"),
	}
	if t.Hypervisor == "none" {
		t.Hypervisor = ""
	}
	t.addNetworkLimits()
	return t
}

// addNetworkLimits fills in what the VPC resource controller knows of a type.
func (t *Type) addNetworkLimits() {
	limits, known := vpc.Limits[t.Name]
	if !known {
		return
	}
	if limits.IsTrunkingCompatible {
		t.BranchENIs = int64(limits.BranchInterface)
	}
	t.DefaultNetworkCard = int64(limits.DefaultNetworkCardIndex)
	for _, card := range limits.NetworkCards {
		t.NetworkCards = append(t.NetworkCards, NetworkCard{Index: card.NetworkCardIndex, ENIs: card.MaximumNetworkInterfaces})
	}
}

// CurrentGeneration reports whether AWS still lists the type's family among the
// current generations.
func (t Type) CurrentGeneration() bool {
	switch t.Family() {
	case "c1", "c3", "g2", "i2", "m1", "m2", "m3", "r3", "t1":
		return false
	}
	return true
}

// Manufacturer is the maker of the processor. It follows from the letters after
// the generation: a is AMD, g is AWS's Graviton, none or i is Intel. Empty when
// the name does not say.
func (t Type) Manufacturer() string {
	if t.Arch == "arm64" {
		return "AWS"
	}
	family, _, _ := strings.Cut(t.Family(), "-")
	attributes := strings.TrimLeft(strings.TrimLeft(family, "abcdefghijklmnopqrstuvwxyz"), "0123456789")
	switch {
	case strings.HasPrefix(t.Family(), "u"):
		return "Intel"
	case strings.HasPrefix(attributes, "a"), t.Family() == "g5", t.Family() == "g6", t.Family() == "g6e", t.Family() == "gr6", t.Family() == "inf2":
		return "AMD"
	case strings.ContainsAny(family[:1], "cmrtixz"):
		return "Intel"
	}
	return ""
}

// Nitro reports whether the type runs on the Nitro System, with a hypervisor or
// bare metal.
func (t Type) Nitro() bool { return t.Hypervisor == "nitro" || t.BareMetal }

// Virtualization is how images run on the type, in EC2's words, as far as its
// family says: hvm, and on the oldest paravirtual as well or only.
func (t Type) Virtualization() []string {
	switch t.Family() {
	case "c1", "m1", "m2", "t1":
		return []string{"paravirtual"}
	case "c3", "m3":
		return []string{"hvm", "paravirtual"}
	}
	return []string{"hvm"}
}
