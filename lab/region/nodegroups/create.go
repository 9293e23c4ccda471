package nodegroups

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// create takes the next step of a group that is being created.
func (s *Service) create(ctx context.Context, v view) {
	g := v.group
	if g.Phase != PhasePreparing {
		s.await(ctx, v)
		return
	}
	if !s.passed(g.Since, preparing) {
		return
	}
	made, issue := s.prepare(ctx, g, v.asg != nil)
	s.change(g, func(_ *store.Tx, now *world.NodeGroup) error {
		if issue != nil {
			s.enter(now, types.NodegroupStatusCreateFailed, PhaseSettled, *issue)
			return nil
		}
		now.Template, now.TemplateVersion, now.Phase, now.Since = made.Template, made.TemplateVersion, PhaseLaunching, s.world.Clock.Now()
		now.Description.Resources = &types.NodegroupResources{AutoScalingGroups: []types.AutoScalingGroup{{Name: aws.String(g.AutoScalingGroup())}}}
		if own, opened := s.remoteAccessGroup(g); opened {
			now.Description.Resources.RemoteAccessSecurityGroup = aws.String(own.ID)
		}
		return nil
	})
}

// prepare makes everything that a group consists of.
func (s *Service) prepare(ctx context.Context, g world.NodeGroup, grouped bool) (world.NodeGroup, *types.Issue) {
	fail := func(err error) (world.NodeGroup, *types.Issue) {
		issue := issueOf(err, g)
		return g, &issue
	}
	if issue := s.checkSubnets(g); issue != nil {
		return g, issue
	}
	if issue, err := s.makeProfile(g); issue != nil {
		return g, issue
	} else if err != nil {
		return fail(err)
	}
	if err := s.openRemoteAccess(ctx, g); err != nil {
		return fail(err)
	}
	var err error
	if g.Template, g.TemplateVersion, err = s.makeTemplate(ctx, g); err != nil {
		return fail(err)
	}
	if grouped {
		return g, nil
	}
	if err := s.makeGroup(ctx, g); err != nil {
		return fail(err)
	}
	return g, nil
}

// checkSubnets is the issue that nodes in a group's subnets would have.
func (s *Service) checkSubnets(g world.NodeGroup) *types.Issue {
	var without []string
	var free int
	s.world.Store.View(func() {
		d, _ := TemplateData(s.world, g.Description.LaunchTemplate)
		for _, id := range g.Description.Subnets {
			subnet, found := s.world.Network.Subnet(id)
			if !found {
				continue
			}
			free += s.world.FreeAddresses(subnet)
			asked := len(d.NetworkInterfaces) > 0 && aws.ToBool(d.NetworkInterfaces[0].AssociatePublicIpAddress)
			if s.isPublic(subnet) && !subnet.Public && !asked {
				without = append(without, id)
			}
		}
	})
	switch {
	case len(without) > 0:
		return &types.Issue{Code: types.NodegroupIssueCodeEc2SubnetInvalidConfiguration, ResourceIds: without, Message: aws.String(fmt.Sprintf(
			"One or more Amazon EC2 Subnets of [%s] for node group %s does not automatically assign public IP addresses to instances launched into it. "+
				"If you want your instances to be assigned a public IP address, then you need to enable auto-assign public IP address for the subnet.",
			join(without), g.Name()))}
	case free < int(aws.ToInt32(g.Description.ScalingConfig.DesiredSize)):
		return &types.Issue{Code: types.NodegroupIssueCodeInsufficientFreeAddresses, ResourceIds: g.Description.Subnets,
			Message: aws.String("One or more of the subnets does not have enough available IP addresses for new nodes.")}
	}
	return nil
}

// isPublic reports whether a subnet is meant for instances that are reached
// from the internet: it gives them public addresses, or is marked as that for
// load balancers.
func (s *Service) isPublic(subnet world.Subnet) bool {
	_, marked := s.world.TagsOf(subnet.ID)["kubernetes.io/role/elb"]
	return subnet.Public || marked
}

// await looks whether a new group's nodes have come.
func (s *Service) await(ctx context.Context, v view) {
	g := v.group
	if v.asg == nil {
		s.failCreation(g, autoScalingGroupNotFound(g))
		return
	}
	ready := 0
	for _, n := range v.members() {
		if n.Ready {
			ready++
		}
	}
	if ready >= int(aws.ToInt32(v.asg.DesiredCapacity)) {
		s.change(g, func(_ *store.Tx, now *world.NodeGroup) error {
			s.enter(now, types.NodegroupStatusActive, PhaseSettled)
			return nil
		})
		return
	}
	issue, failing := s.launchFailure(ctx, v)
	s.noteFailing(g, failing)
	if failing && !g.FailingSince.IsZero() && s.passed(g.FailingSince, launchPatience) {
		s.failCreation(g, issue)
		return
	}
	if s.passed(g.Since, joinPatience) {
		s.failCreation(g, notJoined(v, absent(v)))
	}
}

// noteFailing notes since when a group's instances cannot be launched.
func (s *Service) noteFailing(g world.NodeGroup, failing bool) {
	if failing != g.FailingSince.IsZero() {
		return // known, or known not to
	}
	s.change(g, func(_ *store.Tx, now *world.NodeGroup) error {
		now.FailingSince = time.Time{}
		if failing {
			now.FailingSince = s.world.Clock.Now()
		}
		return nil
	})
}

func (s *Service) failCreation(g world.NodeGroup, issue types.Issue) {
	s.change(g, func(_ *store.Tx, now *world.NodeGroup) error {
		s.enter(now, types.NodegroupStatusCreateFailed, PhaseSettled, issue)
		return nil
	})
}
