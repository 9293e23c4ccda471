package aws

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"path"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/internal/cloud"
)

// EnsureInstanceProfile implements cloud.Provider. A class's profile is named
// CLUSTER_HASH, where the hash is of region, class and role: asking again finds
// the same profile, and another role gets another one, so that running nodes
// keep the role they were launched with.
func (p *Provider) EnsureInstanceProfile(ctx context.Context, class *ec2v1.EC2NodeClass) (string, error) {
	if given := sdk.ToString(class.Spec.InstanceProfile); given != "" {
		return given, p.checkProfile(ctx, given)
	}
	if class.Spec.Role == "" {
		return "", &cloud.TerminalError{Reason: "RoleMissing", Err: errors.New("spec.role or spec.instanceProfile must be set")}
	}
	// IAM has no compare-and-swap: two at once could each see a profile without a role.
	p.profileLock.Lock()
	defer p.profileLock.Unlock()
	name := p.profileName(class)
	profile, err := p.getOrCreateProfile(ctx, class, name)
	if err != nil {
		return "", err
	}
	return name, p.ensureRole(ctx, profile, class.Spec.Role)
}

func (p *Provider) checkProfile(ctx context.Context, name string) error {
	_, err := p.clients.IAM.GetInstanceProfile(ctx, &iam.GetInstanceProfileInput{InstanceProfileName: &name})
	if isNotFoundCode(errorCode(err)) {
		return &cloud.TerminalError{Reason: "InstanceProfileNotFound",
			Err: fmt.Errorf("spec.instanceProfile %q does not exist; create it, or set spec.role to have one made: %w", name, err)}
	}
	return classify(err, fmt.Sprintf("getting instance profile %q", name))
}

func (p *Provider) profileName(class *ec2v1.EC2NodeClass) string {
	hash := fnv.New64a()
	fmt.Fprintf(hash, "%s/%s/%s", p.region, class.Name, class.Spec.Role)
	return fmt.Sprintf("%s_%d", p.cluster.Name, hash.Sum64())
}

// profilePath groups the profiles of one NodeClass.
func (p *Provider) profilePath(class *ec2v1.EC2NodeClass) string {
	return fmt.Sprintf("/karpenter/%s/%s/%s/", p.region, p.cluster.Name, class.UID)
}

func (p *Provider) getOrCreateProfile(ctx context.Context, class *ec2v1.EC2NodeClass, name string) (*iamtypes.InstanceProfile, error) {
	found, err := p.clients.IAM.GetInstanceProfile(ctx, &iam.GetInstanceProfileInput{InstanceProfileName: &name})
	if err == nil {
		return found.InstanceProfile, nil
	}
	if !isNotFoundCode(errorCode(err)) {
		return nil, classify(err, fmt.Sprintf("getting instance profile %q", name))
	}
	created, err := p.clients.IAM.CreateInstanceProfile(ctx, &iam.CreateInstanceProfileInput{
		InstanceProfileName: &name,
		Path:                sdk.String(p.profilePath(class)),
		Tags:                iamTags(p.profileTags(class)),
	})
	if errorCode(err) == "EntityAlreadyExists" {
		// Made by another replica, or by a call whose answer was lost.
		found, err = p.clients.IAM.GetInstanceProfile(ctx, &iam.GetInstanceProfileInput{InstanceProfileName: &name})
		if err != nil {
			return nil, classify(err, fmt.Sprintf("getting instance profile %q", name))
		}
		return found.InstanceProfile, nil
	}
	if err != nil {
		return nil, classify(err, fmt.Sprintf("creating instance profile %q", name))
	}
	return created.InstanceProfile, nil
}

func (p *Provider) profileTags(class *ec2v1.EC2NodeClass) map[string]string {
	tags := map[string]string{}
	for key, value := range class.Spec.Tags {
		tags[key] = value
	}
	for key, value := range p.ownerTags(class) {
		tags[key] = value
	}
	tags[corev1.LabelTopologyRegion] = p.region
	return tags
}

func iamTags(tags map[string]string) []iamtypes.Tag {
	list := make([]iamtypes.Tag, 0, len(tags))
	for _, tag := range ec2Tags(tags) {
		list = append(list, iamtypes.Tag{Key: tag.Key, Value: tag.Value})
	}
	return list
}

// ensureRole makes role the one role of the profile. A role's path is not part
// of the name that IAM's calls take.
func (p *Provider) ensureRole(ctx context.Context, profile *iamtypes.InstanceProfile, role string) error {
	role = path.Base(role)
	for _, present := range profile.Roles {
		if sdk.ToString(present.RoleName) == role {
			return nil
		}
		if err := p.removeRole(ctx, profile.InstanceProfileName, present.RoleName); err != nil {
			return err
		}
	}
	_, err := p.clients.IAM.AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{
		InstanceProfileName: profile.InstanceProfileName, RoleName: &role,
	})
	// A profile holds one role: another replica was faster. The next call sees which.
	if errorCode(err) == "LimitExceeded" {
		return fmt.Errorf("instance profile %q already got a role: %w", sdk.ToString(profile.InstanceProfileName), err)
	}
	if isNotFoundCode(errorCode(err)) {
		return &cloud.TerminalError{Reason: "RoleNotFound",
			Err: fmt.Errorf("spec.role %q does not exist; create the node role or correct the name: %w", role, err)}
	}
	return classify(err, fmt.Sprintf("adding role %q to instance profile %q", role, sdk.ToString(profile.InstanceProfileName)))
}

func (p *Provider) removeRole(ctx context.Context, profile, role *string) error {
	_, err := p.clients.IAM.RemoveRoleFromInstanceProfile(ctx, &iam.RemoveRoleFromInstanceProfileInput{
		InstanceProfileName: profile, RoleName: role,
	})
	if isNotFoundCode(errorCode(err)) {
		return nil
	}
	return classify(err, fmt.Sprintf("removing role %q from instance profile %q", sdk.ToString(role), sdk.ToString(profile)))
}

// DeleteNodeClassResources implements cloud.Provider. It may be repeated.
func (p *Provider) DeleteNodeClassResources(ctx context.Context, class *ec2v1.EC2NodeClass) error {
	p.catalogs.forget(class.Name)
	if err := p.templates.deleteAll(ctx, p.cluster.Name, class.Name); err != nil {
		return err
	}
	p.profileLock.Lock()
	defer p.profileLock.Unlock()
	pages := iam.NewListInstanceProfilesPaginator(p.clients.IAM, &iam.ListInstanceProfilesInput{PathPrefix: sdk.String(p.profilePath(class))})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return classify(err, fmt.Sprintf("listing the instance profiles of EC2NodeClass %q", class.Name))
		}
		for _, profile := range page.InstanceProfiles {
			if err := p.deleteProfile(ctx, profile); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *Provider) deleteProfile(ctx context.Context, profile iamtypes.InstanceProfile) error {
	for _, role := range profile.Roles {
		if err := p.removeRole(ctx, profile.InstanceProfileName, role.RoleName); err != nil {
			return err
		}
	}
	_, err := p.clients.IAM.DeleteInstanceProfile(ctx, &iam.DeleteInstanceProfileInput{InstanceProfileName: profile.InstanceProfileName})
	if isNotFoundCode(errorCode(err)) {
		return nil
	}
	return classify(err, fmt.Sprintf("deleting instance profile %q", sdk.ToString(profile.InstanceProfileName)))
}
