package aws

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"github.com/drover-project/drover/internal/model"
)

func apiError(code, message string) error {
	return &smithy.GenericAPIError{Code: code, Message: message}
}

// fakeEC2 keeps instances, launch templates and pools in memory. It pages by
// two, so that whoever forgets to ask for the next page fails.
type fakeEC2 struct {
	now func() time.Time

	mu        sync.Mutex
	images    []types.Image
	subnets   []types.Subnet
	groups    []types.SecurityGroup
	infos     []types.InstanceTypeInfo
	spot      []types.SpotPrice
	templates map[string]*ec2.CreateLaunchTemplateInput
	instances map[string]*fakeInstance
	capacity  map[model.OfferingKey]int
	fleets    map[string]fakeFleet
	calls     map[string]int
	inputs    []any
	// fleetError is what CreateFleet reports for every override, by code.
	fleetError string
	fleetText  string
	// fails is an API error for an operation.
	fails map[string]error
}

type fakeFleet struct {
	digest [32]byte
	output *ec2.CreateFleetOutput
}

type fakeInstance struct {
	types.Instance
	key model.OfferingKey
}

func newFakeEC2(now func() time.Time) *fakeEC2 {
	return &fakeEC2{
		now: now, templates: map[string]*ec2.CreateLaunchTemplateInput{}, instances: map[string]*fakeInstance{},
		capacity: map[model.OfferingKey]int{}, fleets: map[string]fakeFleet{}, calls: map[string]int{}, fails: map[string]error{},
	}
}

// begin counts a call; the caller holds mu.
func (f *fakeEC2) begin(ctx context.Context, operation string, input any) error {
	f.calls[operation]++
	f.inputs = append(f.inputs, input)
	if err := ctx.Err(); err != nil {
		return err
	}
	return f.fails[operation]
}

func (f *fakeEC2) count(operation string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[operation]
}

// lastInput is the input of the last call with this type.
func lastInput[T any](f *fakeEC2) T {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, input := range slices.Backward(f.inputs) {
		if found, ok := input.(T); ok {
			return found
		}
	}
	var none T
	return none
}

// page gives two of all, from the token on.
func page[T any](all []T, token *string) ([]T, *string) {
	from, _ := strconv.Atoi(sdk.ToString(token))
	to := min(from+2, len(all))
	if to == len(all) {
		return all[from:to], nil
	}
	return all[from:to], sdk.String(strconv.Itoa(to))
}

// matches applies filters to an object's fields and tags.
func matches(filters []types.Filter, fields map[string]string, tags []types.Tag) bool {
	for _, tag := range tags {
		fields["tag:"+*tag.Key] = *tag.Value
	}
	for _, filter := range filters {
		name := *filter.Name
		if name == "tag-key" {
			name = "tag:" + filter.Values[0]
			if _, ok := fields[name]; !ok {
				return false
			}
			continue
		}
		value, ok := fields[name]
		if !ok || !slices.Contains(filter.Values, value) {
			return false
		}
	}
	return true
}

func (f *fakeEC2) DescribeSubnets(ctx context.Context, in *ec2.DescribeSubnetsInput, _ ...func(*ec2.Options)) (*ec2.DescribeSubnetsOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.begin(ctx, "DescribeSubnets", in); err != nil {
		return nil, err
	}
	var found []types.Subnet
	for _, subnet := range f.subnets {
		if matches(in.Filters, map[string]string{"subnet-id": *subnet.SubnetId}, subnet.Tags) {
			found = append(found, subnet)
		}
	}
	out := &ec2.DescribeSubnetsOutput{}
	out.Subnets, out.NextToken = page(found, in.NextToken)
	return out, nil
}

func (f *fakeEC2) DescribeSecurityGroups(ctx context.Context, in *ec2.DescribeSecurityGroupsInput, _ ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupsOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.begin(ctx, "DescribeSecurityGroups", in); err != nil {
		return nil, err
	}
	var found []types.SecurityGroup
	for _, group := range f.groups {
		if matches(in.Filters, map[string]string{"group-id": *group.GroupId, "group-name": *group.GroupName}, group.Tags) {
			found = append(found, group)
		}
	}
	out := &ec2.DescribeSecurityGroupsOutput{}
	out.SecurityGroups, out.NextToken = page(found, in.NextToken)
	return out, nil
}

func (f *fakeEC2) DescribeImages(ctx context.Context, in *ec2.DescribeImagesInput, _ ...func(*ec2.Options)) (*ec2.DescribeImagesOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.begin(ctx, "DescribeImages", in); err != nil {
		return nil, err
	}
	var found []types.Image
	for _, image := range f.images {
		owned := len(in.Owners) == 0 || slices.Contains(in.Owners, sdk.ToString(image.OwnerId)) || slices.Contains(in.Owners, sdk.ToString(image.ImageOwnerAlias))
		if owned && matches(in.Filters, map[string]string{
			"image-id": *image.ImageId, "name": sdk.ToString(image.Name), "state": string(image.State),
		}, image.Tags) {
			found = append(found, image)
		}
	}
	out := &ec2.DescribeImagesOutput{}
	out.Images, out.NextToken = page(found, in.NextToken)
	return out, nil
}

func (f *fakeEC2) DescribeInstanceTypes(ctx context.Context, in *ec2.DescribeInstanceTypesInput, _ ...func(*ec2.Options)) (*ec2.DescribeInstanceTypesOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.begin(ctx, "DescribeInstanceTypes", in); err != nil {
		return nil, err
	}
	if sdk.ToBool(in.DryRun) {
		return nil, apiError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
	}
	out := &ec2.DescribeInstanceTypesOutput{}
	out.InstanceTypes, out.NextToken = page(f.infos, in.NextToken)
	return out, nil
}

func (f *fakeEC2) DescribeInstanceTypeOfferings(ctx context.Context, in *ec2.DescribeInstanceTypeOfferingsInput, _ ...func(*ec2.Options)) (*ec2.DescribeInstanceTypeOfferingsOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.begin(ctx, "DescribeInstanceTypeOfferings", in); err != nil {
		return nil, err
	}
	var all []types.InstanceTypeOffering
	for _, info := range f.infos {
		for _, subnet := range f.subnets {
			all = append(all, types.InstanceTypeOffering{InstanceType: info.InstanceType, Location: subnet.AvailabilityZone})
		}
	}
	out := &ec2.DescribeInstanceTypeOfferingsOutput{}
	out.InstanceTypeOfferings, out.NextToken = page(all, in.NextToken)
	return out, nil
}

func (f *fakeEC2) DescribeSpotPriceHistory(ctx context.Context, in *ec2.DescribeSpotPriceHistoryInput, _ ...func(*ec2.Options)) (*ec2.DescribeSpotPriceHistoryOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.begin(ctx, "DescribeSpotPriceHistory", in); err != nil {
		return nil, err
	}
	out := &ec2.DescribeSpotPriceHistoryOutput{}
	out.SpotPriceHistory, out.NextToken = page(f.spot, in.NextToken)
	return out, nil
}

func (f *fakeEC2) DescribeLaunchTemplates(ctx context.Context, in *ec2.DescribeLaunchTemplatesInput, _ ...func(*ec2.Options)) (*ec2.DescribeLaunchTemplatesOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.begin(ctx, "DescribeLaunchTemplates", in); err != nil {
		return nil, err
	}
	var found []types.LaunchTemplate
	for name, template := range f.templates {
		if matches(in.Filters, map[string]string{}, template.TagSpecifications[0].Tags) {
			found = append(found, types.LaunchTemplate{LaunchTemplateName: &name})
		}
	}
	sort.Slice(found, func(i, j int) bool { return *found[i].LaunchTemplateName < *found[j].LaunchTemplateName })
	out := &ec2.DescribeLaunchTemplatesOutput{}
	out.LaunchTemplates, out.NextToken = page(found, in.NextToken)
	return out, nil
}

func (f *fakeEC2) CreateLaunchTemplate(ctx context.Context, in *ec2.CreateLaunchTemplateInput, _ ...func(*ec2.Options)) (*ec2.CreateLaunchTemplateOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.begin(ctx, "CreateLaunchTemplate", in); err != nil {
		return nil, err
	}
	if _, exists := f.templates[*in.LaunchTemplateName]; exists {
		return nil, apiError(codeTemplateExists, "Launch template name already in use.")
	}
	f.templates[*in.LaunchTemplateName] = in
	return &ec2.CreateLaunchTemplateOutput{LaunchTemplate: &types.LaunchTemplate{LaunchTemplateName: in.LaunchTemplateName}}, nil
}

func (f *fakeEC2) DeleteLaunchTemplate(ctx context.Context, in *ec2.DeleteLaunchTemplateInput, _ ...func(*ec2.Options)) (*ec2.DeleteLaunchTemplateOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.begin(ctx, "DeleteLaunchTemplate", in); err != nil {
		return nil, err
	}
	if _, exists := f.templates[*in.LaunchTemplateName]; !exists {
		return nil, apiError(codeTemplateMissing, "no such template")
	}
	delete(f.templates, *in.LaunchTemplateName)
	return &ec2.DeleteLaunchTemplateOutput{}, nil
}

// CreateFleet keeps its answers by client token, refuses a token with other
// parameters, and tries overrides in order of priority.
func (f *fakeEC2) CreateFleet(ctx context.Context, in *ec2.CreateFleetInput, _ ...func(*ec2.Options)) (*ec2.CreateFleetOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.begin(ctx, "CreateFleet", in); err != nil {
		return nil, err
	}
	text, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(text)
	if known, ok := f.fleets[*in.ClientToken]; ok {
		if known.digest != digest {
			return nil, apiError(codeTokenReused, "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
		}
		return known.output, nil
	}
	output := f.fulfil(in)
	f.fleets[*in.ClientToken] = fakeFleet{digest: digest, output: output}
	return output, nil
}

type fakeOverride struct {
	types.FleetLaunchTemplateOverridesRequest
	template *ec2.CreateLaunchTemplateInput
}

func (f *fakeEC2) fulfil(in *ec2.CreateFleetInput) *ec2.CreateFleetOutput {
	out := &ec2.CreateFleetOutput{FleetId: sdk.String("fleet-" + *in.ClientToken)}
	var overrides []fakeOverride
	for _, config := range in.LaunchTemplateConfigs {
		template := f.templates[*config.LaunchTemplateSpecification.LaunchTemplateName]
		for _, override := range config.Overrides {
			overrides = append(overrides, fakeOverride{override, template})
		}
	}
	sort.SliceStable(overrides, func(i, j int) bool {
		return sdk.ToFloat64(overrides[i].Priority) < sdk.ToFloat64(overrides[j].Priority)
	})
	for _, override := range overrides {
		chosen := &types.LaunchTemplateAndOverridesResponse{Overrides: &types.FleetLaunchTemplateOverrides{
			InstanceType: override.InstanceType, SubnetId: override.SubnetId, AvailabilityZone: override.AvailabilityZone,
		}}
		code := f.refusal(in, override)
		if code == "" {
			out.Instances = []types.CreateFleetInstance{{
				InstanceIds: []string{f.run(in, override)}, InstanceType: override.InstanceType, LaunchTemplateAndOverrides: chosen,
			}}
			return out
		}
		out.Errors = append(out.Errors, types.CreateFleetError{ErrorCode: &code, ErrorMessage: &f.fleetText, LaunchTemplateAndOverrides: chosen})
	}
	return out
}

func (f *fakeEC2) refusal(in *ec2.CreateFleetInput, override fakeOverride) string {
	key := keyOf(in, override)
	limit, finite := f.capacity[key]
	for _, instance := range f.instances {
		if instance.key == key && instance.State.Name == types.InstanceStateNameRunning {
			limit--
		}
	}
	switch {
	case f.fleetError != "":
		return f.fleetError
	case override.template == nil:
		return codeTemplateMissing
	case finite && limit <= 0:
		return "InsufficientInstanceCapacity"
	}
	return ""
}

func keyOf(in *ec2.CreateFleetInput, override fakeOverride) model.OfferingKey {
	return model.OfferingKey{
		InstanceType: string(override.InstanceType), Zone: *override.AvailabilityZone,
		CapacityType: model.CapacityType(in.TargetCapacitySpecification.DefaultTargetCapacityType),
	}
}

func (f *fakeEC2) run(in *ec2.CreateFleetInput, override fakeOverride) string {
	id := fmt.Sprintf("i-%017x", len(f.instances)+1)
	instance := types.Instance{
		InstanceId: &id, InstanceType: override.InstanceType, ImageId: override.template.LaunchTemplateData.ImageId,
		LaunchTime: sdk.Time(f.now()), State: &types.InstanceState{Name: types.InstanceStateNameRunning},
		Placement: &types.Placement{AvailabilityZone: override.AvailabilityZone, AvailabilityZoneId: sdk.String("id-of-" + *override.AvailabilityZone)},
		Tags:      slices.Clone(in.TagSpecifications[0].Tags),
	}
	if in.TargetCapacitySpecification.DefaultTargetCapacityType == types.DefaultTargetCapacityTypeSpot {
		instance.InstanceLifecycle = types.InstanceLifecycleTypeSpot
	}
	f.instances[id] = &fakeInstance{Instance: instance, key: keyOf(in, override)}
	return id
}

func (f *fakeEC2) DescribeInstances(ctx context.Context, in *ec2.DescribeInstancesInput, _ ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.begin(ctx, "DescribeInstances", in); err != nil {
		return nil, err
	}
	values := 0
	for _, filter := range in.Filters {
		values += len(filter.Values)
	}
	if values > 200 {
		return nil, apiError("FilterLimitExceeded", "The maximum number of filter values specified on a single call is 200")
	}
	var found []types.Reservation
	for _, instance := range f.instances {
		if matches(in.Filters, map[string]string{
			"instance-id": *instance.InstanceId, "instance-state-name": string(instance.State.Name),
		}, instance.Tags) {
			found = append(found, types.Reservation{Instances: []types.Instance{instance.Instance}})
		}
	}
	sort.Slice(found, func(i, j int) bool { return *found[i].Instances[0].InstanceId < *found[j].Instances[0].InstanceId })
	out := &ec2.DescribeInstancesOutput{}
	out.Reservations, out.NextToken = page(found, in.NextToken)
	return out, nil
}

func (f *fakeEC2) TerminateInstances(ctx context.Context, in *ec2.TerminateInstancesInput, _ ...func(*ec2.Options)) (*ec2.TerminateInstancesOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.begin(ctx, "TerminateInstances", in); err != nil {
		return nil, err
	}
	for _, id := range in.InstanceIds {
		if f.instances[id] == nil {
			return nil, apiError("InvalidInstanceID.NotFound", "The instance ID '"+id+"' does not exist")
		}
	}
	out := &ec2.TerminateInstancesOutput{}
	for _, id := range in.InstanceIds {
		before := f.instances[id].State
		f.instances[id].State = &types.InstanceState{Name: types.InstanceStateNameTerminated}
		out.TerminatingInstances = append(out.TerminatingInstances, types.InstanceStateChange{
			InstanceId: &id, PreviousState: before, CurrentState: f.instances[id].State,
		})
	}
	return out, nil
}

func (f *fakeEC2) CreateTags(ctx context.Context, in *ec2.CreateTagsInput, _ ...func(*ec2.Options)) (*ec2.CreateTagsOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.begin(ctx, "CreateTags", in); err != nil {
		return nil, err
	}
	instance := f.instances[in.Resources[0]]
	if instance == nil {
		return nil, apiError("InvalidInstanceID.NotFound", strings.Join(in.Resources, ","))
	}
	for _, tag := range in.Tags {
		instance.Tags = slices.DeleteFunc(instance.Tags, func(old types.Tag) bool { return *old.Key == *tag.Key })
		instance.Tags = append(instance.Tags, tag)
	}
	return &ec2.CreateTagsOutput{}, nil
}
