package ec2api

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/awswire/ec2filter"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

var templateName = regexp.MustCompile(`^[a-zA-Z0-9()./_-]{3,128}$`)

// CreateLaunchTemplate makes a launch template with its first version.
func (e *EC2) CreateLaunchTemplate(_ context.Context, in *ec2.CreateLaunchTemplateInput) (*ec2.CreateLaunchTemplateOutput, error) {
	if err := awswire.Supported(in, "LaunchTemplateData", "LaunchTemplateName", "ClientToken", "DryRun", "TagSpecifications", "VersionDescription"); err != nil {
		return nil, err
	}
	if err := e.checkNewTemplate(in); err != nil {
		return nil, err
	}
	tags, err := tagsFor(types.ResourceTypeLaunchTemplate, tagSpecs(in.TagSpecifications))
	if err != nil {
		return nil, err
	}
	token := tokenOf("CreateLaunchTemplate", in.ClientToken, *in)
	out := &ec2.CreateLaunchTemplateOutput{}
	err = e.world.Store.Update(func(tx *store.Tx) error {
		if found, err := e.answered(token, in.DryRun, out); found || err != nil {
			return err
		}
		if _, exists := e.templateByName(*in.LaunchTemplateName); exists {
			return awserr.New("InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use.")
		}
		if err := dryRun(in.DryRun); err != nil {
			return err
		}
		t := world.LaunchTemplate{Name: *in.LaunchTemplateName, CreatedBy: e.creator(), Created: e.world.Clock.Now(), Default: 1}
		var err error
		if t.ID, err = e.world.NewID(tx, "lt-"); err != nil {
			return err
		}
		if err := e.addVersion(&t, *in.LaunchTemplateData, aws.ToString(in.VersionDescription)); err != nil {
			return err
		}
		if err := e.world.SetTags(tx, t.ID, tags); err != nil {
			return err
		}
		if err := e.world.Templates.Put(tx, t.ID, t); err != nil {
			return err
		}
		described := e.template(t)
		out.LaunchTemplate = &described
		return e.world.Remember(tx, token, out)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (e *EC2) checkNewTemplate(in *ec2.CreateLaunchTemplateInput) error {
	if in.LaunchTemplateData == nil {
		return missing("LaunchTemplateData")
	}
	if name := aws.ToString(in.LaunchTemplateName); !templateName.MatchString(name) {
		return awserr.New("InvalidLaunchTemplateName.MalformedException",
			"A launch template name must be between 3 and 128 characters, and may contain letters, numbers, and the following characters: - ( ) . / _.")
	}
	if err := checkTagSpecs(tagSpecs(in.TagSpecifications), types.ResourceTypeLaunchTemplate); err != nil {
		return err
	}
	return e.checkTemplateData(*in.LaunchTemplateData)
}

func (e *EC2) checkTemplateData(d types.RequestLaunchTemplateData) error {
	if err := checkTagSpecs(templateTagSpecs(d.TagSpecifications), types.ResourceTypeInstance, types.ResourceTypeVolume,
		types.ResourceTypeNetworkInterface, types.ResourceTypeSpotInstancesRequest); err != nil {
		return err
	}
	return checkLaunchData(d)
}

// creator is the ARN that versions say they were created by.
func (e *EC2) creator() string {
	return fmt.Sprintf("arn:aws:iam::%s:user/lab", e.world.Options.Account)
}

// addVersion appends the next version to a template.
func (e *EC2) addVersion(t *world.LaunchTemplate, d types.RequestLaunchTemplateData, description string) error {
	data, err := json.Marshal(d)
	if err != nil {
		return err
	}
	t.Latest++
	t.Versions = append(t.Versions[:len(t.Versions):len(t.Versions)], world.TemplateVersion{
		Number: t.Latest, Description: description, CreatedBy: e.creator(), Created: e.world.Clock.Now(), Data: data,
	})
	return nil
}

func (e *EC2) template(t world.LaunchTemplate) types.LaunchTemplate {
	return types.LaunchTemplate{
		LaunchTemplateId: aws.String(t.ID), LaunchTemplateName: aws.String(t.Name), CreateTime: aws.Time(t.Created), CreatedBy: aws.String(t.CreatedBy),
		DefaultVersionNumber: aws.Int64(t.Default), LatestVersionNumber: aws.Int64(t.Latest), Tags: e.tagsOf(t.ID),
	}
}

func (e *EC2) templateByName(name string) (world.LaunchTemplate, bool) {
	for _, t := range e.world.Templates.All() {
		if t.Name == name {
			return t, true
		}
	}
	return world.LaunchTemplate{}, false
}

// findTemplate finds a template by id or name, exactly one of which must be set.
func (e *EC2) findTemplate(id, name *string) (world.LaunchTemplate, error) {
	switch {
	case aws.ToString(id) != "" && aws.ToString(name) != "":
		return world.LaunchTemplate{}, invalidCombination("You must specify either the launch template ID or the launch template name, but not both.")
	case aws.ToString(id) != "":
		if err := malformed("InvalidLaunchTemplateId.Malformed", *id, "lt-"); err != nil {
			return world.LaunchTemplate{}, err
		}
		if t, found := e.world.Templates.Get(*id); found {
			return t, nil
		}
		return world.LaunchTemplate{}, awserr.New("InvalidLaunchTemplateId.NotFound", "The specified launch template, with template ID %s, does not exist.", *id)
	case aws.ToString(name) != "":
		if t, found := e.templateByName(*name); found {
			return t, nil
		}
		return world.LaunchTemplate{}, awserr.New("InvalidLaunchTemplateName.NotFoundException", "The specified launch template, with template name %s, does not exist.", *name)
	}
	return world.LaunchTemplate{}, missing("LaunchTemplateId or LaunchTemplateName")
}

// DescribeLaunchTemplates lists launch templates.
func (e *EC2) DescribeLaunchTemplates(_ context.Context, in *ec2.DescribeLaunchTemplatesInput) (*ec2.DescribeLaunchTemplatesOutput, error) {
	if err := awswire.Supported(in, "DryRun", "Filters", "LaunchTemplateIds", "LaunchTemplateNames", "MaxResults", "NextToken"); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	var list []types.LaunchTemplate
	var err error
	e.world.Store.View(func() {
		var found []world.LaunchTemplate
		if found, err = e.selectTemplates(in); err != nil {
			return
		}
		for _, t := range found {
			list = append(list, e.template(t))
		}
	})
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeLaunchTemplatesOutput{}
	out.LaunchTemplates, out.NextToken, err = page(list, in.NextToken, in.MaxResults, bounds{1, 200})
	return out, err
}

func (e *EC2) selectTemplates(in *ec2.DescribeLaunchTemplatesInput) ([]world.LaunchTemplate, error) {
	for _, id := range in.LaunchTemplateIds {
		if err := malformed("InvalidLaunchTemplateId.Malformed", id, "lt-"); err != nil {
			return nil, err
		}
	}
	found := e.world.Templates.All()
	found, err := byIDs(found, in.LaunchTemplateIds, func(t world.LaunchTemplate) string { return t.ID },
		"InvalidLaunchTemplateId.NotFound", "The specified launch template, with template ID %s, does not exist.")
	if err != nil {
		return nil, err
	}
	if found, err = byIDs(found, in.LaunchTemplateNames, func(t world.LaunchTemplate) string { return t.Name },
		"InvalidLaunchTemplateName.NotFoundException", "At least one of the launch templates specified in the request does not exist: %s."); err != nil {
		return nil, err
	}
	return ec2filter.Set[world.LaunchTemplate]{
		Fields: map[string]func(world.LaunchTemplate) []string{
			"launch-template-name": func(t world.LaunchTemplate) []string { return []string{t.Name} },
			"create-time":          func(t world.LaunchTemplate) []string { return []string{timestamp(t.Created)} },
		},
		Tags: func(t world.LaunchTemplate) []types.Tag { return e.tagsOf(t.ID) },
	}.Select(found, in.Filters)
}

// DeleteLaunchTemplate deletes a launch template with all its versions.
func (e *EC2) DeleteLaunchTemplate(_ context.Context, in *ec2.DeleteLaunchTemplateInput) (*ec2.DeleteLaunchTemplateOutput, error) {
	out := &ec2.DeleteLaunchTemplateOutput{}
	err := e.world.Store.Update(func(tx *store.Tx) error {
		t, err := e.findTemplate(in.LaunchTemplateId, in.LaunchTemplateName)
		if err != nil {
			return err
		}
		if err := dryRun(in.DryRun); err != nil {
			return err
		}
		described := e.template(t)
		out.LaunchTemplate = &described
		e.world.Templates.Delete(tx, t.ID)
		return e.world.SetTags(tx, t.ID, nil)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
