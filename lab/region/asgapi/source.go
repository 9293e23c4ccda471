package asgapi

import (
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/ec2api"
	"github.com/drover-project/drover/lab/region/world"
)

// applySource changes what a group launches from, when the request says so.
func (a *AutoScaling) applySource(g *world.Group, in *autoscaling.UpdateAutoScalingGroupInput) error {
	switch sources(in.LaunchConfigurationName, in.LaunchTemplate != nil, in.MixedInstancesPolicy != nil) {
	case 0:
		return nil
	case 1:
	default:
		return invalid("Valid requests must contain only one of LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter.")
	}
	switch {
	case in.LaunchTemplate != nil:
		use, err := a.template(in.LaunchTemplate)
		if err != nil {
			return err
		}
		g.Template, g.Mixed, g.LaunchConfiguration = &use, nil, ""
	case in.MixedInstancesPolicy != nil:
		policy, err := a.mixed(g.Mixed, *in.MixedInstancesPolicy)
		if err != nil {
			return err
		}
		g.Template, g.Mixed, g.LaunchConfiguration = nil, &policy, ""
	default:
		name := *in.LaunchConfigurationName
		if _, exists := a.world.LaunchConfigurations.Get(name); !exists {
			return noConfiguration(name)
		}
		g.Template, g.Mixed, g.LaunchConfiguration = nil, nil, name
	}
	return nil
}

// malformedTemplate is Auto Scaling's error for what EC2 says of a template.
func malformedTemplate(err error) error {
	text := err.Error()
	var known *awserr.Error
	if errors.As(err, &known) {
		text = known.Message
	}
	return invalid("You must use a valid fully-formed launch template. %s", text)
}

// template finds a launch template, of which the group keeps id, name and the
// version as the request has it.
func (a *AutoScaling) template(s *types.LaunchTemplateSpecification) (world.TemplateUse, error) {
	id, name, version := aws.ToString(s.LaunchTemplateId), aws.ToString(s.LaunchTemplateName), aws.ToString(s.Version)
	if (id == "") == (name == "") {
		return world.TemplateUse{}, invalid("Valid requests must contain either launchTemplateId or LaunchTemplateName")
	}
	o, err := a.ec2.TemplateData(id, name, version)
	if err != nil {
		return world.TemplateUse{}, malformedTemplate(err)
	}
	if version == "" {
		version = "$Default"
	}
	return world.TemplateUse{ID: o.Template.ID, Name: o.Template.Name, Version: version}, nil
}

func specification(use world.TemplateUse) *types.LaunchTemplateSpecification {
	return &types.LaunchTemplateSpecification{LaunchTemplateId: aws.String(use.ID), LaunchTemplateName: aws.String(use.Name), Version: aws.String(use.Version)}
}

// checkLaunches refuses a group none of whose launches could ever be made as
// described: EC2 is asked, as with a dry run.
func (a *AutoScaling) checkLaunches(g world.Group) error {
	for _, market := range markets(g) {
		options, err := a.keeper.Options(g, market)
		if err != nil {
			return malformedTemplate(err)
		}
		if len(options) == 0 {
			return invalid("No instance types found that match the instance requirements. Update the instance requirements to match at least one instance type.")
		}
		for _, o := range options {
			if err := a.checkLaunch(g, o); err != nil {
				return err
			}
		}
	}
	return nil
}

func markets(g world.Group) []string {
	if g.Mixed == nil {
		return []string{ec2api.AsTemplate}
	}
	if aws.ToInt32(g.Mixed.InstancesDistribution.OnDemandPercentageAboveBaseCapacity) == 100 {
		return []string{ec2api.OnDemand}
	}
	return []string{ec2api.OnDemand, ec2api.Spot}
}

func (a *AutoScaling) checkLaunch(g world.Group, o ec2api.Option) error {
	if g.Mixed != nil && o.Data.InstanceMarketOptions != nil {
		return invalid("Incompatible launch template: When using a launch template with a mixed instances policy, " +
			"the launch template cannot specify InstanceMarketOptions.")
	}
	subnet := ""
	if len(g.Subnets) > 0 {
		subnet = g.Subnets[0]
	}
	err := a.ec2.CheckOption(o, subnet)
	switch {
	case err == nil:
		return nil
	case g.LaunchConfiguration != "":
		return invalid("%s", messageOf(err))
	}
	return malformedTemplate(err)
}

func messageOf(err error) string {
	var known *awserr.Error
	if errors.As(err, &known) {
		return known.Message
	}
	return err.Error()
}

// describeSource is what a group or an instance launches from, in the answer.
func describeSource(g world.Group, out *types.AutoScalingGroup) {
	switch {
	case g.Template != nil:
		out.LaunchTemplate = specification(*g.Template)
	case g.Mixed != nil:
		out.MixedInstancesPolicy = g.Mixed
		if out.MixedInstancesPolicy.InstancesDistribution != nil && aws.ToString(g.Mixed.InstancesDistribution.SpotMaxPrice) == "" {
			policy, d := *g.Mixed, *g.Mixed.InstancesDistribution
			d.SpotMaxPrice = nil
			policy.InstancesDistribution, out.MixedInstancesPolicy = &d, &policy
		}
	default:
		out.LaunchConfigurationName = aws.String(g.LaunchConfiguration)
	}
}

// Statuses of health.
const (
	healthy   = "Healthy"
	unhealthy = "Unhealthy"
)

func healthOf(m world.Member) *string {
	if m.Unhealthy != "" {
		return aws.String(unhealthy)
	}
	return aws.String(healthy)
}

func inService(m *world.Member) bool { return m.State == types.LifecycleStateInService }

// onAll runs an operation on instances and gives the activities it began.
func (a *AutoScaling) onAll(chosen []*world.Member, do func(*world.Member) string) (activities []types.Activity) {
	for _, m := range chosen {
		activity, _ := a.world.Activities.Get(do(m))
		activities = append(activities, describeActivity(activity, false))
	}
	return activities
}
