package region

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/access"
)

// Caller is a principal that wants to authenticate to the cluster.
type Caller = access.Caller

// Identity is who a caller is in the cluster.
type Identity = access.Identity

// Identify finds who a caller is in the cluster, by its access entries and by
// the data of the ConfigMap kube-system/aws-auth, which is nil when there is
// none. The error says that it is nobody.
func (r *Region) Identify(c Caller, configMap map[string]string) (Identity, error) {
	rules := access.Rules{ConfigMap: configMap}
	r.world.Store.View(func() {
		rules.Mode, rules.Entries = r.world.Cluster().Authentication, r.world.AccessEntries.All()
	})
	return rules.Identify(c)
}

// AdmitNode is why the cluster does not let a machine in as a node; nil when it
// does.
func (r *Region) AdmitNode(m machine.Machine, name string, configMap map[string]string) error {
	if m.RoleARN == "" {
		return fmt.Errorf("the instance has no instance profile with a role, so that it has no credentials")
	}
	identity, err := r.Identify(Caller{ARN: m.RoleARN, PrivateDNSName: name}, configMap)
	if err != nil {
		return err
	}
	return identity.CheckNode(name)
}

// Reach is why a machine's packets do not get out of its network; nil when they do.
func (r *Region) Reach(m machine.Machine) (err error) {
	r.world.Store.View(func() { err = r.world.Network.WayOut(m.Network.SubnetID, m.Network.PublicIP) })
	return err
}

// Policies are the access policies of a user of the cluster, by its principal's
// ARN.
func (r *Region) Policies(arn string) []types.AssociatedAccessPolicy {
	identity, err := r.Identify(Caller{ARN: arn}, nil)
	if err != nil {
		return nil
	}
	return identity.Policies
}
