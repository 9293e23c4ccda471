package world

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/lab/region/store"
)

// Cluster is what can be changed of the EKS cluster.
type Cluster struct {
	Tags Tags
	// Authentication is which of access entries and aws-auth decide.
	Authentication types.AuthenticationMode
}

// PhaseAdopting is the phase of a node group that is active but whose Auto
// Scaling group is still to be made.
const PhaseAdopting = "adopting"

// NodeGroup is a managed node group of EKS.
type NodeGroup struct {
	// Description is what DescribeNodegroup answers. Its desired size is that of
	// the last change through EKS; the Auto Scaling group knows better.
	Description types.Nodegroup
	UUID        string
	Token       string    // clientRequestToken of the creation
	Since       time.Time // of the status
	// Phase is how far a creation or deletion has come.
	Phase string
	// Template is the launch template that EKS made, not the user's.
	Template        string
	TemplateVersion int64
	ImageID         string
	// Update is the id of the update in progress.
	Update string
	// Drains are the nodes that are emptied before their instances end.
	Drains map[string]Drain // by instance id
	// FailingSince is when instances began not to come; zero while they do.
	FailingSince time.Time
}

// Name is the group's name.
func (g NodeGroup) Name() string { return *g.Description.NodegroupName }

// AutoScalingGroup is the name of the group's Auto Scaling group.
func (g NodeGroup) AutoScalingGroup() string { return "eks-" + g.Name() + "-" + g.UUID }

// ResourceName is the name of the group's launch template and instance profile.
func (g NodeGroup) ResourceName() string { return "eks-" + g.UUID }

// Drain is one node being emptied.
type Drain struct {
	Since time.Time
	// EmptySince is when the last pod was gone; zero before.
	EmptySince time.Time
}

// EKSUpdate is an update of a cluster, node group or add-on.
type EKSUpdate struct {
	Description types.Update
	Token       string
	NodeGroup   string // empty unless it is one of a node group
	Addon       string // empty unless it is one of an add-on
	Config      *GroupConfig
	Rollout     *Rollout
}

// GroupConfig is what a node group's configuration becomes; nil parts stay.
type GroupConfig struct {
	Scaling      *types.NodegroupScalingConfig
	Update       *types.NodegroupUpdateConfig
	Repair       *types.NodeRepairConfig
	SetLabels    map[string]string
	RemoveLabels []string
	SetTaints    []types.Taint
	RemoveTaints []types.Taint
}

// Rollout is how far the replacement of a node group's nodes has come.
type Rollout struct {
	Phase string
	Since time.Time // of the phase
	Force bool
	// What the nodes become.
	Version, Release string
	LaunchTemplate   *types.LaunchTemplateSpecification
	ImageID          string
	AMIType          types.AMITypes
	TemplateVersion  int64 // 0 until the setup is done
	// The sizes before.
	Min, Max, Desired int32
	Surge             int32
	// Old are the instances still to be replaced, Batch those of them that are
	// being emptied.
	Old   []string
	Batch map[string]Drain
	// Failure is what the update fails with once everything is put back.
	Failure *types.ErrorDetail
}

// Addon is an add-on of the cluster.
type Addon struct {
	Description types.Addon
	Since       time.Time // of the status
	Update      string    // the id of the update in progress
	Preserve    bool      // of the deletion
}

// AccessEntry lets a principal authenticate to the cluster.
type AccessEntry struct {
	Description types.AccessEntry
	Policies    []types.AssociatedAccessPolicy // by ARN
	// NodeGroups says that EKS made it for managed node groups.
	NodeGroups bool
}

// PodIdentity gives a role to a service account.
type PodIdentity = types.PodIdentityAssociation

const clusterKey = "cluster"

// Cluster is the cluster as it is now. Use it within View or Update.
func (w *World) Cluster() Cluster {
	c, stored := w.Clusters.Get(clusterKey)
	if !stored {
		c = Cluster{Authentication: types.AuthenticationModeApiAndConfigMap, Tags: Tags{
			"alpha.eksctl.io/cluster-name":                w.Options.Cluster.Name,
			"eksctl.cluster.k8s.io/v1alpha1/cluster-name": w.Options.Cluster.Name,
		}}
	}
	return c
}

// PutCluster changes the cluster.
func (w *World) PutCluster(tx *store.Tx, c Cluster) error { return w.Clusters.Put(tx, clusterKey, c) }
