package region_test

import (
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// TestNetworksAndPoliciesSurvive: what calls answered before the region was
// closed, they answer afterwards.
func TestNetworksAndPoliciesSurvive(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t))
	for _, make := range append(vpcSteps(), keySteps()[:2]...) {
		if _, err := call(l.services(), make(l)); err != nil {
			t.Fatal(err)
		}
	}
	v := vpc{lab: l, id: *l.storyVPC()}
	group := v.group("nodes")
	must[*ec2.AuthorizeSecurityGroupIngressOutput](l)(l.AuthorizeSecurityGroupIngress(ctx(), &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: &group, IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), CidrIp: aws.String("10.0.0.0/8"),
	}))
	l.route(v.table(), ec2.CreateRouteInput{DestinationCidrBlock: aws.String("0.0.0.0/0"), NatGatewayId: l.storyNAT()})
	must[*ec2.CreateVpcEndpointOutput](l)(l.CreateVpcEndpoint(ctx(), &ec2.CreateVpcEndpointInput{VpcId: &v.id, ServiceName: aws.String("com.amazonaws.us-west-2.s3")}))
	must[*ec2.CreatePlacementGroupOutput](l)(l.CreatePlacementGroup(ctx(), &ec2.CreatePlacementGroupInput{GroupName: aws.String("p"), Strategy: types.PlacementStrategySpread}))
	l.withProvider("sts.amazonaws.com")
	refused(t, createPolicy("p", permissions)(l.IAM()), "")
	refused(t, newVersion("p", permissions, true)(l.IAM()), "")
	refused(t, createRole("r", podTrust)(l.IAM()), "")
	refused(t, putBoundary("r", *policyARN("p"))(l.IAM()), "")
	questions := []any{
		&ec2.DescribeVpcsInput{}, &ec2.DescribeSubnetsInput{}, &ec2.DescribeInternetGatewaysInput{}, &ec2.DescribeNatGatewaysInput{}, &ec2.DescribeAddressesInput{},
		&ec2.DescribeRouteTablesInput{}, &ec2.DescribeSecurityGroupsInput{}, &ec2.DescribeSecurityGroupRulesInput{}, &ec2.DescribeVpcEndpointsInput{},
		&ec2.DescribeNetworkInterfacesInput{}, &ec2.DescribeKeyPairsInput{IncludePublicKey: aws.Bool(true)}, &ec2.DescribePlacementGroupsInput{}, &ec2.DescribeTagsInput{},
		&iam.ListPoliciesInput{}, &iam.ListPolicyVersionsInput{PolicyArn: policyARN("p")}, &iam.ListRolesInput{}, &iam.GetRoleInput{RoleName: aws.String("r")},
		&iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(providerARN)},
	}
	ask := func() (answers []any) {
		for _, question := range questions {
			answer, err := call(l.services(), question)
			if err != nil {
				t.Fatalf("%s: %v", operationOf(question), err)
			}
			answers = append(answers, plain(reflect.ValueOf(answer)))
		}
		return answers
	}
	before := ask()
	l.reopen()
	for i, after := range ask() {
		if !reflect.DeepEqual(after, before[i]) {
			t.Errorf("%s before:\n%v\nafter:\n%v", operationOf(questions[i]), before[i], after)
		}
	}
}
