package awswire

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
)

func TestSupported(t *testing.T) {
	for name, c := range map[string]struct {
		in      any
		refused string // empty: accepted
	}{
		"nothing set":            {&ec2.CreateFleetInput{}, ""},
		"honoured":               {&ec2.CreateFleetInput{DryRun: aws.Bool(true)}, ""},
		"empty list":             {&ec2.CreateFleetInput{TagSpecifications: []types.TagSpecification{}}, ""},
		"false asks for nothing": {&ec2.CreateFleetInput{ReplaceUnhealthyInstances: aws.Bool(false)}, ""},
		"true asks":              {&ec2.CreateFleetInput{ReplaceUnhealthyInstances: aws.Bool(true)}, "ReplaceUnhealthyInstances"},
		"enum":                   {&ec2.CreateFleetInput{Type: types.FleetTypeMaintain}, "Type"},
		"zero number asks":       {&ec2.TerminateInstancesInput{Force: nil}, ""},
		"nested":                 {&types.SpotOptionsRequest{MinTargetCapacity: aws.Int32(0)}, "MinTargetCapacity"},
	} {
		err := Supported(c.in, "DryRun")
		var e *awserr.Error
		switch {
		case c.refused == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.refused != "" && (!errors.As(err, &e) || e.Code != "UnsupportedOperation" || !strings.Contains(e.Message, c.refused)):
			t.Errorf("%s: got %v, want UnsupportedOperation naming %s", name, err, c.refused)
		}
	}
}
