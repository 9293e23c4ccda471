package ec2api

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/awswire/ec2filter"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// CreateLaunchTemplateVersion adds a version, based on another when it names one.
func (e *EC2) CreateLaunchTemplateVersion(_ context.Context, in *ec2.CreateLaunchTemplateVersionInput) (*ec2.CreateLaunchTemplateVersionOutput, error) {
	if err := awswire.Supported(in, "LaunchTemplateData", "ClientToken", "DryRun", "LaunchTemplateId", "LaunchTemplateName", "SourceVersion", "VersionDescription"); err != nil {
		return nil, err
	}
	if in.LaunchTemplateData == nil {
		return nil, missing("LaunchTemplateData")
	}
	if err := e.checkTemplateData(*in.LaunchTemplateData); err != nil {
		return nil, err
	}
	token := tokenOf("CreateLaunchTemplateVersion", in.ClientToken, *in)
	out := &ec2.CreateLaunchTemplateVersionOutput{}
	err := e.world.Store.Update(func(tx *store.Tx) error {
		if found, err := e.answered(token, in.DryRun, out); found || err != nil {
			return err
		}
		t, err := e.findTemplate(in.LaunchTemplateId, in.LaunchTemplateName)
		if err != nil {
			return err
		}
		data, err := e.basedOn(t, in.SourceVersion, *in.LaunchTemplateData)
		if err != nil {
			return err
		}
		if err := dryRun(in.DryRun); err != nil {
			return err
		}
		if err := e.addVersion(&t, data, aws.ToString(in.VersionDescription)); err != nil {
			return err
		}
		if err := e.world.Templates.Put(tx, t.ID, t); err != nil {
			return err
		}
		described, err := describeVersion(t, t.Versions[len(t.Versions)-1])
		if err != nil {
			return err
		}
		out.LaunchTemplateVersion = &described
		return e.world.Remember(tx, token, out)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (e *EC2) basedOn(t world.LaunchTemplate, source *string, d types.RequestLaunchTemplateData) (types.RequestLaunchTemplateData, error) {
	if aws.ToString(source) == "" {
		return d, nil
	}
	v, err := versionOf(t, *source)
	if err != nil {
		return d, err
	}
	base, err := dataOf(v)
	if err != nil {
		return d, err
	}
	both, err := overlay(base, d)
	if err != nil {
		return d, err
	}
	return both, e.checkTemplateData(both)
}

// versionOf finds a version by its number, $Latest or $Default; empty is $Default.
func versionOf(t world.LaunchTemplate, version string) (world.TemplateVersion, error) {
	number := t.Default
	switch version {
	case "", "$Default":
	case "$Latest":
		number = t.Latest
	default:
		var err error
		if number, err = strconv.ParseInt(version, 10, 64); err != nil {
			return world.TemplateVersion{}, awserr.New("InvalidLaunchTemplateId.VersionNotFound",
				"Invalid launch template version: '%s' is neither a number nor $Latest nor $Default.", version)
		}
	}
	v, found := t.Version(number)
	if !found {
		return v, awserr.New("InvalidLaunchTemplateId.VersionNotFound",
			"Could not find the specified version %s for the launch template with ID %s.", version, t.ID)
	}
	return v, nil
}

func dataOf(v world.TemplateVersion) (d types.RequestLaunchTemplateData, err error) {
	err = json.Unmarshal(v.Data, &d)
	return d, err
}

// describeVersion answers with the data of the request, whose fields have the
// same names in the answer.
func describeVersion(t world.LaunchTemplate, v world.TemplateVersion) (types.LaunchTemplateVersion, error) {
	data := &types.ResponseLaunchTemplateData{}
	if err := json.Unmarshal(v.Data, data); err != nil {
		return types.LaunchTemplateVersion{}, err
	}
	return types.LaunchTemplateVersion{
		LaunchTemplateId: aws.String(t.ID), LaunchTemplateName: aws.String(t.Name), VersionNumber: aws.Int64(v.Number),
		VersionDescription: optional(v.Description), CreateTime: aws.Time(v.Created), CreatedBy: aws.String(v.CreatedBy),
		DefaultVersion: aws.Bool(v.Number == t.Default), LaunchTemplateData: data,
	}, nil
}

// DescribeLaunchTemplateVersions lists the versions of one template, or the
// default or latest ones of all.
func (e *EC2) DescribeLaunchTemplateVersions(_ context.Context, in *ec2.DescribeLaunchTemplateVersionsInput) (*ec2.DescribeLaunchTemplateVersionsOutput, error) {
	if err := awswire.Supported(in, "DryRun", "Filters", "LaunchTemplateId", "LaunchTemplateName", "MaxResults", "MinVersion", "MaxVersion", "NextToken", "Versions"); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	var list []types.LaunchTemplateVersion
	var err error
	e.world.Store.View(func() { list, err = e.listVersions(in) })
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeLaunchTemplateVersionsOutput{}
	out.LaunchTemplateVersions, out.NextToken, err = page(list, in.NextToken, in.MaxResults, bounds{1, 200})
	return out, err
}

func (e *EC2) listVersions(in *ec2.DescribeLaunchTemplateVersionsInput) ([]types.LaunchTemplateVersion, error) {
	templates := e.world.Templates.All()
	if in.LaunchTemplateId != nil || in.LaunchTemplateName != nil {
		t, err := e.findTemplate(in.LaunchTemplateId, in.LaunchTemplateName)
		if err != nil {
			return nil, err
		}
		templates = []world.LaunchTemplate{t}
	} else if len(in.Versions) == 0 {
		return nil, missing("LaunchTemplateId, LaunchTemplateName or Versions")
	}
	var list []types.LaunchTemplateVersion
	for _, t := range templates {
		versions, err := wantedVersions(t, in)
		if err != nil {
			return nil, err
		}
		for _, v := range versions {
			described, err := describeVersion(t, v)
			if err != nil {
				return nil, err
			}
			list = append(list, described)
		}
	}
	return versionFilters().Select(list, in.Filters)
}

// wantedVersions are the versions asked for, the latest first.
func wantedVersions(t world.LaunchTemplate, in *ec2.DescribeLaunchTemplateVersionsInput) ([]world.TemplateVersion, error) {
	var wanted []world.TemplateVersion
	for _, version := range in.Versions {
		v, err := versionOf(t, version)
		if err != nil {
			return nil, err
		}
		wanted = append(wanted, v)
	}
	if len(in.Versions) > 0 {
		return wanted, nil
	}
	lowest, err := versionBound(in.MinVersion, 1)
	if err != nil {
		return nil, err
	}
	highest, err := versionBound(in.MaxVersion, t.Latest)
	if err != nil {
		return nil, err
	}
	for i := len(t.Versions) - 1; i >= 0; i-- {
		if number := t.Versions[i].Number; number >= lowest && number <= highest {
			wanted = append(wanted, t.Versions[i])
		}
	}
	return wanted, nil
}

func versionBound(asked *string, otherwise int64) (int64, error) {
	if aws.ToString(asked) == "" {
		return otherwise, nil
	}
	number, err := strconv.ParseInt(*asked, 10, 64)
	if err != nil {
		return 0, invalid("Invalid launch template version '%s': use a number", *asked)
	}
	return number, nil
}

func versionFilters() ec2filter.Set[types.LaunchTemplateVersion] {
	text := func(value func(types.LaunchTemplateVersion) string) func(types.LaunchTemplateVersion) []string {
		return func(v types.LaunchTemplateVersion) []string { return []string{value(v)} }
	}
	return ec2filter.Set[types.LaunchTemplateVersion]{Fields: map[string]func(types.LaunchTemplateVersion) []string{
		"image-id":           text(func(v types.LaunchTemplateVersion) string { return aws.ToString(v.LaunchTemplateData.ImageId) }),
		"instance-type":      text(func(v types.LaunchTemplateVersion) string { return string(v.LaunchTemplateData.InstanceType) }),
		"is-default-version": text(func(v types.LaunchTemplateVersion) string { return strconv.FormatBool(aws.ToBool(v.DefaultVersion)) }),
	}}
}

// ModifyLaunchTemplate changes which version is the default.
func (e *EC2) ModifyLaunchTemplate(_ context.Context, in *ec2.ModifyLaunchTemplateInput) (*ec2.ModifyLaunchTemplateOutput, error) {
	out := &ec2.ModifyLaunchTemplateOutput{}
	err := e.world.Store.Update(func(tx *store.Tx) error {
		t, err := e.findTemplate(in.LaunchTemplateId, in.LaunchTemplateName)
		if err != nil {
			return err
		}
		v, err := versionOf(t, aws.ToString(in.DefaultVersion))
		if err != nil {
			return err
		}
		if err := dryRun(in.DryRun); err != nil {
			return err
		}
		t.Default = v.Number
		described := e.template(t)
		out.LaunchTemplate = &described
		return e.world.Templates.Put(tx, t.ID, t)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
