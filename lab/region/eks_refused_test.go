package region_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/lab/awserr"
)

// says fails unless an error has a code and a text in its message.
func says(t *testing.T, name string, err error, code, text string) {
	t.Helper()
	var coded *awserr.Error
	if !errors.As(err, &coded) || coded.Code != code || !strings.Contains(coded.Message, text) {
		t.Errorf("%s: %v, want %s: %s", name, err, code, text)
	}
}

func TestCreateNodegroupRefuses(t *testing.T) {
	t.Parallel()
	l, _ := openEKS(t)
	l.createNodegroup(l.nodegroup("taken"))
	must[*ec2.CreateKeyPairOutput](l)(l.CreateKeyPair(ctx(), &ec2.CreateKeyPairInput{KeyName: aws.String("mine"), KeyType: "ed25519"}))
	const parameter = "InvalidParameterException"
	type input = eks.CreateNodegroupInput
	for name, c := range map[string]struct {
		change     func(*input)
		code, text string
	}{
		"cluster":      {func(in *input) { in.ClusterName = aws.String("other") }, "ResourceNotFoundException", "No cluster found for name: other."},
		"taken":        {func(in *input) { in.NodegroupName = aws.String("taken") }, "ResourceInUseException", "NodeGroup already exists with name taken and cluster name " + clusterName},
		"name":         {func(in *input) { in.NodegroupName = aws.String("-x") }, parameter, "63 letters"},
		"role":         {func(in *input) { in.NodeRole = aws.String("nodes") }, parameter, "not the ARN of a role"},
		"unknown role": {func(in *input) { in.NodeRole = aws.String("arn:aws:iam::" + account + ":role/none") }, parameter, "role with name none cannot be found"},
		"trust": {func(in *input) {
			in.NodeRole = aws.String(l.role("untrusted", strings.ReplaceAll(ec2Trust, "ec2.", "eks.")))
		}, parameter, "[ec2.amazonaws.com] were not found"},
		"no subnet":      {func(in *input) { in.Subnets = nil }, parameter, "Subnets are required"},
		"subnet":         {func(in *input) { in.Subnets = []string{"subnet-1"} }, parameter, "subnet ID 'subnet-1' does not exist"},
		"min > desired":  {func(in *input) { in.ScalingConfig = sizes(3, 4, 2) }, parameter, "Minimum capacity 3 can't be greater than desired size 2"},
		"desired > max":  {func(in *input) { in.ScalingConfig = sizes(1, 3, 4) }, parameter, "desired capacity 4 can't be greater than max size 3"},
		"max 0":          {func(in *input) { in.ScalingConfig = sizes(0, 0, 0) }, parameter, "Maximum capacity 0"},
		"reserved label": {func(in *input) { in.Labels = map[string]string{"eks.amazonaws.com/x": "y"} }, parameter, "Label cannot contain reserved prefixes [kubernetes.io/, k8s.io/, eks.amazonaws.com/]"},
		"taint":          {func(in *input) { in.Taints = []types.Taint{{Key: aws.String("a"), Effect: "NoSchedule"}} }, parameter, "Invalid taint effect"},
		"two taints": {func(in *input) {
			in.Taints = []types.Taint{{Key: aws.String("a"), Effect: "NO_EXECUTE"}, {Key: aws.String("a"), Effect: "NO_EXECUTE"}}
		}, parameter, "Duplicate taint"},
		"both unavailable": {func(in *input) {
			in.UpdateConfig = &types.NodegroupUpdateConfig{MaxUnavailable: aws.Int32(1), MaxUnavailablePercentage: aws.Int32(1)}
		}, parameter, "Only one of maxUnavailable"},
		"unavailable":         {func(in *input) { in.UpdateConfig = &types.NodegroupUpdateConfig{MaxUnavailable: aws.Int32(101)} }, parameter, "between 1 and 100"},
		"types":               {func(in *input) { in.InstanceTypes = []string{"m5.huge"} }, parameter, "do not exist: [m5.huge]"},
		"mixed arch":          {func(in *input) { in.InstanceTypes = []string{"m5.large", "m7g.large"} }, parameter, "different architectures"},
		"image arch":          {func(in *input) { in.AmiType = types.AMITypesAl2023Arm64Standard }, parameter, "not a valid instance type for requested amiType"},
		"Amazon Linux 2":      {func(in *input) { in.AmiType = types.AMITypesAl2X8664 }, parameter, "AMI Type AL2_x86_64 is only supported for kubernetes versions 1.32 or earlier"},
		"Amazon Linux 2 GPU":  {func(in *input) { in.AmiType, in.InstanceTypes = types.AMITypesAl2X8664Gpu, []string{"g5.xlarge"} }, parameter, "AMI Type AL2_x86_64_GPU is only supported"},
		"Amazon Linux 2 Arm":  {func(in *input) { in.AmiType, in.InstanceTypes = types.AMITypesAl2Arm64, []string{"m7g.large"} }, parameter, "AMI Type AL2_ARM_64 is only supported"},
		"Windows":             {func(in *input) { in.AmiType = types.AMITypesWindowsCore2022X8664 }, parameter, "Requested AMI for this version 1.37 is not supported"},
		"AMI type":            {func(in *input) { in.AmiType = "AL3" }, parameter, "AMI Type AL3 is not valid"},
		"capacity":            {func(in *input) { in.CapacityType = types.CapacityTypesCapacityBlock }, parameter, "CAPACITY_BLOCK"},
		"version":             {func(in *input) { in.Version = aws.String("1.33") }, parameter, "use one of 1.34 1.35 1.36 1.37"},
		"release":             {func(in *input) { in.ReleaseVersion = aws.String("1.37.2-20200101") }, parameter, "Requested release version 1.37.2-20200101 is not valid for kubernetes version 1.37."},
		"disk":                {func(in *input) { in.DiskSize = aws.Int32(0) }, parameter, "Disk size 0"},
		"key":                 {func(in *input) { in.RemoteAccess = &types.RemoteAccessConfig{Ec2SshKey: aws.String("me")} }, parameter, "KeyPair me not found"},
		"sources without key": {func(in *input) { in.RemoteAccess = &types.RemoteAccessConfig{SourceSecurityGroups: []string{"sg-1"}} }, parameter, "need an ec2SshKey"},
		"no such source": {func(in *input) {
			in.RemoteAccess = &types.RemoteAccessConfig{Ec2SshKey: aws.String("mine"), SourceSecurityGroups: []string{"sg-0123456789abcdef0"}}
		}, parameter, "security group 'sg-0123456789abcdef0' does not exist"},
		"custom":    {func(in *input) { in.AmiType = types.AMITypesCustom }, parameter, "needs a launch template"},
		"warm pool": {func(in *input) { in.WarmPoolConfig = &types.WarmPoolConfig{Enabled: aws.Bool(true)} }, parameter, "WarmPoolConfig is not supported"},
		"tag":       {func(in *input) { in.Tags = map[string]string{"aws:x": "y"} }, parameter, "Invalid tag key"},
		"template":  {func(in *input) { in.LaunchTemplate = &types.LaunchTemplateSpecification{Name: aws.String("none")} }, parameter, "none, does not exist"},
	} {
		_, err := l.EKS().CreateNodegroup(ctx(), l.nodegroup("new", c.change))
		says(t, name, err, c.code, c.text)
	}
}

func TestCreateNodegroupRefusesTemplates(t *testing.T) {
	t.Parallel()
	l, _ := openEKS(t)
	type input = eks.CreateNodegroupInput
	type data = ec2types.RequestLaunchTemplateData
	image := l.imageOf("x86_64")
	n := 0
	for name, c := range map[string]struct {
		data       data
		change     func(*input)
		code, text string
	}{
		"types twice":   {data{InstanceType: "m5.large"}, func(in *input) { in.InstanceTypes = []string{"m5.large"} }, "InvalidRequestException", "Cannot specify instance types in launch template and API request"},
		"disk":          {data{InstanceType: "m5.large"}, func(in *input) { in.DiskSize = aws.Int32(30) }, "InvalidParameterException", "Disk size must be specified within the launch template."},
		"remote access": {data{InstanceType: "m5.large"}, func(in *input) { in.RemoteAccess = &types.RemoteAccessConfig{} }, "InvalidParameterException", "Remote access configuration"},
		"profile": {data{InstanceType: "m5.large", IamInstanceProfile: &ec2types.LaunchTemplateIamInstanceProfileSpecificationRequest{Name: aws.String("KarpenterNodeInstanceProfile-" + clusterName)}},
			nil, "InvalidRequestException", "should not specify an instance profile"},
		"Spot":          {data{InstanceType: "m5.large", InstanceMarketOptions: &ec2types.LaunchTemplateInstanceMarketOptionsRequest{MarketType: "spot"}}, nil, "InvalidRequestException", "should not request Spot"},
		"image":         {data{InstanceType: "m5.large", ImageId: &image}, func(in *input) { in.AmiType = types.AMITypesAl2023X8664Standard }, "InvalidParameterException", "AMI Type other than CUSTOM"},
		"version":       {data{InstanceType: "m5.large", ImageId: &image}, func(in *input) { in.Version = aws.String("1.37") }, "InvalidParameterException", "kubernetes version to use when specifying an image id"},
		"not MIME":      {data{InstanceType: "m5.large", UserData: aws.String(base64.StdEncoding.EncodeToString([]byte("#!/bin/bash")))}, nil, "InvalidRequestException", "User data was not in the MIME multipart format."},
		"their version": {data{InstanceType: "m5.large"}, func(in *input) { in.LaunchTemplate.Version = aws.String("9") }, "InvalidParameterException", "specified version 9"},
	} {
		n++
		id := l.ownTemplate(fmt.Sprint("template", n), &c.data)
		in := l.nodegroup("new", func(in *input) {
			in.InstanceTypes, in.LaunchTemplate = nil, &types.LaunchTemplateSpecification{Id: &id}
		})
		if c.change != nil {
			c.change(in)
		}
		_, err := l.EKS().CreateNodegroup(ctx(), in)
		says(t, name, err, c.code, c.text)
	}
}

func TestUpdatesThatAreRefused(t *testing.T) {
	t.Parallel()
	l, _ := openEKS(t)
	l.active(l.nodegroup("ng"))
	type config = eks.UpdateNodegroupConfigInput
	for name, c := range map[string]struct {
		change     func(*config)
		code, text string
	}{
		"nothing":       {func(*config) {}, "InvalidParameterException", "changes nothing"},
		"group":         {func(in *config) { in.NodegroupName = aws.String("none") }, "ResourceNotFoundException", "No node group found for name: none."},
		"max < desired": {func(in *config) { in.ScalingConfig = &types.NodegroupScalingConfig{MaxSize: aws.Int32(1)} }, "InvalidParameterException", "desired capacity 2 can't be greater than max size 1"},
		"label twice": {func(in *config) {
			in.Labels = &types.UpdateLabelsPayload{AddOrUpdateLabels: map[string]string{"a": "b"}, RemoveLabels: []string{"a"}}
		}, "InvalidParameterException", "added and removed"},
	} {
		in := &config{ClusterName: aws.String(clusterName), NodegroupName: aws.String("ng")}
		c.change(in)
		_, err := l.EKS().UpdateNodegroupConfig(ctx(), in)
		says(t, name, err, c.code, c.text)
	}
	type version = eks.UpdateNodegroupVersionInput
	for name, c := range map[string]struct {
		change     func(*version)
		code, text string
	}{
		"back":     {func(in *version) { in.Version = aws.String("1.36") }, "InvalidParameterException", "cannot go back from kubernetes version 1.37 to 1.36"},
		"too new":  {func(in *version) { in.Version = aws.String("1.38") }, "InvalidParameterException", "not supported by cluster version 1.37"},
		"template": {func(in *version) { in.LaunchTemplate = &types.LaunchTemplateSpecification{Name: aws.String("x")} }, "InvalidParameterException", "created without one"},
	} {
		in := &version{ClusterName: aws.String(clusterName), NodegroupName: aws.String("ng")}
		c.change(in)
		_, err := l.EKS().UpdateNodegroupVersion(ctx(), in)
		says(t, name, err, c.code, c.text)
	}
}

func TestNodegroupTokensAreIdempotent(t *testing.T) {
	t.Parallel()
	l, _ := openEKS(t)
	in := l.nodegroup("ng", func(in *eks.CreateNodegroupInput) { in.ClientRequestToken = aws.String("once") })
	first := l.createNodegroup(in)
	if again := l.createNodegroup(in); *again.NodegroupArn != *first.NodegroupArn {
		t.Errorf("%s, then %s", *first.NodegroupArn, *again.NodegroupArn)
	}
	other := l.nodegroup("other", func(in *eks.CreateNodegroupInput) { in.ClientRequestToken = aws.String("once") })
	_, err := l.EKS().CreateNodegroup(ctx(), other)
	refused(t, err, "InvalidParameterException")
}
