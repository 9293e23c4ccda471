package nodegroups

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/drover-project/drover/internal/eksctl"
)

// managedLabel is what EKS gives to nodes of managed groups.
const managedLabel = "eks.amazonaws.com/nodegroup"

// nodes lists the nodes of a group by name.
func (m *Manager) nodes(ctx context.Context, group string) ([]corev1.Node, error) {
	found := map[string]corev1.Node{}
	for _, key := range []string{eksctl.NodeGroupNameLabel, managedLabel} {
		list, err := m.Kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: labels.Set{key: group}.String()})
		if err != nil {
			return nil, fmt.Errorf("listing the nodes of node group %q: %w", group, err)
		}
		for i := range list.Items {
			found[list.Items[i].Name] = list.Items[i]
		}
	}
	all := make([]corev1.Node, 0, len(found))
	for _, node := range found {
		all = append(all, node)
	}
	slices.SortFunc(all, func(a, b corev1.Node) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

func isReady(node *corev1.Node) bool {
	return slices.ContainsFunc(node.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
}

// tellEvery is how often waiting is told of.
const tellEvery = time.Minute

// awaitNodes waits until a group has so many ready nodes. When time is over the
// error says what is missing and what probably went wrong.
func (m *Manager) awaitNodes(ctx context.Context, group string, wanted int) error {
	if wanted == 0 {
		return nil
	}
	since := tellEvery
	var sinceTold time.Duration
	for {
		nodes, err := m.nodes(ctx, group)
		if err != nil {
			return err
		}
		ready := slices.DeleteFunc(slices.Clone(nodes), func(node corev1.Node) bool { return !isReady(&node) })
		if len(ready) >= wanted {
			m.Log.Info("nodegroup %q has %d node(s)", group, len(nodes))
			for i := range nodes {
				state := "not ready"
				if isReady(&nodes[i]) {
					state = "ready"
				}
				m.Log.Info("node %q is %s", nodes[i].Name, state)
			}
			return nil
		}
		if sinceTold == 0 || sinceTold >= since {
			m.Log.Info("waiting for at least %d node(s) to become ready in %q", wanted, group)
			sinceTold = 0
		}
		if err := m.Sleep(ctx, pause); err != nil {
			why := m.whyNot(context.WithoutCancel(ctx), group, len(nodes), wanted)
			return fmt.Errorf("%d of %d nodes of node group %q are ready: %s: %w", len(ready), wanted, group, why, err)
		}
		sinceTold += pause
	}
}

// whyNot says which step between an Auto Scaling group and a ready node is
// missing, and its usual causes.
func (m *Manager) whyNot(ctx context.Context, group string, joined, wanted int) string {
	if joined >= wanted {
		return "the others have joined and are not Ready; `kubectl describe node` says what their kubelets miss, often the CNI plugin aws-node"
	}
	found, err := m.group(ctx, group)
	if err != nil {
		return err.Error()
	}
	names, err := m.autoScalingGroups(ctx, found)
	if err != nil {
		return err.Error()
	}
	instances := 0
	for _, name := range names {
		asg, err := m.AWS.AutoScalingGroup(ctx, name)
		if err != nil {
			return fmt.Sprintf("Auto Scaling group %q: %v", name, err)
		}
		instances += len(asg.Instances)
		if len(asg.Instances) >= asg.Desired {
			continue
		}
		activities, err := m.AWS.Activities(ctx, name)
		for _, activity := range activities {
			if err == nil && activity.Status == "Failed" {
				return fmt.Sprintf("Auto Scaling group %q could not launch: %s", name, activity.Message)
			}
		}
	}
	if found.Managed != nil {
		for _, issue := range found.Managed.Issues {
			return fmt.Sprintf("EKS says %s: %s", issue.Code, issue.Message)
		}
	}
	if instances > joined {
		return fmt.Sprintf("%d instances run and %d nodes have joined; usual causes: their role is not let in (aws-auth or an access entry), "+
			"their subnet has no way to the API server, their user data names another cluster", instances, joined)
	}
	return fmt.Sprintf("%d instances of %s are there", instances, strings.Join(names, ", "))
}
