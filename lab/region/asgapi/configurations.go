package asgapi

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/groups"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

func noConfiguration(name string) error {
	return invalid("Launch configuration name not found - A launch configuration with the name: %s does not exist", name)
}

// CreateLaunchConfiguration makes a launch configuration.
func (a *AutoScaling) CreateLaunchConfiguration(_ context.Context, in *autoscaling.CreateLaunchConfigurationInput) (*autoscaling.CreateLaunchConfigurationOutput, error) {
	if err := supported(in, "LaunchConfigurationName", "AssociatePublicIpAddress", "BlockDeviceMappings", "EbsOptimized", "IamInstanceProfile",
		"ImageId", "InstanceMonitoring", "InstanceType", "KeyName", "MetadataOptions", "SecurityGroups", "SpotPrice", "UserData"); err != nil {
		return nil, err
	}
	name := aws.ToString(in.LaunchConfigurationName)
	if err := checkConfiguration(in); err != nil {
		return nil, err
	}
	err := a.world.Store.Update(func(tx *store.Tx) error {
		if _, exists := a.world.LaunchConfigurations.Get(name); exists {
			return awserr.New("AlreadyExists", "Launch Configuration by this name already exists - A launch configuration already exists with the name %s", name)
		}
		id, err := a.world.NewUUID(tx, "launch-configuration")
		if err != nil {
			return err
		}
		o, now := a.world.Options, a.world.Clock.Now()
		c := world.LaunchConfiguration{
			Name: name, Created: now,
			ARN: fmt.Sprintf("arn:aws:autoscaling:%s:%s:launchConfiguration:%s:launchConfigurationName/%s", o.Region, o.Account, id, name),
		}
		c.Input = configuration(in)
		c.Input.LaunchConfigurationARN, c.Input.CreatedTime = &c.ARN, &now
		if err := a.checkConfigured(c.Input); err != nil {
			return err
		}
		return a.world.LaunchConfigurations.Put(tx, name, c)
	})
	if err != nil {
		return nil, err
	}
	return &autoscaling.CreateLaunchConfigurationOutput{}, nil
}

// checkConfigured refuses an image and a type that cannot be launched together;
// the rest depends on the group's subnets.
func (a *AutoScaling) checkConfigured(c types.LaunchConfiguration) error {
	if err := a.ec2.CheckImage(groups.ConfigurationOption(c)); err != nil {
		return invalid("%s", messageOf(err))
	}
	return nil
}

func checkConfiguration(in *autoscaling.CreateLaunchConfigurationInput) error {
	if err := checkConfigurationName(aws.ToString(in.LaunchConfigurationName)); err != nil {
		return err
	}
	if aws.ToString(in.ImageId) == "" || aws.ToString(in.InstanceType) == "" {
		return invalid("Valid requests must contain either the InstanceID parameter or both the ImageId and InstanceType parameters.")
	}
	if _, err := base64.StdEncoding.DecodeString(aws.ToString(in.UserData)); err != nil {
		return invalid("Invalid user data encoding: it must be base64")
	}
	for _, m := range in.BlockDeviceMappings {
		if err := supported(m, "DeviceName", "Ebs"); err != nil {
			return err
		}
		if m.Ebs != nil {
			if err := supported(m.Ebs, "DeleteOnTermination", "Encrypted", "Iops", "Throughput", "VolumeSize", "VolumeType"); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkConfigurationName(name string) error {
	if err := checkName(name); err != nil {
		return invalid("1 validation error detected: Value '%s' at 'launchConfigurationName' failed to satisfy constraint: Member must have length between 1 and 255", name)
	}
	return nil
}

func configuration(in *autoscaling.CreateLaunchConfigurationInput) types.LaunchConfiguration {
	c := types.LaunchConfiguration{
		LaunchConfigurationName: in.LaunchConfigurationName, ImageId: in.ImageId, InstanceType: in.InstanceType,
		AssociatePublicIpAddress: in.AssociatePublicIpAddress, BlockDeviceMappings: in.BlockDeviceMappings, EbsOptimized: in.EbsOptimized,
		IamInstanceProfile: in.IamInstanceProfile, InstanceMonitoring: in.InstanceMonitoring, KeyName: in.KeyName, MetadataOptions: in.MetadataOptions,
		SecurityGroups: in.SecurityGroups, SpotPrice: in.SpotPrice, UserData: in.UserData,
	}
	if c.InstanceMonitoring == nil {
		c.InstanceMonitoring = &types.InstanceMonitoring{Enabled: aws.Bool(true)}
	}
	return c
}

// DescribeLaunchConfigurations lists launch configurations, all or those named
// that there are.
func (a *AutoScaling) DescribeLaunchConfigurations(_ context.Context, in *autoscaling.DescribeLaunchConfigurationsInput) (*autoscaling.DescribeLaunchConfigurationsOutput, error) {
	size, err := pageSize(in.MaxRecords, mostRecords)
	if err != nil {
		return nil, err
	}
	var list []types.LaunchConfiguration
	a.world.Store.View(func() {
		for _, c := range a.world.LaunchConfigurations.All() {
			if len(in.LaunchConfigurationNames) == 0 || slices.Contains(in.LaunchConfigurationNames, c.Name) {
				list = append(list, describeConfiguration(c.Input))
			}
		}
	})
	out := &autoscaling.DescribeLaunchConfigurationsOutput{}
	if out.LaunchConfigurations, out.NextToken, err = awswire.Page(list, in.NextToken, size); err != nil {
		return nil, paged(err)
	}
	return out, nil
}

// describeConfiguration is a launch configuration as it is listed: with what was
// not said as empty.
func describeConfiguration(c types.LaunchConfiguration) types.LaunchConfiguration {
	for _, text := range []**string{&c.KeyName, &c.UserData, &c.KernelId, &c.RamdiskId} {
		if *text == nil {
			*text = aws.String("")
		}
	}
	if c.EbsOptimized == nil {
		c.EbsOptimized = aws.Bool(false)
	}
	if c.SecurityGroups == nil {
		c.SecurityGroups = []string{}
	}
	if c.BlockDeviceMappings == nil {
		c.BlockDeviceMappings = []types.BlockDeviceMapping{}
	}
	c.ClassicLinkVPCSecurityGroups = []string{}
	return c
}

// DeleteLaunchConfiguration deletes one that no group uses.
func (a *AutoScaling) DeleteLaunchConfiguration(_ context.Context, in *autoscaling.DeleteLaunchConfigurationInput) (*autoscaling.DeleteLaunchConfigurationOutput, error) {
	name := aws.ToString(in.LaunchConfigurationName)
	err := a.world.Store.Update(func(tx *store.Tx) error {
		if _, exists := a.world.LaunchConfigurations.Get(name); !exists {
			return noConfiguration(name)
		}
		for _, g := range a.world.Groups.All() {
			if g.LaunchConfiguration == name {
				return awserr.New("ResourceInUse", "Cannot delete launch configuration %s because it is attached to AutoScalingGroup %s", name, g.Name)
			}
		}
		a.world.LaunchConfigurations.Delete(tx, name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &autoscaling.DeleteLaunchConfigurationOutput{}, nil
}
