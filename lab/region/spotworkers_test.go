package region_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"golang.org/x/tools/txtar"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/nodes/userdata"
)

// TestSpotWorkers is the stack of the end-to-end script in process: of its three
// machines one is on demand and two are Spot, and each learns its labels and
// taints by itself.
func TestSpotWorkers(t *testing.T) {
	t.Parallel()
	l, _ := openEKS(t)
	script, err := txtar.ParseFile(filepath.Join("..", "e2e", "testdata", "script", "spot-workers.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	body := string(script.Files[len(script.Files)-1].Data)
	must[*ec2.CreateKeyPairOutput](l)(l.CreateKeyPair(ctx(), &ec2.CreateKeyPairInput{KeyName: aws.String("eksworkshop")}))
	image := must[*ssm.GetParameterOutput](l)(l.SSM().GetParameter(ctx(), &ssm.GetParameterInput{Name: aws.String("/aws/service/eks/optimized-ami/1.32/amazon-linux-2/recommended/image_id")}))
	var parameters []types.Parameter
	for key, value := range map[string]string{
		"VpcId": l.vpcID(), "Subnets": strings.Join(l.subnets(), ","), "NodeImageId": *image.Parameter.Value + " ",
		"ClusterControlPlaneSecurityGroup": l.groupNamed("*ControlPlaneSecurityGroup*"), "ExistingNodeSecurityGroups": l.groupNamed("eks-cluster-sg-*"),
		"NodeInstanceProfile": "arn:aws:iam::" + account + ":instance-profile/KarpenterNodeInstanceProfile-" + clusterName,
	} {
		parameters = append(parameters, types.Parameter{ParameterKey: aws.String(key), ParameterValue: aws.String(value)})
	}
	must[*cloudformation.CreateStackOutput](l)(l.CloudFormation().CreateStack(ctx(), &cloudformation.CreateStackInput{
		StackName: aws.String("workers"), TemplateBody: &body, Parameters: parameters}))
	l.clock.Advance(3 * time.Minute)
	status := must[*cloudformation.DescribeStacksOutput](l)(l.CloudFormation().DescribeStacks(ctx(), &cloudformation.DescribeStacksInput{StackName: aws.String("workers")})).Stacks[0]
	if status.StackStatus != types.StackStatusCreateComplete {
		t.Fatalf("%s %s", status.StackStatus, aws.ToString(status.StackStatusReason))
	}
	count := map[string]int{}
	l.Watch(func(m machine.Machine) {
		config, err := userdata.Parse(m)
		if err != nil {
			t.Errorf("%s: %v", m.ID, err)
			return
		}
		taints := ""
		for _, taint := range config.Taints {
			taints += " " + taint.ToString()
		}
		count[config.Labels["lifecycle"]+taints]++
		if signals := userdata.Signals(m); len(signals) != 1 || signals[0] != (machine.Signal{Stack: "workers", Resource: "NodeGroup", UniqueID: m.ID, Success: true}) {
			t.Errorf("%s signals %+v", m.ID, signals)
		}
	})()
	if count["OnDemand"] != 1 || count["Ec2Spot spotInstance=true:PreferNoSchedule"] != 2 || len(count) != 2 {
		t.Errorf("machines: %v", count)
	}
}

func (l *lab) vpcID() string {
	l.t.Helper()
	return *must[*ec2.DescribeVpcsOutput](l)(l.DescribeVpcs(ctx(), &ec2.DescribeVpcsInput{})).Vpcs[0].VpcId
}

func (l *lab) groupNamed(pattern string) string {
	l.t.Helper()
	out := must[*ec2.DescribeSecurityGroupsOutput](l)(l.DescribeSecurityGroups(ctx(), &ec2.DescribeSecurityGroupsInput{Filters: []ec2types.Filter{filter("group-name", pattern)}}))
	return *out.SecurityGroups[0].GroupId
}
