package instancetype

// Facts is what EC2 says of an instance type, as far as nodes depend on it. A
// zero or empty value is not known, or none.
type Facts struct {
	Name      string
	Arch      string // in the words of Kubernetes: amd64 or arm64
	VCPUs     int64
	MemoryMiB int64
	// Hypervisor is nitro or xen; empty for bare metal.
	Hypervisor           string
	NestedVirtualization bool
	Manufacturer         string // of the processor
	ClockMHz             int64  // sustained

	// ENIs is the limit over all network cards.
	ENIs         int64
	IPv4PerENI   int64
	NetworkCards []NetworkCard
	// DefaultNetworkCard is an index of NetworkCards.
	DefaultNetworkCard int
	// EncryptionInTransit is nil when nothing is known of the network.
	EncryptionInTransit *bool
	BandwidthMbps       int64 // baseline, over all network cards
	EBSBandwidthMbps    int64 // the most, of types that are EBS-optimized by default

	// EBSAttachments is how many devices EC2 attaches; volumes share it with
	// other devices unless it is dedicated to them.
	EBSAttachments          int64
	EBSAttachmentsDedicated bool

	// LocalStorageGB is the sum of the LocalDisks instance store volumes.
	LocalStorageGB int64
	LocalDisks     int64
	LocalNVMe      bool

	GPUs         []Device
	Neuron       []Device
	Accelerators []Device // for inference, of the old API
}

// NetworkCard is the limit of one card.
type NetworkCard struct{ ENIs int64 }

// Device is a kind of accelerator with how many of it there are.
type Device struct {
	Name, Manufacturer string
	Count              int64
	Cores              int64 // of one
	MemoryMiB          int64 // of one
}

func value[T any](pointer *T) T {
	if pointer == nil {
		var zero T
		return zero
	}
	return *pointer
}
