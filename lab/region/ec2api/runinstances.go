package ec2api

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// RunInstances launches between MinCount and MaxCount instances of one kind.
func (e *EC2) RunInstances(_ context.Context, in *ec2.RunInstancesInput) (*ec2.RunInstancesOutput, error) {
	if err := checkRun(in); err != nil {
		return nil, err
	}
	token := tokenOf("RunInstances", in.ClientToken, *in)
	out := &ec2.RunInstancesOutput{}
	err := e.world.Store.Update(func(tx *store.Tx) error {
		var reservation string
		found, err := e.answered(token, in.DryRun, &reservation)
		if err != nil {
			return err
		}
		if !found {
			if reservation, err = e.run(tx, in); err != nil {
				return err
			}
			if err := e.world.Remember(tx, token, reservation); err != nil {
				return err
			}
		}
		for _, i := range e.world.Instances.All() {
			if i.Reservation == reservation {
				out.Instances = append(out.Instances, e.instance(i))
			}
		}
		out.ReservationId, out.OwnerId, out.Groups = aws.String(reservation), aws.String(e.world.Options.Account), []types.GroupIdentifier{}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func checkRun(in *ec2.RunInstancesInput) error {
	if err := awswire.Supported(in, "MaxCount", "MinCount", "BlockDeviceMappings", "CapacityReservationSpecification", "ClientToken",
		"CreditSpecification", "DryRun", "EbsOptimized", "EnclaveOptions", "IamInstanceProfile", "ImageId", "InstanceMarketOptions", "InstanceType",
		"KeyName", "LaunchTemplate", "MetadataOptions", "Monitoring", "NetworkInterfaces", "Placement", "SecurityGroupIds", "SubnetId",
		"TagSpecifications", "UserData"); err != nil {
		return err
	}
	if in.MinCount == nil {
		return missing("MinCount")
	}
	if in.MaxCount == nil {
		return missing("MaxCount")
	}
	if *in.MinCount < 1 || *in.MaxCount < *in.MinCount || *in.MaxCount > mostInstances {
		return invalid("MinCount %d and MaxCount %d are invalid: they must be between 1 and %d, MinCount not the larger", *in.MinCount, *in.MaxCount, mostInstances)
	}
	if len(in.NetworkInterfaces) > 0 && in.SubnetId != nil {
		return invalidCombination("Network interfaces and an instance-level subnet ID may not be specified on the same request")
	}
	return checkTagSpecs(tagSpecs(in.TagSpecifications), types.ResourceTypeInstance, types.ResourceTypeVolume,
		types.ResourceTypeNetworkInterface, types.ResourceTypeSpotInstancesRequest)
}

// run launches the instances of a request and gives their reservation.
func (e *EC2) run(tx *store.Tx, in *ec2.RunInstancesInput) (reservation string, err error) {
	l, err := e.runLaunch(in)
	if err != nil {
		return "", err
	}
	if err := e.checkOffered(l); err != nil {
		return "", err
	}
	if l.Spot {
		if err := e.checkSpot(l, l.SpotMaxPrice); err != nil {
			return "", err
		}
	}
	count, short := e.room(l, int(*in.MaxCount))
	if count < int(*in.MinCount) {
		return "", short
	}
	if err := dryRun(in.DryRun); err != nil {
		return "", err
	}
	if l.Reservation, err = e.world.NewID(tx, "r-"); err != nil {
		return "", err
	}
	_, err = e.world.Launch(tx, l, count)
	return l.Reservation, err
}

// runLaunch joins the request with the launch template that it may name.
func (e *EC2) runLaunch(in *ec2.RunInstancesInput) (l world.Launch, err error) {
	var data types.RequestLaunchTemplateData
	var templateTags world.Tags
	if s := in.LaunchTemplate; s != nil {
		t, err := e.findTemplate(s.LaunchTemplateId, s.LaunchTemplateName)
		if err != nil {
			return l, err
		}
		v, err := versionOf(t, aws.ToString(s.Version))
		if err != nil {
			return l, err
		}
		if data, err = dataOf(v); err != nil {
			return l, err
		}
		templateTags = world.Tags{"aws:ec2launchtemplate:id": t.ID, "aws:ec2launchtemplate:version": strconv.FormatInt(v.Number, 10)}
	}
	if data, err = overlay(data, *in); err != nil {
		return l, err
	}
	if err := checkLaunchData(data); err != nil {
		return l, err
	}
	l, err = e.launchFrom(data, place{subnetID: aws.ToString(in.SubnetId)})
	l.ClientToken = aws.ToString(in.ClientToken)
	l.Tags.Instance = l.Tags.Instance.With(templateTags)
	return l, err
}
