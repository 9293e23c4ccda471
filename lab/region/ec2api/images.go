package ec2api

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/awswire/ec2filter"
	"github.com/drover-project/drover/lab/region/world"
)

// DescribeImages lists the AMIs that Amazon publishes for EKS. The account has
// none of its own.
func (e *EC2) DescribeImages(_ context.Context, in *ec2.DescribeImagesInput) (*ec2.DescribeImagesOutput, error) {
	if err := awswire.Supported(in, "DryRun", "ExecutableUsers", "Filters", "ImageIds", "IncludeDeprecated", "IncludeDisabled", "MaxResults", "NextToken", "Owners"); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	for _, id := range in.ImageIds {
		if err := malformed("InvalidAMIID.Malformed", id, "ami-"); err != nil {
			return nil, err
		}
		if _, found := e.world.Image(id); !found {
			return nil, awserr.New("InvalidAMIID.NotFound", "The image id '[%s]' does not exist", id)
		}
	}
	var wanted []world.Image
	for _, i := range e.world.Images {
		current := e.world.Clock.Now().Before(i.Deprecated) || aws.ToBool(in.IncludeDeprecated) || len(in.ImageIds) > 0
		if current && owned(in.Owners) && executable(in.ExecutableUsers) && (len(in.ImageIds) == 0 || slices.Contains(in.ImageIds, i.ID)) {
			wanted = append(wanted, i)
		}
	}
	out := &ec2.DescribeImagesOutput{}
	var err error
	e.world.Store.View(func() {
		if wanted, err = e.imageFilters().Select(wanted, in.Filters); err != nil {
			return
		}
		if wanted, out.NextToken, err = page(wanted, in.NextToken, in.MaxResults, bounds{1, mostResults}); err != nil {
			return
		}
		for _, i := range wanted {
			out.Images = append(out.Images, e.describeImage(i))
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func owned(owners []string) bool {
	return len(owners) == 0 || slices.Contains(owners, world.ImageOwner) || slices.Contains(owners, world.ImageOwnerAlias)
}

// executable: the images are public.
func executable(users []string) bool { return len(users) == 0 || slices.Contains(users, "all") }

// imageFilters are the filters of DescribeImages. Use them within View.
func (e *EC2) imageFilters() ec2filter.Set[world.Image] {
	always := func(value string) func(world.Image) []string {
		return func(world.Image) []string { return []string{value} }
	}
	return ec2filter.Set[world.Image]{Fields: map[string]func(world.Image) []string{
		"image-id":      func(i world.Image) []string { return []string{i.ID} },
		"name":          func(i world.Image) []string { return []string{i.Name} },
		"description":   func(i world.Image) []string { return []string{i.Description} },
		"architecture":  func(i world.Image) []string { return []string{i.Arch} },
		"creation-date": func(i world.Image) []string { return []string{timestamp(i.Created)} },
		"owner-id":      always(world.ImageOwner), "owner-alias": always(world.ImageOwnerAlias),
		"state": always("available"), "is-public": always("true"), "image-type": always("machine"),
		"root-device-type": always("ebs"), "virtualization-type": always("hvm"), "hypervisor": always("xen"), "ena-support": always("true"),
		"root-device-name":                 func(i world.Image) []string { return []string{i.Volumes[0].Device} },
		"block-device-mapping.volume-type": func(i world.Image) []string { return []string{i.Volumes[0].Type} },
	}, Tags: func(i world.Image) []types.Tag { return e.tagsOf(i.ID) }}
}

func (e *EC2) describeImage(i world.Image) types.Image {
	out := types.Image{
		ImageId: aws.String(i.ID), Name: aws.String(i.Name), Description: aws.String(i.Description),
		ImageLocation: aws.String(fmt.Sprintf("%s/%s", world.ImageOwnerAlias, i.Name)), ImageType: types.ImageTypeValuesMachine,
		Architecture: types.ArchitectureValues(i.Arch), CreationDate: aws.String(timestamp(i.Created)), DeprecationTime: aws.String(timestamp(i.Deprecated)),
		OwnerId: aws.String(world.ImageOwner), ImageOwnerAlias: aws.String(world.ImageOwnerAlias), Public: aws.Bool(true), State: types.ImageStateAvailable,
		PlatformDetails: aws.String("Linux/UNIX"), UsageOperation: aws.String("RunInstances"), EnaSupport: aws.Bool(true),
		Hypervisor: types.HypervisorTypeXen, VirtualizationType: types.VirtualizationTypeHvm,
		RootDeviceType: types.DeviceTypeEbs, RootDeviceName: aws.String(i.Volumes[0].Device), ImdsSupport: types.ImdsSupportValuesV20,
		Tags: e.tagsOf(i.ID),
	}
	for _, v := range i.Volumes {
		out.BlockDeviceMappings = append(out.BlockDeviceMappings, types.BlockDeviceMapping{
			DeviceName: aws.String(v.Device),
			Ebs: &types.EbsBlockDevice{
				SnapshotId: aws.String(v.SnapshotID), VolumeSize: aws.Int32(int32(v.GiB)), VolumeType: types.VolumeType(v.Type),
				DeleteOnTermination: aws.Bool(true), Encrypted: aws.Bool(false),
			},
		})
	}
	return out
}
