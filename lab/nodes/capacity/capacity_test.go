package capacity_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/nodes/capacity"
	"github.com/drover-project/drover/lab/nodes/userdata"
)

func m5large() machine.Machine {
	return machine.Machine{RootVolumeGiB: 20, Hardware: machine.Hardware{
		Arch: "amd64", VCPU: 2, MemoryMiB: 8192, MaxPodsENI: 29, BranchENIs: 9,
	}}
}

func t3large() machine.Machine {
	return machine.Machine{RootVolumeGiB: 30, Hardware: machine.Hardware{
		Arch: "amd64", VCPU: 2, MemoryMiB: 8192, MaxPodsENI: 35,
	}}
}

func of(t *testing.T, m machine.Machine, config userdata.Config) (total, free corev1.ResourceList) {
	t.Helper()
	total, free, err := capacity.Of(m, config)
	if err != nil {
		t.Fatal(err)
	}
	return total, free
}

func requireAmount(t *testing.T, list corev1.ResourceList, name corev1.ResourceName, want string) {
	t.Helper()
	amount := list[name]
	if amount.String() != want {
		t.Errorf("%s = %s, want %s", name, amount.String(), want)
	}
}

func mebibytes(list corev1.ResourceList, name corev1.ResourceName) int64 {
	amount := list[name]
	return amount.Value() >> 20
}

func TestM5Large(t *testing.T) {
	total, free := of(t, m5large(), userdata.Config{})
	requireAmount(t, total, corev1.ResourceCPU, "2")
	requireAmount(t, free, corev1.ResourceCPU, "1930m")
	requireAmount(t, free, corev1.ResourcePods, "29")
	requireAmount(t, free, capacity.PodENI, "9")
	requireAmount(t, total, corev1.ResourceEphemeralStorage, "20959212Ki")
	if got := mebibytes(total, corev1.ResourceMemory) - mebibytes(free, corev1.ResourceMemory); got != 11*29+255+100 {
		t.Errorf("memory kept from pods = %d MiB, want 11*29+255+100", got)
	}
	// A planner's 7.5 % estimate, 6903 MiB, must be safe.
	if got := mebibytes(free, corev1.ResourceMemory); got < 6903 {
		t.Errorf("allocatable memory = %d MiB, less than an estimate of 6903 MiB", got)
	}
}

// A t3.large in an EKS console shows 7.63 GiB of memory, 0.72 GiB of it
// reserved although prefix delegation allows 110 pods.
func TestT3LargeWithPrefixDelegation(t *testing.T) {
	total, free := of(t, t3large(), userdata.Config{MaxPods: 110})
	requireAmount(t, free, corev1.ResourcePods, "110")
	if got := mebibytes(total, corev1.ResourceMemory); got != 7815 {
		t.Errorf("memory = %d MiB, want 7815 (7.63 GiB)", got)
	}
	if got := mebibytes(total, corev1.ResourceMemory) - mebibytes(free, corev1.ResourceMemory); got != 740 {
		t.Errorf("reserved memory = %d MiB, want 740", got)
	}
	if _, has := total[capacity.PodENI]; has {
		t.Error("a type without branch interfaces announces pod-eni")
	}
}

func TestLargeMachinesLoseASmallerShareAndArmMore(t *testing.T) {
	big := machine.Hardware{Arch: "amd64", MemoryMiB: 393216}
	if loss := 1 - float64(capacity.VisibleMemory(big))/float64(393216<<20); loss < 0.03 || loss > 0.035 {
		t.Errorf("loss of 384 GiB = %.4f, want 3 to 3.5 %%", loss)
	}
	arm := big
	arm.Arch = "arm64"
	if got := capacity.VisibleMemory(big) - capacity.VisibleMemory(arm); got != 64<<20 {
		t.Errorf("arm64 loses %d bytes more, want 64 MiB", got)
	}
}

func TestCPUReservationFallsWithEachCore(t *testing.T) {
	for cores, want := range map[int64]string{1: "940m", 2: "1930m", 4: "3920m", 8: "7910m", 96: "95690m"} {
		m := m5large()
		m.Hardware.VCPU = cores
		_, free := of(t, m, userdata.Config{})
		requireAmount(t, free, corev1.ResourceCPU, want)
	}
}

func TestUserDataOverridesReservations(t *testing.T) {
	total, free := of(t, m5large(), userdata.Config{
		KubeReserved:   map[string]string{"cpu": "100m"},
		SystemReserved: map[string]string{"cpu": "50m", "memory": "200Mi"},
		EvictionHard:   map[string]string{"memory.available": "5%", "nodefs.available": "1Gi"},
	})
	requireAmount(t, free, corev1.ResourceCPU, "1850m")
	requireAmount(t, free, corev1.ResourceEphemeralStorage, "18862060Ki")
	memory := mebibytes(total, corev1.ResourceMemory)
	if got, want := mebibytes(free, corev1.ResourceMemory), memory-574-200-memory/20; got < want-1 || got > want+1 {
		t.Errorf("allocatable memory = %d MiB, want about %d", got, want)
	}
}

func TestBadReservationNamesTheField(t *testing.T) {
	for field, config := range map[string]userdata.Config{
		"kubeReserved: cpu":              {KubeReserved: map[string]string{"cpu": "lots"}},
		"systemReserved: memory":         {SystemReserved: map[string]string{"memory": "x"}},
		"evictionHard: memory.available": {EvictionHard: map[string]string{"memory.available": "150%"}},
	} {
		if _, _, err := capacity.Of(m5large(), config); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("error %v, want one that names %s", err, field)
		}
	}
}

func TestDevicesByVendor(t *testing.T) {
	for name, want := range map[string]corev1.ResourceName{
		"A10G": "nvidia.com/gpu", "Radeon Pro V520": "amd.com/gpu", "Gaudi HL-205": "habana.ai/gaudi",
	} {
		devices := capacity.Devices(machine.Hardware{GPUs: 4, GPUName: name})
		requireAmount(t, devices, want, "4")
	}
	requireAmount(t, capacity.Devices(machine.Hardware{Accelerators: 2}), "aws.amazon.com/neuron", "2")
}
