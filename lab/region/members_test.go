package region_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// TestPageSizesOutOfBounds: each operation refuses a page that is too small or
// too large for it with its service's error.
func TestPageSizesOutOfBounds(t *testing.T) {
	t.Parallel()
	l := open(t)
	least, most := aws.Int32(4), aws.Int32(1001)
	for name, c := range map[string]struct {
		in         any
		code, text string
	}{
		"subnets":          {&ec2.DescribeSubnetsInput{MaxResults: least}, "InvalidParameterValue", "greater than or equal to 5"},
		"VPCs":             {&ec2.DescribeVpcsInput{MaxResults: most}, "InvalidParameterValue", "smaller than or equal to 1000"},
		"route tables":     {&ec2.DescribeRouteTablesInput{MaxResults: aws.Int32(101)}, "InvalidParameterValue", "smaller than or equal to 100"},
		"types":            {&ec2.DescribeInstanceTypesInput{MaxResults: aws.Int32(101)}, "InvalidParameterValue", "smaller than or equal to 100"},
		"few types":        {&ec2.DescribeInstanceTypesInput{MaxResults: least}, "InvalidParameterValue", "greater than or equal to 5"},
		"offerings":        {&ec2.DescribeInstanceTypeOfferingsInput{MaxResults: most}, "InvalidParameterValue", "smaller than or equal to 1000"},
		"launch templates": {&ec2.DescribeLaunchTemplatesInput{MaxResults: aws.Int32(201)}, "InvalidParameterValue", "smaller than or equal to 200"},
		"their versions":   {&ec2.DescribeLaunchTemplateVersionsInput{Versions: []string{"$Latest"}, MaxResults: aws.Int32(201)}, "InvalidParameterValue", "smaller than or equal to 200"},
		"tags":             {&ec2.DescribeTagsInput{MaxResults: least}, "InvalidParameterValue", "greater than or equal to 5"},
		"security groups":  {&ec2.DescribeSecurityGroupsInput{MaxResults: least}, "InvalidParameterValue", "greater than or equal to 5"},
		"roles":            {&iam.ListRolesInput{MaxItems: most}, "ValidationError", "between 1 and 1000"},
		"no roles":         {&iam.ListRolesInput{MaxItems: aws.Int32(0)}, "ValidationError", "between 1 and 1000"},
		"node groups":      {&eks.ListNodegroupsInput{ClusterName: aws.String(clusterName), MaxResults: aws.Int32(101)}, "InvalidParameterException", "between 1 and 100"},
	} {
		_, err := call(l.services(), c.in)
		says(t, name, err, c.code, c.text)
	}
	for _, in := range []any{
		&ec2.DescribeSubnetsInput{MaxResults: aws.Int32(5)}, &ec2.DescribeVpcsInput{MaxResults: aws.Int32(1000)}, &ec2.DescribeLaunchTemplatesInput{MaxResults: aws.Int32(1)},
		&ec2.DescribeInstanceTypesInput{MaxResults: aws.Int32(100)}, &ec2.DescribeSpotPriceHistoryInput{MaxResults: most}, &ec2.DescribeVpcEndpointsInput{MaxResults: most},
	} {
		if _, err := call(l.services(), in); err != nil {
			t.Errorf("%s: %v", operationOf(in), err)
		}
	}
}

func TestEndpointsHaveNames(t *testing.T) {
	t.Parallel()
	l := open(t)
	_, id := l.clusterGroup()
	made := must[*ec2.CreateVpcEndpointOutput](l)(l.CreateVpcEndpoint(ctx(), &ec2.CreateVpcEndpointInput{
		VpcId: &id, ServiceName: aws.String("com.amazonaws.us-west-2.ecr.dkr"), VpcEndpointType: types.VpcEndpointTypeInterface, SubnetIds: l.subnets()[:2],
	})).VpcEndpoint
	check(t, "kind of addresses", made.IpAddressType, types.IpAddressTypeIpv4)
	var names []string
	for _, entry := range made.DnsEntries {
		names = append(names, strings.Replace(*entry.DnsName, *made.VpcEndpointId, "ID", 1))
		if aws.ToString(entry.HostedZoneId) == "" {
			t.Errorf("%s is in no zone", *entry.DnsName)
		}
	}
	check(t, "names", len(names), 4)
	for _, suffix := range []string{".dkr.ecr.us-west-2.vpce.amazonaws.com", "-us-west-2a.dkr.ecr.us-west-2.vpce.amazonaws.com", "*.dkr.ecr.us-west-2.amazonaws.com"} {
		if !strings.Contains(strings.Join(names, " "), suffix) {
			t.Errorf("no name ends with %s: %v", suffix, names)
		}
	}
	gateway := must[*ec2.CreateVpcEndpointOutput](l)(l.CreateVpcEndpoint(ctx(), &ec2.CreateVpcEndpointInput{VpcId: &id, ServiceName: aws.String("com.amazonaws.us-west-2.dynamodb")})).VpcEndpoint
	if gateway.DnsEntries == nil || len(gateway.DnsEntries) != 0 || gateway.Tags == nil || gateway.RouteTableIds == nil {
		t.Errorf("a gateway has empty lists, not %+v", gateway)
	}
}

// TestAddressesSayWhoseTheyAre: an Elastic IP address is the account's, any other
// public one Amazon's.
func TestAddressesSayWhoseTheyAre(t *testing.T) {
	t.Parallel()
	l := open(t)
	in := l.runInput(1)
	in.SubnetId = must[*ec2.DescribeSubnetsOutput](l)(l.DescribeSubnets(ctx(), &ec2.DescribeSubnetsInput{Filters: []types.Filter{filter("map-public-ip-on-launch", "true")}})).Subnets[0].SubnetId
	id := *must[*ec2.RunInstancesOutput](l)(l.RunInstances(ctx(), in)).Instances[0].InstanceId
	l.clock.Advance(boot)
	owner := func() string { return *l.instance(id).NetworkInterfaces[0].Association.IpOwnerId }
	check(t, "of a public address", owner(), "amazon")
	address := must[*ec2.AllocateAddressOutput](l)(l.AllocateAddress(ctx(), &ec2.AllocateAddressInput{}))
	must[*ec2.AssociateAddressOutput](l)(l.AssociateAddress(ctx(), &ec2.AssociateAddressInput{AllocationId: address.AllocationId, InstanceId: &id}))
	check(t, "of an Elastic IP address", owner(), account)
	zones := must[*ec2.DescribeAvailabilityZonesOutput](l)(l.DescribeAvailabilityZones(ctx(), &ec2.DescribeAvailabilityZonesInput{})).AvailabilityZones
	check(t, "group of a zone", *zones[0].GroupLongName, "US West (Oregon) 1")
}
