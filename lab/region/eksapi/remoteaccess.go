package eksapi

import (
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/drover-project/drover/lab/region/world"
)

// checkRemoteAccess refuses a key pair that there is not, and sources that
// security groups are not.
func (e *EKS) checkRemoteAccess(g *world.NodeGroup) error {
	access := g.Description.RemoteAccess
	if access == nil {
		return nil
	}
	key := aws.ToString(access.Ec2SshKey)
	if key == "" && len(access.SourceSecurityGroups) > 0 {
		return invalid("Source security groups need an ec2SshKey")
	}
	if _, known := e.world.KeyPairs.Get(key); key != "" && !known {
		return invalid("KeyPair %s not found", key)
	}
	vpc := e.world.Network.ClusterSecurityGroup().VPCID
	for _, id := range access.SourceSecurityGroups {
		source, known := e.world.Network.SecurityGroup(id)
		if !known {
			return invalid("The security group '%s' does not exist (Service: AmazonEC2; Status Code: 400; Error Code: InvalidGroup.NotFound)", id)
		}
		if source.VPCID != vpc {
			return invalid("The security group %s is not in the VPC of the cluster, %s", id, vpc)
		}
	}
	return nil
}
