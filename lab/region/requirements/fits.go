package requirements

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/internal/catalog"
)

// Unknown is the first attribute asked for that a type's facts do not tell, empty
// when they tell all: instance store is known of few types, and bandwidth to
// EBS, performance factors and hibernation of none.
func Unknown(r types.InstanceRequirements) string {
	for _, c := range []struct {
		name  string
		asked bool
	}{
		{"LocalStorage", r.LocalStorage != "" && r.LocalStorage != types.LocalStorageIncluded},
		{"LocalStorageTypes", len(r.LocalStorageTypes) > 0}, {"TotalLocalStorageGB", r.TotalLocalStorageGB != nil},
		{"BaselineEbsBandwidthMbps", r.BaselineEbsBandwidthMbps != nil}, {"BaselinePerformanceFactors", r.BaselinePerformanceFactors != nil},
		{"RequireHibernateSupport", r.RequireHibernateSupport != nil && *r.RequireHibernateSupport},
	} {
		if c.asked {
			return "InstanceRequirements." + c.name
		}
	}
	return ""
}

// Fits reports whether a type has the attributes, prices aside.
func Fits(r types.InstanceRequirements, t catalog.Type) bool {
	if len(r.AllowedInstanceTypes) > 0 && !names(r.AllowedInstanceTypes, t.Name) || names(r.ExcludedInstanceTypes, t.Name) {
		return false
	}
	return fitsSize(r, t) && fitsKind(r, t) && fitsAccelerators(r, t)
}

func fitsSize(r types.InstanceRequirements, t catalog.Type) bool {
	if v := r.VCpuCount; v != nil && !within(float64(t.VCPU), v.Min, v.Max) {
		return false
	}
	if m := r.MemoryMiB; m != nil && !within(float64(t.MemoryMiB), m.Min, m.Max) {
		return false
	}
	const mib = 1024
	if m := r.MemoryGiBPerVCpu; m != nil && !within(float64(t.MemoryMiB)/mib/float64(t.VCPU), m.Min, m.Max) {
		return false
	}
	if n := r.NetworkInterfaceCount; n != nil && !within(float64(t.ENIs), n.Min, n.Max) {
		return false
	}
	n := r.NetworkBandwidthGbps
	return n == nil || within(t.NetworkGbps, n.Min, n.Max)
}

func fitsKind(r types.InstanceRequirements, t catalog.Type) bool {
	burstable := t.Family() == "t1" || (len(t.Family()) > 1 && t.Family()[0] == 't' && letters(t.Family()) == "t")
	if !allowed(string(r.BareMetal), t.BareMetal) || !allowed(string(r.BurstablePerformance), burstable) {
		return false
	}
	if len(r.CpuManufacturers) > 0 && !slices.Contains(r.CpuManufacturers, types.CpuManufacturer(maker(t.Manufacturer()))) {
		return false
	}
	current := types.InstanceGenerationPrevious
	if t.CurrentGeneration() {
		current = types.InstanceGenerationCurrent
	}
	return len(r.InstanceGenerations) == 0 || slices.Contains(r.InstanceGenerations, current)
}

// allowed judges by included, required or excluded, the last also when empty.
func allowed(wish string, has bool) bool {
	switch wish {
	case "required":
		return has
	case "included":
		return true
	}
	return !has
}

// maker is EC2's word for a manufacturer.
func maker(name string) string {
	if name == "AWS" {
		return "amazon-web-services"
	}
	return strings.ToLower(name)
}

// fitsAccelerators lets a type with accelerators pass when nothing is said of
// them, as EC2 does: the limits on price keep the dear ones out.
func fitsAccelerators(r types.InstanceRequirements, t catalog.Type) bool {
	a := accelerators(t)
	if c := r.AcceleratorCount; c != nil && !within(float64(a.count), c.Min, c.Max) {
		return false
	}
	if m := r.AcceleratorTotalMemoryMiB; m != nil && !within(float64(a.memoryMiB), m.Min, m.Max) {
		return false
	}
	return (len(r.AcceleratorManufacturers) == 0 || slices.Contains(r.AcceleratorManufacturers, types.AcceleratorManufacturer(a.maker))) &&
		(len(r.AcceleratorNames) == 0 || slices.Contains(r.AcceleratorNames, types.AcceleratorName(a.name))) &&
		(len(r.AcceleratorTypes) == 0 || slices.Contains(r.AcceleratorTypes, types.AcceleratorType(a.kind)))
}

type accelerator struct {
	count, memoryMiB  int64
	maker, name, kind string
}

func accelerators(t catalog.Type) accelerator {
	named := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, " ", "-")) }
	if t.Neuron.Devices > 0 {
		return accelerator{count: t.Neuron.Devices, memoryMiB: t.Neuron.Devices * t.Neuron.MemoryMiB, maker: "amazon-web-services", name: named(t.Neuron.Name), kind: "inference"}
	}
	if t.GPU.Count == 0 {
		return accelerator{}
	}
	return accelerator{count: t.GPU.Count, memoryMiB: t.GPU.Count * t.GPU.MemoryMiB, maker: maker(t.GPU.Manufacturer), name: named(t.GPU.Name), kind: "gpu"}
}
