package cfnapi

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drover-project/drover/lab/region/cfn/stack"
	"github.com/drover-project/drover/lab/region/cfn/template"
)

// GetTemplate gives a stack's template as it was sent.
func (c *CloudFormation) GetTemplate(_ context.Context, in *cloudformation.GetTemplateInput) (*cloudformation.GetTemplateOutput, error) {
	out := &cloudformation.GetTemplateOutput{StagesAvailable: []types.TemplateStage{types.TemplateStageOriginal, types.TemplateStageProcessed}}
	var err error
	c.world.Store.View(func() {
		if in.ChangeSetName != nil {
			var set ChangeSet
			if set, err = c.findChangeSet(in.StackName, in.ChangeSetName); err == nil {
				out.TemplateBody = &set.Definition.Body
			}
			return
		}
		s, found := c.find(aws.ToString(in.StackName))
		if !found {
			err = noStack(aws.ToString(in.StackName))
			return
		}
		out.TemplateBody = &s.Target.Body
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// read understands a template that belongs to no stack: parameters have the
// defaults or nothing.
func (c *CloudFormation) read(body *string) (*plan, error) {
	text, err := bodyOf(body)
	if err != nil {
		return nil, err
	}
	t, err := template.Parse(text)
	if err != nil {
		return nil, refusal(err)
	}
	d := stack.Definition{Body: text}
	for _, p := range t.Parameters {
		d.Parameters = append(d.Parameters, stack.Parameter{Name: p.Name, Value: aws.ToString(p.Default)})
	}
	p, err := c.plan(&stack.Stack{}, d)
	if err != nil {
		return nil, err
	}
	return p, p.check()
}

// ValidateTemplate checks a template and lists its parameters.
func (c *CloudFormation) ValidateTemplate(_ context.Context, in *cloudformation.ValidateTemplateInput) (*cloudformation.ValidateTemplateOutput, error) {
	if err := supported(in, "TemplateBody"); err != nil {
		return nil, err
	}
	p, err := c.read(in.TemplateBody)
	if err != nil {
		return nil, err
	}
	out := &cloudformation.ValidateTemplateOutput{Description: optional(p.template.Description), Parameters: []types.TemplateParameter{}}
	for _, declared := range p.template.Parameters {
		out.Parameters = append(out.Parameters, types.TemplateParameter{
			ParameterKey: aws.String(declared.Name), DefaultValue: declared.Default, NoEcho: aws.Bool(declared.NoEcho), Description: optional(declared.Description),
		})
	}
	out.Capabilities, out.CapabilitiesReason = p.acknowledgement()
	return out, nil
}

// acknowledgement is capabilities as answers have it.
func (p *plan) acknowledgement() ([]types.Capability, *string) {
	need, because := p.capabilities()
	if need == "" {
		return nil, nil
	}
	reason := "The following resource(s) require capabilities: ["
	for i, t := range because {
		if i > 0 {
			reason += ", "
		}
		reason += t
	}
	return []types.Capability{need}, aws.String(reason + "]")
}

// GetTemplateSummary says what a template declares.
func (c *CloudFormation) GetTemplateSummary(_ context.Context, in *cloudformation.GetTemplateSummaryInput) (*cloudformation.GetTemplateSummaryOutput, error) {
	if err := supported(in, "TemplateBody", "StackName"); err != nil {
		return nil, err
	}
	body := in.TemplateBody
	if in.StackName != nil {
		out, err := c.GetTemplate(context.Background(), &cloudformation.GetTemplateInput{StackName: in.StackName})
		if err != nil {
			return nil, err
		}
		body = out.TemplateBody
	}
	p, err := c.read(body)
	if err != nil {
		return nil, err
	}
	out := &cloudformation.GetTemplateSummaryOutput{Version: aws.String(template.FormatVersion), Description: optional(p.template.Description)}
	for _, declared := range p.template.Parameters {
		out.Parameters = append(out.Parameters, types.ParameterDeclaration{
			ParameterKey: aws.String(declared.Name), ParameterType: aws.String(declared.Type), DefaultValue: declared.Default,
			NoEcho: aws.Bool(declared.NoEcho), Description: optional(declared.Description),
			ParameterConstraints: &types.ParameterConstraints{AllowedValues: declared.AllowedValues},
		})
	}
	for _, r := range p.template.Resources {
		if !slices.Contains(out.ResourceTypes, r.Type) {
			out.ResourceTypes = append(out.ResourceTypes, r.Type)
		}
	}
	if p.template.Metadata != nil {
		out.Metadata = p.document(p.template.Metadata)
	}
	out.Capabilities, out.CapabilitiesReason = p.acknowledgement()
	return out, nil
}
