package aws

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/internal/cloud"
)

func TestResolveSelectors(t *testing.T) {
	cases := map[string]struct {
		subnets    []ec2v1.SubnetSelectorTerm
		groups     []ec2v1.SecurityGroupSelectorTerm
		wantSubnet []string
		wantGroup  []string
	}{
		"tags, sorted, over pages": {
			[]ec2v1.SubnetSelectorTerm{{Tags: discovery}}, []ec2v1.SecurityGroupSelectorTerm{{Tags: discovery}},
			[]string{"subnet-us-west-2a", "subnet-us-west-2b", "subnet-us-west-2c"}, []string{"sg-1", "sg-2"},
		},
		"any value of a tag": {
			[]ec2v1.SubnetSelectorTerm{{Tags: map[string]string{"karpenter.sh/discovery": "*"}}},
			[]ec2v1.SecurityGroupSelectorTerm{{Tags: map[string]string{"karpenter.sh/discovery": "*"}}},
			[]string{"subnet-us-west-2a", "subnet-us-west-2b", "subnet-us-west-2c"}, []string{"sg-1", "sg-2"},
		},
		"terms add up, each once": {
			[]ec2v1.SubnetSelectorTerm{{ID: "subnet-us-west-2c"}, {ID: "subnet-us-west-2a"}, {ID: "subnet-us-west-2c"}},
			[]ec2v1.SecurityGroupSelectorTerm{{ID: "sg-3"}, {Name: "nodes"}},
			[]string{"subnet-us-west-2a", "subnet-us-west-2c"}, []string{"sg-2", "sg-3"},
		},
		"fields of a term narrow it": {
			[]ec2v1.SubnetSelectorTerm{{ID: "subnet-us-west-2a", Tags: map[string]string{"other": "tag"}}},
			[]ec2v1.SecurityGroupSelectorTerm{{Name: "other", Tags: discovery}}, nil, nil,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			class := nodeClass()
			class.Spec.SubnetSelectorTerms, class.Spec.SecurityGroupSelectorTerms = c.subnets, c.groups
			found, err := w.Resolve(t.Context(), class)
			if err != nil {
				t.Fatal(err)
			}
			var subnets, groups []string
			for _, subnet := range found.Subnets {
				subnets = append(subnets, subnet.ID)
			}
			for _, group := range found.SecurityGroups {
				groups = append(groups, group.ID)
			}
			if !reflect.DeepEqual(subnets, c.wantSubnet) || !reflect.DeepEqual(groups, c.wantGroup) {
				t.Errorf("got %v and %v, want %v and %v", subnets, groups, c.wantSubnet, c.wantGroup)
			}
		})
	}
}

func TestResolveImages(t *testing.T) {
	in := func(key, value string) corev1.NodeSelectorRequirement {
		return corev1.NodeSelectorRequirement{Key: key, Operator: corev1.NodeSelectorOpIn, Values: []string{value}}
	}
	is := func(key string, operator corev1.NodeSelectorOperator) corev1.NodeSelectorRequirement {
		return corev1.NodeSelectorRequirement{Key: key, Operator: operator}
	}
	amd64 := in("kubernetes.io/arch", "amd64")
	noGPU := is(ec2v1.LabelInstanceGPUCount, corev1.NodeSelectorOpDoesNotExist)
	noAccelerator := is(ec2v1.LabelInstanceAcceleratorCount, corev1.NodeSelectorOpDoesNotExist)
	x86 := ec2v1.AMI{ID: "ami-x86", Name: "al2023-x86_64", Requirements: []corev1.NodeSelectorRequirement{amd64, noAccelerator, noGPU}}
	newest := ec2v1.AMI{ID: "ami-new", Name: "mine", Requirements: []corev1.NodeSelectorRequirement{amd64}}
	bottlerocket := []ec2v1.AMI{
		{ID: "ami-br-x86", Name: "bottlerocket-x86_64", Requirements: []corev1.NodeSelectorRequirement{amd64, noAccelerator, noGPU}},
		{ID: "ami-br-x86", Name: "bottlerocket-x86_64", Requirements: []corev1.NodeSelectorRequirement{amd64, is(ec2v1.LabelInstanceAcceleratorCount, corev1.NodeSelectorOpExists)}},
	}
	cases := map[string]struct {
		terms []ec2v1.AMISelectorTerm
		want  []ec2v1.AMI
	}{
		"al2023 latest": {[]ec2v1.AMISelectorTerm{{Alias: "al2023@latest"}}, []ec2v1.AMI{
			{ID: "ami-arm", Name: "al2023-arm64", Requirements: []corev1.NodeSelectorRequirement{in("kubernetes.io/arch", "arm64"), noAccelerator, noGPU}},
			{ID: "ami-gpu", Name: "al2023-nvidia", Requirements: []corev1.NodeSelectorRequirement{amd64, is(ec2v1.LabelInstanceGPUCount, corev1.NodeSelectorOpExists)}},
			x86,
		}},
		"al2023 of a release":                {[]ec2v1.AMISelectorTerm{{Alias: "al2023@v20261101"}}, []ec2v1.AMI{x86}},
		"bottlerocket latest":                {[]ec2v1.AMISelectorTerm{{Alias: "bottlerocket@latest"}}, bottlerocket},
		"bottlerocket of a release":          {[]ec2v1.AMISelectorTerm{{Alias: "bottlerocket@v1.50.0"}}, bottlerocket},
		"of one name the newest in use":      {[]ec2v1.AMISelectorTerm{{Name: "mine"}}, []ec2v1.AMI{newest}},
		"by parameter":                       {[]ec2v1.AMISelectorTerm{{SSMParameter: "/mine"}}, []ec2v1.AMI{newest}},
		"by id, though it is deprecated":     {[]ec2v1.AMISelectorTerm{{ID: "ami-deprecated"}}, []ec2v1.AMI{{ID: "ami-deprecated", Name: "mine", Deprecated: true, Requirements: []corev1.NodeSelectorRequirement{amd64}}}},
		"of another owner there are none":    {[]ec2v1.AMISelectorTerm{{Name: "mine", Owner: "123456789012"}}, []ec2v1.AMI{}},
		"an id that does not exist is empty": {[]ec2v1.AMISelectorTerm{{ID: "ami-0"}}, []ec2v1.AMI{}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			class := nodeClass()
			class.Spec.AMISelectorTerms = c.terms
			found, err := w.Resolve(t.Context(), class)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(found.AMIs, c.want) {
				t.Errorf("got\n%+v\nwant\n%+v", found.AMIs, c.want)
			}
		})
	}
}

func TestResolveRefuses(t *testing.T) {
	cases := map[string]struct {
		term   ec2v1.AMISelectorTerm
		reason string
		want   string
	}{
		"no version":        {ec2v1.AMISelectorTerm{Alias: "al2023"}, "AMIAliasInvalid", "family@version"},
		"unknown family":    {ec2v1.AMISelectorTerm{Alias: "ubuntu@latest"}, "AMIAliasInvalid", "al2023, bottlerocket or al2"},
		"AL2 is over":       {ec2v1.AMISelectorTerm{Alias: "al2@latest"}, "AMIAliasInvalid", "use al2023@latest"},
		"no such release":   {ec2v1.AMISelectorTerm{Alias: "al2023@v1"}, "AMINotFound", "no image for Kubernetes 1.37"},
		"not an image":      {ec2v1.AMISelectorTerm{SSMParameter: "/not-an-image"}, "SSMParameterInvalid", `holds "hello"`},
		"missing parameter": {ec2v1.AMISelectorTerm{SSMParameter: "/none"}, "SSMParameterNotFound", `"/none"`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			class := nodeClass()
			class.Spec.AMISelectorTerms = []ec2v1.AMISelectorTerm{c.term}
			_, err := w.Resolve(t.Context(), class)
			var terminal *cloud.TerminalError
			if !errors.As(err, &terminal) || terminal.Reason != c.reason || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want a TerminalError %s with %q", err, c.reason, c.want)
			}
		})
	}
}

func TestResolveWithoutPermission(t *testing.T) {
	w := newWorld(t)
	w.ec2.fails["DescribeSubnets"] = apiError("UnauthorizedOperation", "You are not authorized to perform this operation.")
	_, err := w.Resolve(t.Context(), nodeClass())
	var terminal *cloud.TerminalError
	if !errors.As(err, &terminal) || terminal.Reason != "UnauthorizedOperation" || !strings.Contains(err.Error(), "tag:karpenter.sh/discovery=demo") {
		t.Errorf("got %v", err)
	}
	w.ec2.fails["DescribeSubnets"] = apiError("RequestLimitExceeded", "Request limit exceeded.")
	if _, err = w.Resolve(t.Context(), nodeClass()); err == nil || errors.As(err, &terminal) && terminal.Reason == "RequestLimitExceeded" {
		t.Errorf("throttling must stay worth a retry, got %v", err)
	}
}
