package property

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
)

func properties(t *testing.T, text string) Set {
	t.Helper()
	s, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestDecode: what templates write, numbers and booleans as text too, becomes
// what requests have.
func TestDecode(t *testing.T) {
	for text, c := range map[string]struct {
		into any
		want string
	}{
		`{"MinSize": "1", "MaxSize": 5, "CapacityRebalance": "true", "TerminationPolicies": ["Default"],
		  "MixedInstancesPolicy": {"InstancesDistribution": {"OnDemandBaseCapacity": "2"}, "LaunchTemplate": {"Overrides": [{"InstanceType": "m5.large"}]}}}`: {
			&autoscaling.CreateAutoScalingGroupInput{},
			`"MinSize":1|"MaxSize":5|"CapacityRebalance":true|"TerminationPolicies":["Default"]|"OnDemandBaseCapacity":2|"InstanceType":"m5.large"`,
		},
		`{"ImageId": "ami-1", "InstanceType": "m5.large", "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": "80", "Encrypted": false}}]}`: {
			&types.RequestLaunchTemplateData{}, `"InstanceType":"m5.large"|"VolumeSize":80|"Encrypted":false`,
		},
		`{"ClusterName": "c", "Labels": {"a": "b", "n": 1}, "Taints": [{"Key": "k", "Effect": "NO_SCHEDULE"}], "ScalingConfig": {"MinSize": 1}}`: {
			&eks.CreateNodegroupInput{}, `"n":"1"|"Effect":"NO_SCHEDULE"|"MinSize":1`,
		},
	} {
		if err := properties(t, text).Decode(c.into); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got, err := json.Marshal(c.into)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(c.want, "|") {
			if !strings.Contains(string(got), part) {
				t.Errorf("%s is not in %s", part, got)
			}
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for text, says := range map[string]string{
		`{"Colour": "red"}`:                                       "Encountered unsupported property Colour",
		`{"MinSize": "one"}`:                                      "Value of property MinSize must be of type Number",
		`{"CapacityRebalance": "maybe"}`:                          "Value of property CapacityRebalance must be of type Boolean",
		`{"TerminationPolicies": "Default"}`:                      "Value of property TerminationPolicies must be of type List",
		`{"MixedInstancesPolicy": []}`:                            "Value of property MixedInstancesPolicy must be an object",
		`{"AutoScalingGroupName": ["a"]}`:                         "Value of property AutoScalingGroupName must be of type String",
		`{"MixedInstancesPolicy": {"LaunchTemplate": {"X": 1}}}`:  "Encountered unsupported property X",
		`{"Tags": [{"Key": {"a": "b"}, "PropagateAtLaunch": 2}]}`: "Value of property Tags/0/PropagateAtLaunch must be of type Boolean",
		`{"MaxSize": 99999999999}`:                                "Value of property MaxSize must be of type Number",
	} {
		if err := properties(t, text).Decode(&autoscaling.CreateAutoScalingGroupInput{}); err == nil || err.Error() != says {
			t.Errorf("%s: %v, want %s", text, err, says)
		}
	}
}

// TestDocumentsAreText: a policy document is an object in a template.
func TestDocumentsAreText(t *testing.T) {
	var in struct{ PolicyDocument *string }
	if err := properties(t, `{"PolicyDocument": {"Version": "2012-10-17", "Statement": [{"Max": 3600}]}}`).Decode(&in); err != nil {
		t.Fatal(err)
	}
	if want := `{"Statement":[{"Max":3600}],"Version":"2012-10-17"}`; *in.PolicyDocument != want {
		t.Errorf("got %s, want %s", *in.PolicyDocument, want)
	}
}
