package cfnapi_test

import (
	"slices"
	"sort"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// request is what create, update, validate and change-set take: a stack, the
// file of its template (- for the one before), then parameters Key=Value, stack
// tags +key=value and flags --name.
type request struct {
	stack, file string
	parameters  []types.Parameter
	tags        []types.Tag
	flags       []string
}

func (s *session) request(words []string) request {
	r := request{stack: words[0], file: words[1]}
	for _, w := range words[2:] {
		key, value, _ := strings.Cut(w, "=")
		value = strings.ReplaceAll(value, "%20", " ")
		switch {
		case strings.HasPrefix(w, "--"):
			r.flags = append(r.flags, w)
		case strings.HasPrefix(w, "+"):
			r.tags = append(r.tags, types.Tag{Key: aws.String(key[1:]), Value: &value})
		default:
			name := strings.TrimLeft(value, " ")
			value = value[:len(value)-len(name)] + s.named(name)
			r.parameters = append(r.parameters, types.Parameter{ParameterKey: &key, ParameterValue: &value})
		}
	}
	return r
}

func (r request) has(flag string) bool { return slices.Contains(r.flags, "--"+flag) }

func (s *session) body(r request) *string {
	if r.file == "-" {
		return nil
	}
	return aws.String(string(s.file(r.file)))
}

func (r request) capabilities() []types.Capability {
	switch {
	case r.has("iam"):
		return []types.Capability{types.CapabilityCapabilityIam}
	case r.has("named-iam"):
		return []types.Capability{types.CapabilityCapabilityNamedIam}
	}
	return nil
}

func (s *session) send(command string, words []string) {
	r := s.request(words)
	var err error
	switch command {
	case "create":
		in := &cloudformation.CreateStackInput{StackName: &r.stack, TemplateBody: s.body(r), Parameters: r.parameters, Tags: r.tags, Capabilities: r.capabilities()}
		for flag, onFailure := range map[string]types.OnFailure{"do-nothing": types.OnFailureDoNothing, "on-failure-delete": types.OnFailureDelete} {
			if r.has(flag) {
				in.OnFailure = onFailure
			}
		}
		var out *cloudformation.CreateStackOutput
		if out, err = s.cfn().CreateStack(ctx(), in); err == nil {
			s.ids[r.stack] = *out.StackId
		}
	case "update":
		_, err = s.cfn().UpdateStack(ctx(), &cloudformation.UpdateStackInput{
			StackName: &r.stack, TemplateBody: s.body(r), UsePreviousTemplate: aws.Bool(r.file == "-"), Parameters: r.parameters, Tags: r.tags,
			Capabilities: r.capabilities(), DisableRollback: aws.Bool(r.has("do-nothing"))})
	case "validate":
		_, err = s.cfn().ValidateTemplate(ctx(), &cloudformation.ValidateTemplateInput{TemplateBody: s.body(r)})
	case "change-set":
		in := &cloudformation.CreateChangeSetInput{
			StackName: &r.stack, ChangeSetName: aws.String("changes"), TemplateBody: s.body(r), UsePreviousTemplate: aws.Bool(r.file == "-"),
			Parameters: r.parameters, Tags: r.tags, Capabilities: r.capabilities()}
		if r.has("create") {
			in.ChangeSetType = types.ChangeSetTypeCreate
		}
		var out *cloudformation.CreateChangeSetOutput
		if out, err = s.cfn().CreateChangeSet(ctx(), in); err == nil {
			s.ids[r.stack] = *out.StackId
			s.changeSet(r.stack)
		}
	}
	s.say(err)
}

// changeSet prints what a change set would do.
func (s *session) changeSet(name string) {
	s.clock.Advance(computed)
	out, err := s.cfn().DescribeChangeSet(ctx(), &cloudformation.DescribeChangeSetInput{StackName: &name, ChangeSetName: aws.String("changes")})
	if err != nil {
		s.say(err)
		return
	}
	s.printf("  %s %s %s", out.Status, out.ExecutionStatus, aws.ToString(out.StatusReason))
	for _, c := range out.Changes {
		r := c.ResourceChange
		var details []string
		for _, d := range r.Details {
			details = append(details, strings.TrimSpace(aws.ToString(d.Target.Name)+" "+string(d.Target.Attribute)+" "+string(d.Target.RequiresRecreation)+" "+string(d.Evaluation)))
		}
		s.printf("  %s %s %s replacement=%s %s", r.Action, aws.ToString(r.LogicalResourceId), aws.ToString(r.ResourceType), r.Replacement, strings.Join(details, ", "))
	}
}

// allEvents are all pages of a stack's events, latest first.
func (s *session) allEvents(name string) (list []types.StackEvent, err error) {
	in := &cloudformation.DescribeStackEventsInput{StackName: &name}
	for more := true; more; more = in.NextToken != nil {
		out, err := s.cfn().DescribeStackEvents(ctx(), in)
		if err != nil {
			return nil, err
		}
		list, in.NextToken = append(list, out.StackEvents...), out.NextToken
	}
	return list, nil
}

// countEvents is how many events there were of the stacks that the script made.
func (s *session) countEvents() (n int) {
	for _, id := range s.ids {
		list, err := s.allEvents(id)
		if err != nil {
			s.t.Fatal(err)
		}
		n += len(list)
	}
	return n
}

// events prints the events of a stack that were not printed before.
func (s *session) events(name string) {
	list, err := s.allEvents(name)
	if err != nil {
		s.say(err)
		return
	}
	slices.Reverse(list)
	id := aws.ToString(list[0].StackId)
	for _, e := range list[s.seen[id]:] {
		physical := aws.ToString(e.PhysicalResourceId)
		if aws.ToString(e.ResourceType) == "AWS::CloudFormation::Stack" {
			physical = ""
		}
		s.printf("  %s %s %s", strings.TrimSpace(aws.ToString(e.LogicalResourceId)+" "+physical), e.ResourceStatus, aws.ToString(e.ResourceStatusReason))
	}
	s.seen[id] = len(list)
}

func (s *session) describe(name string) (types.Stack, bool) {
	out, err := s.cfn().DescribeStacks(ctx(), &cloudformation.DescribeStacksInput{StackName: &name})
	if err != nil {
		s.say(err)
		return types.Stack{}, false
	}
	return out.Stacks[0], true
}

func (s *session) status(name string) {
	if d, found := s.describe(name); found {
		s.printf("  %s %s", d.StackStatus, aws.ToString(d.StackStatusReason))
	}
}

func (s *session) outputs(name string) {
	d, _ := s.describe(name)
	for _, o := range d.Outputs {
		export := ""
		if o.ExportName != nil {
			export = " exported as " + *o.ExportName
		}
		s.printf("  %s = %s%s", *o.OutputKey, *o.OutputValue, export)
	}
}

func (s *session) resources(name string) {
	out, err := s.cfn().ListStackResources(ctx(), &cloudformation.ListStackResourcesInput{StackName: &name})
	if err != nil {
		s.say(err)
		return
	}
	for _, r := range out.StackResourceSummaries {
		s.printf("  %s %s %s", *r.LogicalResourceId, aws.ToString(r.PhysicalResourceId), r.ResourceStatus)
	}
}

const trustPolicy = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}`

// account are commands about the account beside the stacks.
func (s *session) account(command string, words []string) bool {
	switch command {
	case "roles":
		out, err := s.region.IAM().ListRoles(ctx(), &iam.ListRolesInput{})
		s.say(err)
		for _, r := range out.Roles {
			if strings.HasPrefix(*r.RoleName, words[0]) {
				s.printf("  %s", *r.RoleName)
			}
		}
	case "make-role":
		_, err := s.region.IAM().CreateRole(ctx(), &iam.CreateRoleInput{RoleName: &words[0], AssumeRolePolicyDocument: aws.String(trustPolicy)})
		s.say(err)
	case "attach":
		_, err := s.region.IAM().AttachRolePolicy(ctx(), &iam.AttachRolePolicyInput{RoleName: aws.String(s.named(words[0])), PolicyArn: aws.String("arn:aws:iam::aws:policy/" + words[1])})
		s.say(err)
	case "tags":
		s.tags(s.named(words[0]))
	case "make-key":
		_, err := s.region.EC2().CreateKeyPair(ctx(), &ec2.CreateKeyPairInput{KeyName: &words[0]})
		s.say(err)
	case "group":
		s.group(s.named(words[0]))
	case "limit":
		_, err := s.region.SetCapacity(pool(words[0]), 0)
		s.say(err)
	default:
		return false
	}
	return true
}

func (s *session) tags(id string) {
	out, err := s.region.EC2().DescribeTags(ctx(), &ec2.DescribeTagsInput{Filters: []ec2Filter{{Name: aws.String("resource-id"), Values: []string{id}}}})
	s.say(err)
	var list []string
	for _, t := range out.Tags {
		list = append(list, *t.Key+"="+*t.Value)
	}
	sort.Strings(list)
	for _, t := range list {
		s.printf("  %s", t)
	}
}

// named replaces what a script cannot know: @vpc, @private, @cluster-sg, @image,
// and stack.Logical for the identifier of a resource.
func (s *session) named(value string) string {
	if !strings.HasPrefix(value, "@") {
		return value
	}
	name := value[1:]
	if stack, logical, isResource := strings.Cut(name, "."); isResource {
		out, err := s.cfn().DescribeStackResource(ctx(), &cloudformation.DescribeStackResourceInput{StackName: &stack, LogicalResourceId: &logical})
		if err != nil {
			s.t.Fatal(err)
		}
		return aws.ToString(out.StackResourceDetail.PhysicalResourceId)
	}
	return s.inAccount(name)
}
