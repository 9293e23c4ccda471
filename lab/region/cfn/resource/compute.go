package resource

import (
	"context"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func computeTypes() []Type {
	return []Type{{
		Name: "AWS::EC2::LaunchTemplate", Handler: launchTemplate{},
		Properties: props([]string{"LaunchTemplateData", "VersionDescription"}, []string{"LaunchTemplateName", "TagSpecifications"}),
		Required:   []string{"LaunchTemplateData"}, Attributes: []string{"LatestVersionNumber", "DefaultVersionNumber", "LaunchTemplateId"},
		Takes: 2 * time.Second, Deletes: time.Second,
	}}
}

// launchTemplate is AWS::EC2::LaunchTemplate.
type launchTemplate struct{ base }

func (c *Call) templateData() (*types.RequestLaunchTemplateData, error) {
	data := &types.RequestLaunchTemplateData{}
	return data, c.Properties.Object("LaunchTemplateData").Decode(data)
}

func versions(latest, standard *int64, id string) map[string]any {
	return map[string]any{
		"LatestVersionNumber": strconv.FormatInt(aws.ToInt64(latest), 10), "DefaultVersionNumber": strconv.FormatInt(aws.ToInt64(standard), 10),
		"LaunchTemplateId": id,
	}
}

func (launchTemplate) Create(ctx context.Context, c *Call) (Made, error) {
	data, err := c.templateData()
	if err != nil {
		return Made{}, err
	}
	in := &ec2.CreateLaunchTemplateInput{LaunchTemplateName: aws.String(c.named("LaunchTemplateName", longestPolicy)), LaunchTemplateData: data}
	if err := c.Properties.Only("VersionDescription", "TagSpecifications").Decode(in); err != nil {
		return Made{}, err
	}
	out, err := c.EC2.CreateLaunchTemplate(ctx, in)
	if err != nil {
		return Made{}, err
	}
	t := out.LaunchTemplate
	return Made{*t.LaunchTemplateId, versions(t.LatestVersionNumber, t.DefaultVersionNumber, *t.LaunchTemplateId)}, c.mark(*t.LaunchTemplateId)
}

// Update adds a version, as CloudFormation does; the default one stays.
func (launchTemplate) Update(ctx context.Context, c *Call) (Made, error) {
	made := Made{c.Physical, c.Attributes}
	data, err := c.templateData()
	if err != nil {
		return made, err
	}
	in := &ec2.CreateLaunchTemplateVersionInput{LaunchTemplateId: &c.Physical, LaunchTemplateData: data}
	if err := c.Properties.Only("VersionDescription").Decode(in); err != nil {
		return made, err
	}
	out, err := c.EC2.CreateLaunchTemplateVersion(ctx, in)
	if err != nil {
		return made, err
	}
	described, err := c.EC2.DescribeLaunchTemplates(ctx, &ec2.DescribeLaunchTemplatesInput{LaunchTemplateIds: []string{c.Physical}})
	if err != nil {
		return made, err
	}
	made.Attributes = versions(out.LaunchTemplateVersion.VersionNumber, described.LaunchTemplates[0].DefaultVersionNumber, c.Physical)
	return made, nil
}

func (launchTemplate) Delete(ctx context.Context, c *Call) error {
	_, err := c.EC2.DeleteLaunchTemplate(ctx, &ec2.DeleteLaunchTemplateInput{LaunchTemplateId: &c.Physical})
	return unlessGone(err)
}
