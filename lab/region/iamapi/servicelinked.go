package iamapi

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// servicePath is where service-linked roles are.
const servicePath = "/aws-service-role/"

// linked is the service-linked role of a service.
type linked struct {
	role, policy string
	suffixes     bool // an account can have several
}

// linkedRoles are the services that have a role of their own, by name.
func linkedRoles() map[string]linked {
	return map[string]linked{
		"eks.amazonaws.com":                  {role: "AWSServiceRoleForAmazonEKS", policy: "AmazonEKSServiceRolePolicy"},
		"eks-nodegroup.amazonaws.com":        {role: "AWSServiceRoleForAmazonEKSNodegroup", policy: "AWSServiceRoleForAmazonEKSNodegroup"},
		"eks-fargate.amazonaws.com":          {role: "AWSServiceRoleForAmazonEKSForFargate", policy: "AmazonEKSForFargateServiceRolePolicy"},
		"eks-connector.amazonaws.com":        {role: "AWSServiceRoleForAmazonEKSConnector", policy: "AmazonEKSConnectorServiceRolePolicy"},
		"autoscaling.amazonaws.com":          {role: "AWSServiceRoleForAutoScaling", policy: "AutoScalingServiceRolePolicy", suffixes: true},
		"spot.amazonaws.com":                 {role: "AWSServiceRoleForEC2Spot", policy: "AWSEC2SpotServiceRolePolicy"},
		"spotfleet.amazonaws.com":            {role: "AWSServiceRoleForEC2SpotFleet", policy: "AWSEC2SpotFleetServiceRolePolicy"},
		"ec2fleet.amazonaws.com":             {role: "AWSServiceRoleForEC2Fleet", policy: "AWSEC2FleetServiceRolePolicy"},
		"elasticloadbalancing.amazonaws.com": {role: "AWSServiceRoleForElasticLoadBalancing", policy: "AWSElasticLoadBalancingServiceRolePolicy"},
	}
}

// isLinked reports whether only AWS may change a role.
func isLinked(r world.Role) bool { return strings.HasPrefix(r.Path, servicePath) }

// CreateServiceLinkedRole makes the role that a service of AWS acts with.
func (i *IAM) CreateServiceLinkedRole(_ context.Context, in *iam.CreateServiceLinkedRoleInput) (*iam.CreateServiceLinkedRoleOutput, error) {
	service := aws.ToString(in.AWSServiceName)
	of, known := linkedRoles()[service]
	if !known {
		return nil, awserr.New("InvalidInput", "Service-linked roles are not supported for the service %s here", service)
	}
	name := of.role
	if in.CustomSuffix != nil {
		if !of.suffixes {
			return nil, awserr.New("InvalidInput", "Custom suffix is not allowed for %s", service)
		}
		name += "_" + *in.CustomSuffix
	}
	out := &iam.CreateServiceLinkedRoleOutput{}
	err := i.world.Store.Update(func(tx *store.Tx) error {
		if _, exists := i.world.Roles.Get(name); exists {
			return awserr.New("InvalidInput", "Service role name %s has been taken in this account, please try a different suffix.", name)
		}
		id, err := i.world.NewID(tx, "AROA")
		if err != nil {
			return err
		}
		r := world.Role{
			Name: name, ID: strings.ToUpper(id), Path: servicePath + service + "/", Description: aws.ToString(in.Description), Created: i.world.Clock.Now(),
			TrustPolicy:       fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"%s"},"Action":"sts:AssumeRole"}]}`, service),
			MaxSessionSeconds: defaultSessionSeconds, Attached: []string{awsPrefix + "aws-service-role/" + of.policy},
		}
		out.Role = i.role(r)
		return i.world.Roles.Put(tx, name, r)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeleteServiceLinkedRole deletes a service-linked role and names the task
// that did it.
func (i *IAM) DeleteServiceLinkedRole(_ context.Context, in *iam.DeleteServiceLinkedRoleInput) (*iam.DeleteServiceLinkedRoleOutput, error) {
	name := aws.ToString(in.RoleName)
	var task string
	err := i.world.Store.Update(func(tx *store.Tx) error {
		r, found := i.world.Roles.Get(name)
		if !found {
			return noRole(name)
		}
		if !isLinked(r) {
			return awserr.New("InvalidInput", "The role %s is not a service-linked role", name)
		}
		id, err := i.world.NewUUID(tx, "task")
		if err != nil {
			return err
		}
		task = "task" + r.Path + name + "/" + id
		i.world.Roles.Delete(tx, name)
		return i.world.Deletions.Put(tx, task, world.RoleDeletion{TaskID: task, RoleName: name, Status: string(types.DeletionTaskStatusTypeSucceeded)})
	})
	if err != nil {
		return nil, err
	}
	return &iam.DeleteServiceLinkedRoleOutput{DeletionTaskId: &task}, nil
}

// GetServiceLinkedRoleDeletionStatus says how a deletion came out.
func (i *IAM) GetServiceLinkedRoleDeletionStatus(_ context.Context, in *iam.GetServiceLinkedRoleDeletionStatusInput) (*iam.GetServiceLinkedRoleDeletionStatusOutput, error) {
	var d world.RoleDeletion
	found := false
	i.world.Store.View(func() { d, found = i.world.Deletions.Get(aws.ToString(in.DeletionTaskId)) })
	if !found {
		return nil, awserr.WithStatus(notFound, "NoSuchEntity", "The deletion task %s cannot be found.", aws.ToString(in.DeletionTaskId))
	}
	return &iam.GetServiceLinkedRoleDeletionStatusOutput{Status: types.DeletionTaskStatusType(d.Status)}, nil
}
