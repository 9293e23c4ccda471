package aws

import (
	"context"
	"slices"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
)

// addressesAge is how long counts of free addresses are used; in between,
// launches are subtracted.
const addressesAge = time.Minute

// subnetAddresses tells which subnet of a zone has most room.
type subnetAddresses struct {
	ec2 EC2
	now func() time.Time

	mu   sync.Mutex
	free map[string]addressCount
}

type addressCount struct {
	free int32
	at   time.Time
}

// roomiest gives, by zone, the subnet with most free addresses.
func (s *subnetAddresses) roomiest(ctx context.Context, subnets []ec2v1.Subnet) (map[string]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refresh(ctx, subnets); err != nil {
		return nil, err
	}
	chosen := map[string]string{}
	for _, subnet := range subnets {
		best, ok := chosen[subnet.Zone]
		if !ok || s.free[subnet.ID].free > s.free[best].free {
			chosen[subnet.Zone] = subnet.ID
		}
	}
	return chosen, nil
}

// refresh asks for the counts that are missing or old.
func (s *subnetAddresses) refresh(ctx context.Context, subnets []ec2v1.Subnet) error {
	now := s.now()
	isOld := func(subnet ec2v1.Subnet) bool {
		known, ok := s.free[subnet.ID]
		return !ok || now.Sub(known.at) >= addressesAge
	}
	if !slices.ContainsFunc(subnets, isOld) {
		return nil
	}
	ids := make([]string, 0, len(subnets))
	for _, subnet := range subnets {
		ids = append(ids, subnet.ID)
	}
	if s.free == nil {
		s.free = map[string]addressCount{}
	}
	pages := ec2.NewDescribeSubnetsPaginator(s.ec2, &ec2.DescribeSubnetsInput{
		Filters: []types.Filter{{Name: sdk.String("subnet-id"), Values: ids}}, MaxResults: sdk.Int32(pageSize),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return classify(err, "counting the free addresses of subnets")
		}
		for _, subnet := range page.Subnets {
			s.free[sdk.ToString(subnet.SubnetId)] = addressCount{free: sdk.ToInt32(subnet.AvailableIpAddressCount), at: now}
		}
	}
	return nil
}

// taken subtracts an instance launched into a subnet.
func (s *subnetAddresses) taken(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.free[id]; ok {
		known.free--
		s.free[id] = known
	}
}

// exhausted notes that EC2 found no address in a subnet.
func (s *subnetAddresses) exhausted(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free != nil {
		s.free[id] = addressCount{at: s.now()}
	}
}
