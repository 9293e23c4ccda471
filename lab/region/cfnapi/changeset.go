package cfnapi

import (
	"context"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/cfn/stack"
	"github.com/drover-project/drover/lab/region/store"
)

// ChangeSet is one change set.
type ChangeSet struct {
	ID, Name, StackID, StackName, Description string
	Type                                      types.ChangeSetType
	Created                                   time.Time
	Definition                                stack.Definition
	Changes                                   []Change
	// Failed says why it cannot be executed.
	Failed    string `json:",omitempty"`
	Execution types.ExecutionStatus
	OnFailure types.OnStackFailure
}

// computes is how long CloudFormation works on a change set.
const computes = 3 * time.Second

// noChanges is the reason of a change set that would do nothing.
const noChanges = "The submitted information didn't contain changes. Submit different information to create a change set."

var changeSetPattern = regexp.MustCompile(`^[a-zA-Z][-a-zA-Z0-9]*$`)

// CreateChangeSet computes what a template or parameters would change.
func (c *CloudFormation) CreateChangeSet(_ context.Context, in *cloudformation.CreateChangeSetInput) (*cloudformation.CreateChangeSetOutput, error) {
	err := supported(in, "StackName", "ChangeSetName", "ChangeSetType", "TemplateBody", "UsePreviousTemplate", "Parameters", "Capabilities", "Tags",
		"RoleARN", "Description", "ClientToken", "OnStackFailure")
	if err != nil {
		return nil, err
	}
	if !changeSetPattern.MatchString(aws.ToString(in.ChangeSetName)) {
		return nil, invalid("1 validation error detected: Value '%s' at 'changeSetName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*", aws.ToString(in.ChangeSetName))
	}
	out := &cloudformation.CreateChangeSetOutput{}
	err = c.world.Store.Update(func(tx *store.Tx) error {
		token := tokenOf("CreateChangeSet", in.ClientToken, *in)
		if found, err := c.answered(token, out); found || err != nil {
			return err
		}
		set, err := c.newChangeSet(tx, in)
		if err != nil {
			return err
		}
		out.Id, out.StackId = &set.ID, &set.StackID
		if err := c.changeSets.Put(tx, set.ID, set); err != nil {
			return err
		}
		return c.world.Remember(tx, token, out)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *CloudFormation) newChangeSet(tx *store.Tx, in *cloudformation.CreateChangeSetInput) (ChangeSet, error) {
	s, before, err := c.stackForChanges(tx, in)
	if err != nil {
		return ChangeSet{}, err
	}
	w := wanted{body: in.TemplateBody, previous: aws.ToBool(in.UsePreviousTemplate), parameters: in.Parameters, tags: in.Tags,
		keepTags: true, capability: in.Capabilities, role: in.RoleARN}
	d, p, err := c.define(tx, &s, w, before)
	if err != nil {
		return ChangeSet{}, err
	}
	id, err := c.world.NewUUID(tx, "changeset")
	if err != nil {
		return ChangeSet{}, err
	}
	set := ChangeSet{
		ID: c.arn("changeSet", aws.ToString(in.ChangeSetName), id), Name: aws.ToString(in.ChangeSetName), StackID: s.ID, StackName: s.Name,
		Description: aws.ToString(in.Description), Type: in.ChangeSetType, Created: c.world.Clock.Now(), Definition: d,
		Execution: types.ExecutionStatusAvailable, OnFailure: in.OnStackFailure,
	}
	if set.Changes, err = c.changes(tx, &s, d, p); err != nil {
		return ChangeSet{}, err
	}
	same := before != nil && reflect.DeepEqual(nonNil(before.Tags), nonNil(d.Tags)) && !c.outputsDiffer(&s, p)
	if before != nil && len(set.Changes) == 0 && same {
		set.Failed, set.Execution = noChanges, types.ExecutionStatusUnavailable
	}
	if before != nil {
		return set, nil
	}
	return set, c.stacks.Put(tx, s.ID, s)
}

// stackForChanges is the stack that a change set is for: for one of the type
// CREATE a new one that only waits to be reviewed.
func (c *CloudFormation) stackForChanges(tx *store.Tx, in *cloudformation.CreateChangeSetInput) (stack.Stack, *stack.Definition, error) {
	name := aws.ToString(in.StackName)
	for _, set := range c.changeSets.All() {
		if set.Name == aws.ToString(in.ChangeSetName) && (set.StackName == name || set.StackID == name) && !c.stackDeleted(set.StackID) {
			return stack.Stack{}, nil, awserr.New("AlreadyExistsException", "ChangeSet %s already exists for stack %s", set.Name, set.StackName)
		}
	}
	s, found := c.find(name)
	if in.ChangeSetType != types.ChangeSetTypeCreate {
		if in.ChangeSetType != "" && in.ChangeSetType != types.ChangeSetTypeUpdate {
			return s, nil, invalid("ChangeSetType %s is not supported by this endpoint: use CREATE or UPDATE", in.ChangeSetType)
		}
		switch {
		case !found || !s.Deleted.IsZero():
			return s, nil, invalid("Stack [%s] does not exist", name)
		case !s.Updatable():
			return s, nil, invalid("Stack:%s is in %s state and can not be updated.", s.ID, s.Status)
		}
		before := s.Target
		return s.Clone(), &before, nil
	}
	if found && s.Status != types.StackStatusReviewInProgress {
		return s, nil, invalid("Stack [%s] already exists and cannot be created again with the changeSet [%s].", name, aws.ToString(in.ChangeSetName))
	}
	if found {
		return s.Clone(), nil, nil
	}
	if err := checkStackName(name); err != nil {
		return s, nil, err
	}
	s, err := c.newStack(tx, name)
	if err != nil {
		return s, nil, err
	}
	return s, nil, c.quick(tx, &s).enter(types.StackStatusReviewInProgress, userInitiated)
}

func (c *CloudFormation) stackDeleted(id string) bool {
	s, found := c.stacks.Get(id)
	return !found || !s.Deleted.IsZero()
}

// findChangeSet finds a change set by its ARN, or by its name and its stack.
func (c *CloudFormation) findChangeSet(stackName, name *string) (ChangeSet, error) {
	if set, found := c.changeSets.Get(aws.ToString(name)); found {
		return set, nil
	}
	for _, set := range c.changeSets.All() {
		if set.Name == aws.ToString(name) && stackName != nil && (set.StackName == *stackName || set.StackID == *stackName) && !c.stackDeleted(set.StackID) {
			return set, nil
		}
	}
	return ChangeSet{}, awserr.WithStatus(notFound, "ChangeSetNotFound", "ChangeSet [%s] does not exist", aws.ToString(name))
}

const notFound = 404

// status is how a change set is: being computed at first.
func (c *CloudFormation) status(set ChangeSet) (types.ChangeSetStatus, types.ExecutionStatus) {
	switch {
	case c.world.Clock.Now().Sub(set.Created) < c.world.Clock.Scaled(computes):
		return types.ChangeSetStatusCreateInProgress, types.ExecutionStatusUnavailable
	case set.Failed != "":
		return types.ChangeSetStatusFailed, set.Execution
	}
	return types.ChangeSetStatusCreateComplete, set.Execution
}

// DescribeChangeSet describes a change set with what it would change.
func (c *CloudFormation) DescribeChangeSet(_ context.Context, in *cloudformation.DescribeChangeSetInput) (*cloudformation.DescribeChangeSetOutput, error) {
	if err := supported(in, "ChangeSetName", "StackName", "NextToken"); err != nil {
		return nil, err
	}
	var set ChangeSet
	var err error
	c.world.Store.View(func() { set, err = c.findChangeSet(in.StackName, in.ChangeSetName) })
	if err != nil {
		return nil, err
	}
	status, execution := c.status(set)
	out := &cloudformation.DescribeChangeSetOutput{
		ChangeSetId: &set.ID, ChangeSetName: &set.Name, StackId: &set.StackID, StackName: &set.StackName, Description: optional(set.Description),
		CreationTime: &set.Created, Status: status, ExecutionStatus: execution, Parameters: shown(set.Definition), Tags: tagList(set.Definition.Tags),
		NotificationARNs: []string{}, RollbackConfiguration: &types.RollbackConfiguration{}, IncludeNestedStacks: aws.Bool(false), OnStackFailure: set.OnFailure,
	}
	for _, capability := range set.Definition.Capabilities {
		out.Capabilities = append(out.Capabilities, types.Capability(capability))
	}
	if status == types.ChangeSetStatusCreateInProgress {
		return out, nil
	}
	out.StatusReason = optional(set.Failed)
	var list []types.Change
	for _, change := range set.Changes {
		list = append(list, describeChange(change))
	}
	out.Changes, out.NextToken, err = page(list, in.NextToken, itemsPerPage)
	return out, err
}

func describeChange(change Change) types.Change {
	r := &types.ResourceChange{
		Action: types.ChangeAction(change.Action), LogicalResourceId: &change.Name, ResourceType: &change.Type,
		PhysicalResourceId: optional(change.Physical), Replacement: types.Replacement(change.Replacement),
		Scope: []types.ResourceAttribute{}, Details: []types.ResourceChangeDetail{},
	}
	if len(change.Details) > 0 {
		r.Scope = append(r.Scope, types.ResourceAttributeProperties)
	}
	if change.Tags {
		r.Scope = append(r.Scope, types.ResourceAttributeTags)
		r.Details = append(r.Details, types.ResourceChangeDetail{
			Target:     &types.ResourceTargetDefinition{Attribute: types.ResourceAttributeTags, RequiresRecreation: types.RequiresRecreationNever},
			Evaluation: types.EvaluationTypeStatic, ChangeSource: types.ChangeSourceDirectModification,
		})
	}
	for _, d := range change.Details {
		evaluation, source := types.EvaluationTypeStatic, types.ChangeSourceDirectModification
		if !d.Static {
			evaluation, source = types.EvaluationTypeDynamic, types.ChangeSourceResourceReference
		}
		r.Details = append(r.Details, types.ResourceChangeDetail{
			Target: &types.ResourceTargetDefinition{Attribute: types.ResourceAttributeProperties, Name: aws.String(d.Property),
				RequiresRecreation: types.RequiresRecreation(d.Recreation)},
			Evaluation: evaluation, ChangeSource: source,
		})
	}
	return types.Change{Type: types.ChangeTypeResource, ResourceChange: r}
}

// ListChangeSets lists the change sets of a stack.
func (c *CloudFormation) ListChangeSets(_ context.Context, in *cloudformation.ListChangeSetsInput) (*cloudformation.ListChangeSetsOutput, error) {
	var list []types.ChangeSetSummary
	found := false
	c.world.Store.View(func() {
		var s stack.Stack
		if s, found = c.find(aws.ToString(in.StackName)); !found {
			return
		}
		for _, set := range c.changeSets.All() {
			if set.StackID != s.ID {
				continue
			}
			status, execution := c.status(set)
			list = append(list, types.ChangeSetSummary{
				ChangeSetId: &set.ID, ChangeSetName: &set.Name, StackId: &set.StackID, StackName: &set.StackName, CreationTime: &set.Created,
				Status: status, StatusReason: optional(set.Failed), ExecutionStatus: execution, Description: optional(set.Description), IncludeNestedStacks: aws.Bool(false),
			})
		}
	})
	if !found {
		return nil, invalid("Stack [%s] does not exist", aws.ToString(in.StackName))
	}
	slices.SortFunc(list, func(a, b types.ChangeSetSummary) int { return strings.Compare(*a.ChangeSetName, *b.ChangeSetName) })
	out := &cloudformation.ListChangeSetsOutput{}
	var err error
	out.Summaries, out.NextToken, err = page(list, in.NextToken, itemsPerPage)
	return out, err
}
