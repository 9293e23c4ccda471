package nodes_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/lab/machine"
)

func TestMachineThatNobodyReachesGoesOnAndCatchesUp(t *testing.T) {
	inBubble(t, func(t *testing.T, l *lab) {
		m := newMachine(1)
		before := l.readyNode(m)
		l.bind("web", m, nil)
		l.bind("leaves", m, nil)
		wait(10 * time.Second)
		m.Unreachable = true
		l.region.set(m, machine.Running)
		wait(time.Minute)
		if age := time.Since(l.lease(m).Spec.RenewTime.Time); age < 50*time.Second {
			t.Errorf("lease was renewed %v ago by a machine that nobody reaches", age)
		}
		l.deletePod("leaves", 5)
		l.bind("comes", m, nil)
		wait(time.Minute)
		if l.pod("leaves") == nil || l.pod("comes").Status.Phase != corev1.PodPending {
			t.Errorf("a kubelet that nobody reaches ended a pod or began one: %+v", l.pod("comes").Status)
		}
		m.Unreachable = false
		l.region.set(m, machine.Running)
		wait(20 * time.Second)
		if age := time.Since(l.lease(m).Spec.RenewTime.Time); age > 10*time.Second {
			t.Errorf("lease is %v old", age)
		}
		if l.pod("leaves") != nil || l.pod("comes").Status.Phase != corev1.PodRunning {
			t.Errorf("the kubelet did not catch up: %+v", l.pod("comes").Status)
		}
		if web := l.pod("web").Status.ContainerStatuses[0]; web.RestartCount != 0 || web.State.Running == nil {
			t.Errorf("container %+v, want it as it was", web)
		}
		if after := l.node(m); after.Status.NodeInfo.BootID != before.Status.NodeInfo.BootID {
			t.Error("the machine started anew")
		}
	})
}

func TestMachineReboots(t *testing.T) {
	inBubble(t, func(t *testing.T, l *lab) {
		m := newMachine(1)
		before := l.readyNode(m)
		l.bind("web", m, nil)
		wait(10 * time.Second)
		m.Rebooted = time.Now()
		l.region.set(m, machine.Running)
		wait(18 * time.Second)
		if ready := conditionOf(l.node(m), corev1.NodeReady); ready != corev1.ConditionFalse {
			t.Errorf("Ready is %s while the network is set up", ready)
		}
		wait(20 * time.Second)
		after := l.node(m)
		if conditionOf(after, corev1.NodeReady) != corev1.ConditionTrue || after.UID != before.UID || after.Status.NodeInfo.BootID == before.Status.NodeInfo.BootID {
			t.Errorf("UID %s then %s, boot ID %s then %s", before.UID, after.UID, before.Status.NodeInfo.BootID, after.Status.NodeInfo.BootID)
		}
		if web := l.pod("web").Status.ContainerStatuses[0]; web.RestartCount != 1 || web.State.Running == nil {
			t.Errorf("container %+v, want it running again after one restart", web)
		}
		l.region.set(m, machine.Running) // told again, it does not reboot again
		wait(10 * time.Second)
		if conditionOf(l.node(m), corev1.NodeReady) != corev1.ConditionTrue {
			t.Error("it rebooted twice")
		}
	})
}
