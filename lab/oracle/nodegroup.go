package oracle

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/internal/model"
)

// possibleNodes is how many different nodes a group may bring.
func possibleNodes(group *model.NodeGroup) int {
	count := 0
	for i := range group.Types {
		count += len(group.Types[i].Offerings)
	}
	return count
}

// grown adds one of the nodes that the group may bring. It has no label of
// Karpenter's: those are for nodes of NodeClaims.
func (c *Cluster) grown(name string, group *model.NodeGroup, choice int, daemons []model.DaemonSet) error {
	for i := range group.Types {
		kind := &group.Types[i]
		if choice >= len(kind.Offerings) {
			choice -= len(kind.Offerings)
			continue
		}
		offering := kind.Offerings[choice]
		labels := map[string]string{corev1.LabelInstanceTypeStable: kind.Name, corev1.LabelTopologyZone: offering.Zone}
		if offering.ZoneID != "" {
			labels["topology.k8s.aws/zone-id"] = offering.ZoneID
		}
		for key, value := range kind.Labels {
			labels[key] = value
		}
		for key, value := range group.Labels {
			labels[key] = value
		}
		node := nodeObject(name, labels, lasting(group.Taints, group.StartupTaints), kind.Allocatable)
		c.later = append(c.later, node)
		c.storage.limit(name, kind.AttachLimits)
		for d := range daemons {
			c.daemon(node, &daemons[d])
		}
		return nil
	}
	return fmt.Errorf("node group %q has no node %d that may come", group.Name, choice)
}
