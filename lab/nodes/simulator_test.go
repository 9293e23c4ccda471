package nodes_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drover-project/drover/lab/machine"
)

func TestMachineBecomesANode(t *testing.T) {
	inBubble(t, func(t *testing.T, l *lab) {
		m := newMachine(1)
		launched := time.Now()
		l.launch(m)
		var registered, ready time.Duration
		for ready == 0 && time.Since(launched) < time.Minute {
			wait(time.Second)
			if node := l.node(m); node != nil {
				if registered == 0 {
					registered = time.Since(launched)
				}
				if conditionOf(node, corev1.NodeReady) == corev1.ConditionTrue {
					ready = time.Since(launched)
				}
			}
		}
		if registered < 18*time.Second || registered > 26*time.Second {
			t.Errorf("registered after %v, want about 22 s", registered)
		}
		if ready < 28*time.Second || ready > 36*time.Second {
			t.Errorf("ready after %v, want about 31 s", ready)
		}
		node := l.node(m)
		if node.Labels["type"] != "karpenter" || node.Labels["topology.kubernetes.io/zone"] != "us-west-2a" {
			t.Errorf("labels %v", node.Labels)
		}
		if len(node.Spec.Taints) != 1 || node.Spec.Taints[0].ToString() != "karpenter.sh/unregistered:NoExecute" {
			t.Errorf("taints %v", node.Spec.Taints)
		}
		for _, kind := range []corev1.NodeConditionType{corev1.NodeMemoryPressure, corev1.NodeDiskPressure, corev1.NodePIDPressure} {
			if got := conditionOf(node, kind); got != corev1.ConditionFalse {
				t.Errorf("condition %s is %s", kind, got)
			}
		}
	})
}

func (l *lab) lease(m machine.Machine) *coordinationv1.Lease {
	lease, err := l.client.CoordinationV1().Leases(corev1.NamespaceNodeLease).Get(l.t.Context(), m.PrivateDNSName, metav1.GetOptions{})
	if err != nil {
		return nil
	}
	return lease
}

func TestHeartbeatsStopWithTheMachine(t *testing.T) {
	inBubble(t, func(t *testing.T, l *lab) {
		m := newMachine(1)
		l.readyNode(m)
		for range 5 {
			wait(10 * time.Second)
			if age := time.Since(l.lease(m).Spec.RenewTime.Time); age > 10*time.Second {
				t.Fatalf("lease is %v old", age)
			}
		}
		l.region.set(m, machine.ShuttingDown)
		wait(time.Minute)
		if age := time.Since(l.lease(m).Spec.RenewTime.Time); age < 50*time.Second {
			t.Errorf("lease was renewed %v ago by a machine that is off", age)
		}
	})
}

func TestUserDataThatLeadsNowhere(t *testing.T) {
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"garbage":       {[]byte("hello"), "user data holds no NodeConfig"},
		"other cluster": {[]byte(strings.Replace(string(nodeConfig("{}")), "name: test", "name: other", 1)), `names cluster "other"; this is "test"`},
		"other server":  {[]byte(strings.Replace(string(nodeConfig("{}")), ":6443", ":7443", 1)), "gives the API server https://127.0.0.1:7443"},
		"bad reserve":   {nodeConfig(`{config: {kubeReserved: {memory: much}}}`), "kubeReserved: memory"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, l *lab) {
				m := newMachine(1)
				m.UserData = test.data
				l.launch(m)
				wait(time.Minute)
				if l.node(m) != nil {
					t.Error("a node joined")
				}
				says := func(line string) bool { return strings.Contains(line, test.want) }
				if console := l.region.consoleOf(m.ID); !slices.ContainsFunc(console, says) {
					t.Errorf("console %q lacks %q", console, test.want)
				}
				if log := strings.ReplaceAll(l.log.String(), `\"`, `"`); !says(log) {
					t.Errorf("log %q lacks %q", log, test.want)
				}
			})
		})
	}
}

func TestPodRunsAndEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, l *lab) {
		m := newMachine(1)
		l.readyNode(m)
		l.bind("web", m, nil)
		l.bind("host", m, func(p *corev1.Pod) { p.Spec.HostNetwork = true })
		wait(10 * time.Second)
		web, host := l.pod("web"), l.pod("host")
		if web.Status.Phase != corev1.PodRunning || web.Status.PodIP != "192.168.31.254" || web.Status.HostIP != m.PrivateIP {
			t.Errorf("phase %s, IP %s on %s", web.Status.Phase, web.Status.PodIP, web.Status.HostIP)
		}
		if host.Status.PodIP != m.PrivateIP {
			t.Errorf("IP %s on the host's network, want %s", host.Status.PodIP, m.PrivateIP)
		}
		l.deletePod("web", 30)
		wait(5 * time.Second)
		if l.pod("web") != nil {
			t.Error("the pod is still there")
		}
	})
}

func TestPodsWaitForTheNetworkUnlessTheyShareTheHosts(t *testing.T) {
	inBubble(t, func(t *testing.T, l *lab) {
		m := newMachine(1)
		l.launch(m)
		for l.node(m) == nil {
			wait(time.Second)
		}
		l.bind("web", m, nil)
		l.bind("cni", m, func(p *corev1.Pod) { p.Spec.HostNetwork = true })
		wait(6 * time.Second)
		if web, cni := l.pod("web").Status.Phase, l.pod("cni").Status.Phase; web != corev1.PodPending || cni != corev1.PodRunning {
			t.Errorf("before the node is ready: web %s, cni %s", web, cni)
		}
		wait(15 * time.Second)
		if web := l.pod("web").Status.Phase; web != corev1.PodRunning {
			t.Errorf("web is %s on a ready node", web)
		}
	})
}

func TestPodThatDoesNotFitIsRejected(t *testing.T) {
	inBubble(t, func(t *testing.T, l *lab) {
		m := newMachine(1)
		l.readyNode(m)
		request := func(cpu string) func(*corev1.Pod) {
			return func(p *corev1.Pod) {
				p.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu)}
			}
		}
		l.bind("first", m, request("1500m"))
		wait(5 * time.Second)
		l.bind("second", m, request("500m"))
		wait(5 * time.Second)
		if second := l.pod("second").Status; second.Phase != corev1.PodFailed || second.Reason != "OutOfcpu" {
			t.Errorf("phase %s reason %s", second.Phase, second.Reason)
		}
		l.deletePod("first", 30)
		wait(5 * time.Second)
		l.bind("third", m, request("1900m"))
		wait(10 * time.Second)
		if third := l.pod("third").Status; third.Phase != corev1.PodRunning {
			t.Errorf("phase %s once there is room", third.Phase)
		}
	})
}

func TestRestartOfTheLabContinues(t *testing.T) {
	inBubble(t, func(t *testing.T, l *lab) {
		m := newMachine(1)
		node := l.readyNode(m)
		l.bind("web", m, nil)
		wait(10 * time.Second)
		before := l.pod("web").Status
		node = node.DeepCopy()
		node.Labels["mine"], node.Spec.Taints = "kept", nil
		if _, err := l.client.CoreV1().Nodes().Update(t.Context(), node, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		l.stop()
		wait(time.Minute)
		l.start()
		wait(15 * time.Second)
		node = l.node(m)
		if node.Labels["mine"] != "kept" || len(node.Spec.Taints) != 0 {
			t.Errorf("labels %v, taints %v", node.Labels, node.Spec.Taints)
		}
		after := l.pod("web").Status
		if after.PodIP != before.PodIP || after.ContainerStatuses[0].RestartCount != 0 || after.Phase != corev1.PodRunning {
			t.Errorf("before %+v, after %+v", before, after)
		}
		l.bind("next", m, nil)
		wait(10 * time.Second)
		if next := l.pod("next").Status; next.PodIP == before.PodIP || next.Phase != corev1.PodRunning {
			t.Errorf("the next pod is %s with IP %s, the first one's is %s", next.Phase, next.PodIP, before.PodIP)
		}
		if age := time.Since(l.lease(m).Spec.RenewTime.Time); age > 10*time.Second {
			t.Errorf("lease is %v old", age)
		}
	})
}

// A lab on any free port has another address after each restart.
func TestNodesOutliveAChangeOfTheAPIServersAddress(t *testing.T) {
	inBubble(t, func(t *testing.T, l *lab) {
		ready, booting := newMachine(1), newMachine(2)
		l.readyNode(ready)
		booting.LaunchTime = time.Now()
		l.launch(booting)
		l.stop()
		l.endpoint = "https://127.0.0.1:7443"
		l.start()
		wait(time.Minute)
		if age := time.Since(l.lease(ready).Spec.RenewTime.Time); age > 10*time.Second {
			t.Errorf("lease of the node that was up is %v old", age)
		}
		if node := l.node(booting); node == nil || conditionOf(node, corev1.NodeReady) != corev1.ConditionTrue {
			t.Errorf("the node that was booting is %+v", node)
		}
	})
}

func TestNodeOfATerminatedMachineGoes(t *testing.T) {
	inBubble(t, func(t *testing.T, l *lab) {
		seen, unseen := newMachine(1), newMachine(2)
		l.readyNode(seen)
		l.readyNode(unseen)
		l.region.set(seen, machine.ShuttingDown)
		wait(10 * time.Second)
		if l.node(seen) == nil {
			t.Fatal("the node goes before its instance is terminated")
		}
		l.region.set(seen, machine.Terminated)
		wait(10 * time.Second)
		if l.node(seen) != nil {
			t.Error("the node of a terminated instance is still there")
		}
		l.stop()
		l.region.set(unseen, machine.Terminated)
		l.start()
		wait(10 * time.Second)
		if l.node(unseen) != nil {
			t.Error("the node of an instance that went while the lab was down is still there")
		}
	})
}

func TestMachineStopsAndStartsAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, l *lab) {
		m := newMachine(1)
		before := l.readyNode(m)
		l.bind("web", m, nil)
		wait(10 * time.Second)
		l.region.set(m, machine.Stopping)
		l.region.set(m, machine.Stopped)
		wait(10 * time.Second)
		hasTaint := func() bool {
			return slices.ContainsFunc(l.node(m).Spec.Taints, func(taint corev1.Taint) bool {
				return taint.Key == "node.cloudprovider.kubernetes.io/shutdown"
			})
		}
		if !hasTaint() {
			t.Error("the node of a stopped instance has no shutdown taint")
		}
		m.LaunchTime = time.Now()
		after := l.readyNode(m)
		if hasTaint() {
			t.Error("the taint stays after the start")
		}
		if after.UID != before.UID || after.Status.NodeInfo.BootID == before.Status.NodeInfo.BootID {
			t.Errorf("UID %s then %s, boot ID %s then %s", before.UID, after.UID, before.Status.NodeInfo.BootID, after.Status.NodeInfo.BootID)
		}
		wait(10 * time.Second)
		if web := l.pod("web").Status.ContainerStatuses[0]; web.RestartCount != 1 || web.State.Running == nil {
			t.Errorf("container %+v, want it running again after one restart", web)
		}
	})
}

func TestConditionsOfOthersAreKeptAndOwnOnesRepaired(t *testing.T) {
	inBubble(t, func(t *testing.T, l *lab) {
		m := newMachine(1)
		node := l.readyNode(m).DeepCopy()
		for i := range node.Status.Conditions {
			if node.Status.Conditions[i].Type == corev1.NodeReady {
				node.Status.Conditions[i].Status = corev1.ConditionUnknown
			}
		}
		node.Status.Conditions = append(node.Status.Conditions, corev1.NodeCondition{Type: "AcceleratedHardwareReady", Status: corev1.ConditionFalse})
		if _, err := l.client.CoreV1().Nodes().UpdateStatus(t.Context(), node, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		wait(11 * time.Second)
		node = l.node(m)
		if ready := conditionOf(node, corev1.NodeReady); ready != corev1.ConditionTrue {
			t.Errorf("Ready is %s", ready)
		}
		if foreign := conditionOf(node, "AcceleratedHardwareReady"); foreign != corev1.ConditionFalse {
			t.Errorf("the condition of someone else is %s", foreign)
		}
	})
}

func TestDevicesAppearAfterReady(t *testing.T) {
	inBubble(t, func(t *testing.T, l *lab) {
		m := newMachine(1)
		m.Hardware.GPUs, m.Hardware.GPUName = 4, "A10G"
		node := l.readyNode(m)
		if _, has := node.Status.Allocatable["nvidia.com/gpu"]; has {
			t.Error("GPUs are there before their plugin can be")
		}
		wait(30 * time.Second)
		allocatable := l.node(m).Status.Allocatable["nvidia.com/gpu"]
		if allocatable.Value() != 4 {
			t.Errorf("nvidia.com/gpu = %s, want 4", allocatable.String())
		}
	})
}

func TestDeletedNodeDoesNotComeBack(t *testing.T) {
	inBubble(t, func(t *testing.T, l *lab) {
		m := newMachine(1)
		l.readyNode(m)
		if err := l.client.CoreV1().Nodes().Delete(t.Context(), m.PrivateDNSName, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		wait(time.Minute)
		if l.node(m) != nil {
			t.Error("the kubelet registered again without a restart")
		}
	})
}
