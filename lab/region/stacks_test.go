package region_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/drover-project/drover/lab/region"
)

// TestFirstNodeGroupHasItsStack: instructions for adding workers find the stack
// of those that there are, by it their role and their security group; deleting it
// deletes the group.
func TestFirstNodeGroupHasItsStack(t *testing.T) {
	t.Parallel()
	l, _ := openEKS(t, func(o *region.Options) { o.BaseNodes = 2 })
	l.clock.Advance(2 * time.Minute)
	var names []string
	for _, s := range must[*cloudformation.DescribeStacksOutput](l)(l.CloudFormation().DescribeStacks(ctx(), &cloudformation.DescribeStacksInput{})).Stacks {
		if strings.Contains(*s.StackName, "eksctl-eksworkshop-eksctl-nodegroup") {
			names = append(names, *s.StackName)
		}
	}
	if len(names) != 1 {
		t.Fatalf("stacks of node groups: %v", names)
	}
	var roles []string
	for _, p := range must[*iam.ListInstanceProfilesOutput](l)(l.IAM().ListInstanceProfiles(ctx(), &iam.ListInstanceProfilesInput{})).InstanceProfiles {
		if strings.Contains(*p.InstanceProfileName, names[0]) {
			roles = append(roles, *p.Roles[0].RoleName)
		}
	}
	if len(roles) != 1 || !strings.Contains(roles[0], "-NodeInstanceRole-") || len(roles[0]) > 64 {
		t.Errorf("roles %v", roles)
	}
	groups := must[*cloudformation.DescribeStackResourcesOutput](l)(l.CloudFormation().DescribeStackResources(ctx(), &cloudformation.DescribeStackResourcesInput{
		StackName: &names[0], LogicalResourceId: aws.String("SG")})).StackResources
	if len(groups) != 1 || !strings.HasPrefix(*groups[0].PhysicalResourceId, "sg-") {
		t.Errorf("security groups %v", groups)
	}
	must[*cloudformation.DeleteStackOutput](l)(l.CloudFormation().DeleteStack(ctx(), &cloudformation.DeleteStackInput{StackName: &names[0]}))
	l.clock.Advance(30 * time.Minute)
	list := must[*cloudformation.ListStacksOutput](l)(l.CloudFormation().ListStacks(ctx(), &cloudformation.ListStacksInput{StackStatusFilter: []types.StackStatus{types.StackStatusDeleteComplete}}))
	if len(list.StackSummaries) != 1 || *list.StackSummaries[0].StackName != names[0] {
		events := must[*cloudformation.DescribeStackEventsOutput](l)(l.CloudFormation().DescribeStackEvents(ctx(), &cloudformation.DescribeStackEventsInput{StackName: &names[0]}))
		for _, e := range events.StackEvents[:5] {
			t.Logf("%s %s %s", *e.LogicalResourceId, e.ResourceStatus, aws.ToString(e.ResourceStatusReason))
		}
		t.Fatal("the stack is not deleted")
	}
	if left := must[*eks.ListNodegroupsOutput](l)(l.EKS().ListNodegroups(ctx(), &eks.ListNodegroupsInput{ClusterName: aws.String(clusterName)})).Nodegroups; len(left) != 0 {
		t.Errorf("node groups are left: %v", left)
	}
}
