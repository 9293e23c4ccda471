package aws

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/model"
)

const (
	// maxFilterValues leaves room for other filters: EC2 takes 200 values in all
	// the filters of one call.
	maxFilterValues = 190
	// maxTerminations keeps a TerminateInstances call at a size EC2 advises.
	maxTerminations = 500
)

// liveStates are the states of instances that still exist.
var liveStates = types.Filter{Name: sdk.String("instance-state-name"), Values: []string{
	string(cloud.Pending), string(cloud.Running), string(cloud.ShuttingDown), string(cloud.Stopping), string(cloud.Stopped),
}}

func providerID(zone, id string) string { return "aws:///" + zone + "/" + id }

// instanceID is the last part of aws:///ZONE/INSTANCE-ID.
func instanceID(providerID string) (string, error) {
	rest, ok := strings.CutPrefix(providerID, "aws:///")
	_, id, hasZone := strings.Cut(rest, "/")
	if !ok || !hasZone || !strings.HasPrefix(id, "i-") {
		return "", &cloud.TerminalError{Reason: "ProviderIDInvalid",
			Err: fmt.Errorf("provider ID %q is not of EC2; it must be aws:///ZONE/INSTANCE-ID", providerID)}
	}
	return id, nil
}

// Get implements cloud.Provider. Concurrent calls share DescribeInstances.
func (p *Provider) Get(ctx context.Context, providerID string) (cloud.Instance, error) {
	id, err := instanceID(providerID)
	if err != nil {
		return cloud.Instance{}, err
	}
	instance, found, err := p.describe.Do(ctx, id)
	switch {
	case err != nil:
		return cloud.Instance{}, err
	case !found && p.launches.isFresh(id):
		return cloud.Instance{}, fmt.Errorf("EC2 does not show instance %s yet, which was just launched", id)
	case !found || instance.State == cloud.Terminated:
		return cloud.Instance{}, fmt.Errorf("instance %s: %w", id, cloud.ErrNotFound)
	}
	return instance, nil
}

// List implements cloud.Provider, in order of EC2's answer.
func (p *Provider) List(ctx context.Context) ([]cloud.Instance, error) {
	filters := []types.Filter{
		{Name: sdk.String("tag-key"), Values: []string{ec2v1.NodePoolTagKey}},
		{Name: sdk.String("tag-key"), Values: []string{ec2v1.NodeClassTagKey}},
		liveStates,
	}
	return p.describeInstances(ctx, append(filters, p.ofCluster()...))
}

func (p *Provider) ofCluster() []types.Filter {
	return tagFilters(map[string]string{ec2v1.EKSClusterNameTagKey: p.cluster.Name})
}

// describeByID uses a filter rather than the parameter for ids: with that, one
// id that is gone would fail the call for all others.
func (p *Provider) describeByID(ctx context.Context, ids []string) (map[string]cloud.Instance, error) {
	instances, err := p.describeInstances(ctx, []types.Filter{{Name: sdk.String("instance-id"), Values: ids}})
	if err != nil {
		return nil, err
	}
	byID := make(map[string]cloud.Instance, len(instances))
	for _, instance := range instances {
		byID[instance.ID] = instance
	}
	return byID, nil
}

// describeByClaim finds the instances launched for NodeClaims. Of several for
// one claim it returns the first; the others are found by List and ended.
func (p *Provider) describeByClaim(ctx context.Context, claims []string) (map[string]cloud.Instance, error) {
	filters := []types.Filter{{Name: sdk.String("tag:" + ec2v1.NodeClaimTagKey), Values: claims}, liveStates}
	instances, err := p.describeInstances(ctx, append(filters, p.ofCluster()...))
	if err != nil {
		return nil, err
	}
	byClaim := make(map[string]cloud.Instance, len(instances))
	for _, instance := range instances {
		known, ok := byClaim[instance.NodeClaim]
		if !ok || instance.LaunchTime.Before(known.LaunchTime) {
			byClaim[instance.NodeClaim] = instance
		}
	}
	return byClaim, nil
}

func (p *Provider) describeInstances(ctx context.Context, filters []types.Filter) ([]cloud.Instance, error) {
	pages := ec2.NewDescribeInstancesPaginator(p.clients.EC2, &ec2.DescribeInstancesInput{Filters: filters, MaxResults: sdk.Int32(1000)})
	var instances []cloud.Instance
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, classify(err, "describing instances")
		}
		for _, reservation := range page.Reservations {
			for _, instance := range reservation.Instances {
				instances = append(instances, readInstance(instance))
			}
		}
	}
	return instances, nil
}

func readInstance(from types.Instance) cloud.Instance {
	instance := cloud.Instance{
		ID:           sdk.ToString(from.InstanceId),
		InstanceType: string(from.InstanceType),
		CapacityType: model.OnDemand,
		ImageID:      sdk.ToString(from.ImageId),
		LaunchTime:   sdk.ToTime(from.LaunchTime),
		Tags:         make(map[string]string, len(from.Tags)),

		PrivateDNSName: sdk.ToString(from.PrivateDnsName),
	}
	if from.InstanceLifecycle == types.InstanceLifecycleTypeSpot || from.SpotInstanceRequestId != nil {
		instance.CapacityType = model.Spot
	}
	if from.State != nil {
		instance.State = cloud.InstanceState(from.State.Name)
	}
	if from.Placement != nil {
		instance.Zone = sdk.ToString(from.Placement.AvailabilityZone)
		instance.ZoneID = sdk.ToString(from.Placement.AvailabilityZoneId)
	}
	for _, tag := range from.Tags {
		instance.Tags[sdk.ToString(tag.Key)] = sdk.ToString(tag.Value)
	}
	instance.NodeClaim = instance.Tags[ec2v1.NodeClaimTagKey]
	instance.ProviderID = providerID(instance.Zone, instance.ID)
	return instance
}

// Terminate implements cloud.Provider. Concurrent calls share
// TerminateInstances.
func (p *Provider) Terminate(ctx context.Context, providerID string) error {
	id, err := instanceID(providerID)
	if err != nil {
		return err
	}
	wasAlive, found, err := p.terminate.Do(ctx, id)
	switch {
	case err != nil:
		return err
	case !found && p.launches.isFresh(id):
		return fmt.Errorf("EC2 does not show instance %s yet, which was just launched", id)
	case !wasAlive:
		return fmt.Errorf("instance %s: %w", id, cloud.ErrNotFound)
	}
	return nil
}

// terminateAll returns, for the ids that EC2 knows, whether they were alive
// before. EC2 ends all or none: when one is unknown, each is asked for by itself.
func (p *Provider) terminateAll(ctx context.Context, ids []string) (map[string]bool, error) {
	output, err := p.clients.EC2.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: ids})
	if isNotFoundCode(errorCode(err)) {
		if len(ids) == 1 {
			return nil, nil
		}
		return p.terminateEach(ctx, ids)
	}
	if err != nil {
		return nil, classify(err, fmt.Sprintf("terminating %d instances", len(ids)))
	}
	wasAlive := map[string]bool{}
	for _, change := range output.TerminatingInstances {
		wasAlive[sdk.ToString(change.InstanceId)] = change.PreviousState == nil || change.PreviousState.Name != types.InstanceStateNameTerminated
	}
	return wasAlive, nil
}

func (p *Provider) terminateEach(ctx context.Context, ids []string) (map[string]bool, error) {
	wasAlive := map[string]bool{}
	var failures []error
	for _, id := range ids {
		one, err := p.terminateAll(ctx, []string{id})
		if err != nil {
			failures = append(failures, err)
		}
		maps.Copy(wasAlive, one)
	}
	return wasAlive, errors.Join(failures...)
}

// Tag implements cloud.Provider.
func (p *Provider) Tag(ctx context.Context, providerID string, tags map[string]string) error {
	id, err := instanceID(providerID)
	if err != nil {
		return err
	}
	_, err = p.clients.EC2.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{id}, Tags: ec2Tags(tags)})
	if isNotFoundCode(errorCode(err)) {
		return fmt.Errorf("instance %s: %w", id, errors.Join(cloud.ErrNotFound, err))
	}
	return classify(err, "tagging instance "+id)
}
