package nodegroups

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// delete takes the next step of a group that is being deleted: all its nodes
// are emptied at once, and what EKS made for it goes with the last of them.
func (s *Service) delete(ctx context.Context, v view) {
	g := v.group
	switch {
	case v.asg == nil:
		s.remove(ctx, g)
	case g.Phase != PhaseEmptying:
		none := aws.Int32(0)
		if err := s.resize(ctx, g, sizes{min: none, desired: none}); err != nil {
			s.failDeletion(g, err)
			return
		}
		s.change(g, func(_ *store.Tx, now *world.NodeGroup) error {
			now.Phase = PhaseEmptying
			return nil
		})
	case len(v.asg.Instances) > 0:
		s.endProtected(ctx, v)
	case v.asg.Status == nil:
		_, err := s.scaling.DeleteAutoScalingGroup(ctx, &autoscaling.DeleteAutoScalingGroupInput{AutoScalingGroupName: aws.String(g.AutoScalingGroup())})
		var known *awserr.Error
		if errors.As(err, &known) && !strings.HasPrefix(known.Code, "ScalingActivityInProgress") && !strings.HasPrefix(known.Code, "ResourceInUse") {
			s.failDeletion(g, err)
		}
	}
}

// endProtected ends the instances that a smaller size does not.
func (s *Service) endProtected(ctx context.Context, v view) {
	for _, i := range v.asg.Instances {
		if i.LifecycleState != asgtypes.LifecycleStateInService || !aws.ToBool(i.ProtectedFromScaleIn) {
			continue
		}
		if err := s.terminate(ctx, aws.ToString(i.InstanceId), false); err != nil {
			s.log.Error("an instance of a deleted node group does not end, trying again", "instance", aws.ToString(i.InstanceId), "error", err)
		}
	}
}

func (s *Service) failDeletion(g world.NodeGroup, err error) { s.failDeletionWith(g, issueOf(err, g)) }

func (s *Service) failDeletionWith(g world.NodeGroup, issue types.Issue) {
	s.change(g, func(_ *store.Tx, now *world.NodeGroup) error {
		s.enter(now, types.NodegroupStatusDeleteFailed, PhaseSettled, issue)
		return nil
	})
}

// remove deletes what is left of a group without instances.
func (s *Service) remove(ctx context.Context, g world.NodeGroup) {
	if g.Template != "" {
		_, err := s.ec2.DeleteLaunchTemplate(ctx, &ec2.DeleteLaunchTemplateInput{LaunchTemplateId: aws.String(g.Template)})
		var known *awserr.Error
		if err != nil && !(errors.As(err, &known) && strings.HasSuffix(known.Code, ".NotFound")) {
			s.failDeletion(g, err)
			return
		}
	}
	if issue := s.closeRemoteAccess(ctx, g); issue != nil {
		s.failDeletionWith(g, *issue)
		return
	}
	err := s.world.Store.Update(func(tx *store.Tx) error {
		now, exists := s.world.NodeGroups.Get(g.Name())
		if !exists || now.UUID != g.UUID {
			return nil
		}
		s.world.Profiles.Delete(tx, g.ResourceName())
		s.world.NodeGroups.Delete(tx, g.Name())
		for _, id := range s.world.EKSUpdates.Keys() {
			if u, _ := s.world.EKSUpdates.Get(id); u.NodeGroup == g.Name() {
				s.world.EKSUpdates.Delete(tx, id)
			}
		}
		s.world.DismissNodeRole(tx, aws.ToString(g.Description.NodeRole))
		return nil
	})
	if err != nil {
		s.log.Error("a node group is not deleted, trying again", "nodegroup", g.Name(), "error", err)
	}
}
