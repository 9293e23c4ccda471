package aws

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/cloud/aws/joindata"
	"github.com/drover-project/drover/internal/model"
)

// addTo gives the group the labels and taints of its nodes: those of the user
// data, of EKS, and of the tags, the later one winning.
func (r *recipe) addTo(group *cloud.NodeGroup) {
	group.Unread = r.unread
	group.JoinsCluster = r.join.Cluster
	group.Labels = map[string]string{}
	maps.Copy(group.Labels, r.join.Labels)
	group.Taints = append(group.Taints, r.join.Taints...)
	if group.Managed != "" {
		group.Labels["eks.amazonaws.com/nodegroup"] = group.Managed
	}
	if r.managed != nil {
		r.addManaged(group)
	}
	for key, value := range group.Tags {
		if label, ok := strings.CutPrefix(key, templateTag+"label/"); ok {
			group.Labels[label] = value
		}
	}
	r.addBought(group)
	for key, value := range group.Tags {
		if taint, ok := strings.CutPrefix(key, templateTag+"taint/"); ok {
			addTaint(group, taint, value)
		}
	}
}

// addBought adds what depends on how a node is bought, and says of which labels
// nothing is known; EKS and the tags have said already what they know better.
func (r *recipe) addBought(group *cloud.NodeGroup) {
	for _, key := range r.join.Undecided {
		if _, known := group.Labels[key]; known || strings.HasPrefix(key, "--") {
			continue
		}
		if group.UncertainLabels == nil {
			group.UncertainLabels = map[string]string{}
		}
		group.UncertainLabels[key] = "its user data decides on it only at boot"
	}
	for bought, traits := range r.bought {
		own := model.Traits{Labels: maps.Clone(traits.Labels), Taints: slices.Clone(traits.Taints)}
		maps.DeleteFunc(own.Labels, func(key, _ string) bool {
			_, better := group.Labels[key]
			return better || group.UncertainLabels[key] != ""
		})
		if group.ByCapacityType == nil {
			group.ByCapacityType = map[model.CapacityType]model.Traits{}
		}
		group.ByCapacityType[bought] = own
	}
	group.ByCapacityType = differing(group.ByCapacityType)
}

// differing is nil where nothing depends on how a node is bought.
func differing(bought map[model.CapacityType]model.Traits) map[model.CapacityType]model.Traits {
	for _, traits := range bought {
		if len(traits.Labels)+len(traits.Taints) > 0 {
			return bought
		}
	}
	return nil
}

// templateTag begins the tags by which people describe nodes to
// cluster-autoscaler.
const templateTag = "k8s.io/cluster-autoscaler/node-template/"

// addTaint reads value:Effect. eksctl writes the value without the effect, which
// tells nothing that the user data does not say better.
func addTaint(group *cloud.NodeGroup, key, text string) {
	taint, err := joindata.ParseTaint(key + "=" + text)
	if err != nil {
		if !hasTaint(group, key) {
			group.Unread = append(group.Unread, fmt.Sprintf("tag %staint/%s: %v", templateTag, key, err))
		}
		return
	}
	isSame := func(other model.Taint) bool { return other.Key == taint.Key && other.Effect == taint.Effect }
	for bought, traits := range group.ByCapacityType {
		traits.Taints = slices.DeleteFunc(traits.Taints, isSame)
		group.ByCapacityType[bought] = traits
	}
	group.ByCapacityType = differing(group.ByCapacityType)
	if at := slices.IndexFunc(group.Taints, isSame); at >= 0 {
		group.Taints[at] = taint
		return
	}
	group.Taints = append(group.Taints, taint)
}

func hasTaint(group *cloud.NodeGroup, key string) bool {
	isIt := func(taint model.Taint) bool { return taint.Key == key }
	for _, traits := range group.ByCapacityType {
		if slices.ContainsFunc(traits.Taints, isIt) {
			return true
		}
	}
	return slices.ContainsFunc(group.Taints, isIt)
}
