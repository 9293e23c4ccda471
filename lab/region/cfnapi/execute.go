package cfnapi

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/cfn/stack"
	"github.com/drover-project/drover/lab/region/store"
)

// ExecuteChangeSet begins to do what a change set says. The stack's other change
// sets are of no use after that and go.
func (c *CloudFormation) ExecuteChangeSet(_ context.Context, in *cloudformation.ExecuteChangeSetInput) (*cloudformation.ExecuteChangeSetOutput, error) {
	if err := supported(in, "ChangeSetName", "StackName", "ClientRequestToken", "DisableRollback"); err != nil {
		return nil, err
	}
	err := c.world.Store.Update(func(tx *store.Tx) error {
		set, err := c.findChangeSet(in.StackName, in.ChangeSetName)
		if err != nil {
			return err
		}
		status, execution := c.status(set)
		if execution != types.ExecutionStatusAvailable {
			return awserr.New("InvalidChangeSetStatus", "ChangeSet [%s] cannot be executed in its current status of [%s]", set.ID, status)
		}
		found, _ := c.stacks.Get(set.StackID)
		s := found.Clone()
		c.forgetChangeSets(tx, s.ID, set.ID)
		set.Execution = types.ExecutionStatusExecuteComplete
		if err := c.changeSets.Put(tx, set.ID, set); err != nil {
			return err
		}
		return c.execute(tx, &s, set, in)
	})
	if err != nil {
		return nil, err
	}
	return &cloudformation.ExecuteChangeSetOutput{}, nil
}

func (c *CloudFormation) execute(tx *store.Tx, s *stack.Stack, set ChangeSet, in *cloudformation.ExecuteChangeSetInput) error {
	s.ChangeSet, s.Token = set.ID, aws.ToString(in.ClientRequestToken)
	s.KeepOnFailure = aws.ToBool(in.DisableRollback) || set.OnFailure == types.OnStackFailureDoNothing
	if s.Status != types.StackStatusReviewInProgress {
		if !s.Updatable() {
			return invalid("Stack:%s is in %s state and can not be updated.", s.ID, s.Status)
		}
		return c.beginUpdate(tx, s, set.Definition)
	}
	s.Target, s.OnFailure = set.Definition, types.OnFailureRollback
	if set.OnFailure == types.OnStackFailureDelete {
		s.OnFailure = types.OnFailureDelete
	}
	return c.beginCreation(tx, s)
}

// forgetChangeSets removes the change sets of a stack but one.
func (c *CloudFormation) forgetChangeSets(tx *store.Tx, stackID, but string) {
	for _, set := range c.changeSets.All() {
		if set.StackID == stackID && set.ID != but {
			c.changeSets.Delete(tx, set.ID)
		}
	}
}

// DeleteChangeSet removes a change set; one that is not there is no error.
func (c *CloudFormation) DeleteChangeSet(_ context.Context, in *cloudformation.DeleteChangeSetInput) (*cloudformation.DeleteChangeSetOutput, error) {
	err := c.world.Store.Update(func(tx *store.Tx) error {
		if set, err := c.findChangeSet(in.StackName, in.ChangeSetName); err == nil {
			c.changeSets.Delete(tx, set.ID)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &cloudformation.DeleteChangeSetOutput{}, nil
}
