package inventory

import (
	"context"
	"fmt"
	"math"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
)

// NodePool is one way to get nodes, and what has been got by it.
type NodePool struct {
	Name      string    `json:"name"`
	NodeClass string    `json:"nodeClass,omitempty"`
	Nodes     int64     `json:"nodes"`
	Spot      int       `json:"spot"`
	OnDemand  int       `json:"onDemand"`
	Starting  int       `json:"starting"` // not ready yet
	Leaving   int       `json:"leaving"`
	Ready     string    `json:"ready"`
	Weight    int32     `json:"weight,omitempty"`
	Created   time.Time `json:"created"`
	CPU       Counted   `json:"cpu"`
	Memory    Counted   `json:"memory"`
	// PricePerHour in USD of its NodeClaims, as planned.
	PricePerHour float64 `json:"pricePerHour,omitempty"`
	// Consolidation is the policy, and after how long it applies.
	Consolidation string `json:"consolidation,omitempty"`
	// WaitsFor is why it is not ready.
	WaitsFor string `json:"waitsFor,omitempty"`
}

// NodePools are those that the query wants, by name.
func NodePools(ctx context.Context, reader client.Reader, q Query) ([]NodePool, error) {
	var list karpv1.NodePoolList
	if err := reader.List(ctx, &list, q.options()...); err != nil {
		return nil, unread("NodePools", err)
	}
	pools, err := chosen(&q, "NodePool", list.Items, func(p *karpv1.NodePool) string { return p.Name })
	if err != nil {
		return nil, err
	}
	claims, err := readClaims(ctx, reader, &Query{})
	if err != nil {
		return nil, err
	}
	found := make([]NodePool, len(pools))
	for i := range pools {
		found[i] = nodePool(&pools[i])
		for j := range claims {
			if claims[j].Labels[karpv1.NodePoolLabelKey] == pools[i].Name {
				found[i].add(&claims[j])
			}
		}
	}
	return found, nil
}

func nodePool(pool *karpv1.NodePool) NodePool {
	found := NodePool{
		Name: pool.Name, Created: pool.CreationTimestamp.UTC(), Ready: string(metav1.ConditionUnknown),
		CPU: counted(pool, corev1.ResourceCPU), Memory: counted(pool, corev1.ResourceMemory),
		Consolidation: string(pool.Spec.Disruption.ConsolidationPolicy),
	}
	if pool.Spec.Template.Spec.NodeClassRef != nil {
		found.NodeClass = pool.Spec.Template.Spec.NodeClassRef.Name
	}
	if pool.Status.Nodes != nil {
		found.Nodes = *pool.Status.Nodes
	}
	if pool.Spec.Weight != nil {
		found.Weight = *pool.Spec.Weight
	}
	if after := pool.Spec.Disruption.ConsolidateAfter.Duration; after != nil {
		found.Consolidation += " after " + after.String()
	} else if found.Consolidation != "" {
		found.Consolidation += ", never"
	}
	for _, condition := range pool.Status.Conditions {
		switch {
		case condition.Type == "Ready":
			found.Ready = string(condition.Status)
		case condition.Status != metav1.ConditionTrue && found.WaitsFor == "" && condition.Type != karpv1.ConditionTypeNodeRegistrationHealthy:
			found.WaitsFor = fmt.Sprintf("%s: %s", condition.Type, condition.Message)
		}
	}
	return found
}

func counted(pool *karpv1.NodePool, name corev1.ResourceName) Counted {
	used := pool.Status.Resources[name]
	c := Counted{Used: used.String()}
	if limit, bounded := pool.Spec.Limits[name]; bounded {
		c.Limit = limit.String()
	}
	return c
}

// add counts a NodeClaim of the pool.
func (p *NodePool) add(claim *karpv1.NodeClaim) {
	switch {
	case claim.DeletionTimestamp != nil:
		p.Leaving++
	case status(conditionOf(claim, karpv1.ConditionTypeInitialized)) != string(metav1.ConditionTrue):
		p.Starting++
	}
	switch claim.Labels[karpv1.CapacityTypeLabelKey] {
	case karpv1.CapacityTypeSpot:
		p.Spot++
	case karpv1.CapacityTypeOnDemand:
		p.OnDemand++
	}
	const exact = 1e6 // sums of prices in binary have digits that nobody wrote
	p.PricePerHour = math.Round((p.PricePerHour+priceOf(claim))*exact) / exact
}
