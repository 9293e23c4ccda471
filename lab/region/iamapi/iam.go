// Package iamapi is the account's Identity and Access Management, as far as
// clusters need it: roles, policies, instance profiles and identity providers.
// Policies are kept, not enforced; trust policies are, by STS.
package iamapi

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// IAM implements the operations of the service, one method for each.
type IAM struct {
	world *world.World
}

// New makes the service of the account.
func New(w *world.World) *IAM { return &IAM{world: w} }

const (
	notFound = 404
	conflict = 409
)

func noProfile(name string) error {
	return awserr.WithStatus(notFound, "NoSuchEntity", "Instance Profile %s cannot be found.", name)
}

func noRole(name string) error {
	return awserr.WithStatus(notFound, "NoSuchEntity", "The role with name %s cannot be found.", name)
}

func protected(role string) error {
	return awserr.New("UnmodifiableEntity", "Cannot perform the operation on the protected role '%s' - this role is only modifiable by AWS", role)
}

func (i *IAM) arn(kind, path, name string) *string {
	return aws.String(fmt.Sprintf("arn:aws:iam::%s:%s%s%s", i.world.Options.Account, kind, path, name))
}

// updateRole changes one role in one transaction.
func (i *IAM) updateRole(name *string, change func(*world.Role) error) error {
	return i.world.Store.Update(func(tx *store.Tx) error {
		r, found := i.world.Roles.Get(aws.ToString(name))
		if !found {
			return noRole(aws.ToString(name))
		}
		if isLinked(r) {
			return protected(r.Name)
		}
		if err := change(&r); err != nil {
			return err
		}
		return i.world.Roles.Put(tx, r.Name, r)
	})
}

// updateProfile changes one instance profile in one transaction.
func (i *IAM) updateProfile(name *string, change func(*world.Profile) error) error {
	return i.world.Store.Update(func(tx *store.Tx) error {
		p, found := i.world.Profiles.Get(aws.ToString(name))
		if !found {
			return noProfile(aws.ToString(name))
		}
		if err := change(&p); err != nil {
			return err
		}
		return i.world.Profiles.Put(tx, p.Name, p)
	})
}

func (i *IAM) role(r world.Role) *types.Role {
	return &types.Role{
		RoleName: aws.String(r.Name), RoleId: aws.String(r.ID), Path: aws.String(r.Path), Arn: i.arn("role", r.Path, r.Name),
		AssumeRolePolicyDocument: encoded(r.TrustPolicy),
		CreateDate:               aws.Time(r.Created), Description: optional(r.Description),
		MaxSessionDuration: aws.Int32(r.MaxSessionSeconds), Tags: tagList(r.Tags), PermissionsBoundary: boundary(r.Boundary),
	}
}

// encoded is a document as IAM gives it: percent-encoded (RFC 3986).
func encoded(document string) *string {
	return aws.String(strings.ReplaceAll(url.QueryEscape(document), "+", "%20"))
}

func boundary(arn string) *types.AttachedPermissionsBoundary {
	if arn == "" {
		return nil
	}
	return &types.AttachedPermissionsBoundary{
		PermissionsBoundaryArn: &arn, PermissionsBoundaryType: types.PermissionsBoundaryAttachmentTypePolicy,
	}
}

// digest is 16 characters, as ids have them, that follow from a name.
func digest(name string) string {
	sum := sha256.Sum256([]byte(name))
	return base32.StdEncoding.EncodeToString(sum[:])[:16]
}

// without is a copy of tags that lacks some.
func without(tags world.Tags, keys []string) world.Tags {
	left := tags.With(nil)
	for _, key := range keys {
		delete(left, key)
	}
	return left
}

func hasPrefix(path string, prefix *string) bool {
	return strings.HasPrefix(path, aws.ToString(prefix))
}

func (i *IAM) profile(p world.Profile) *types.InstanceProfile {
	out := &types.InstanceProfile{
		InstanceProfileName: aws.String(p.Name), InstanceProfileId: aws.String(p.ID), Path: aws.String(p.Path),
		Arn: i.arn("instance-profile", p.Path, p.Name), CreateDate: aws.Time(p.Created), Tags: tagList(p.Tags), Roles: []types.Role{},
	}
	for _, name := range p.Roles {
		if r, found := i.world.Roles.Get(name); found {
			out.Roles = append(out.Roles, *i.role(r))
		}
	}
	return out
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func tagList(tags world.Tags) []types.Tag {
	var list []types.Tag
	for _, key := range tags.Keys() {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
	}
	return list
}

const mostTags = 50

// readTags adds tags to others, which stay as they are.
func readTags(before world.Tags, list []types.Tag) (world.Tags, error) {
	tags := before.With(nil)
	for _, t := range list {
		if aws.ToString(t.Key) == "" {
			return nil, awserr.New("ValidationError", "A tag needs a key of 1 to 128 characters")
		}
		tags[*t.Key] = aws.ToString(t.Value)
	}
	if len(tags) > mostTags {
		return nil, awserr.WithStatus(conflict, "LimitExceeded", "The number of tags has reached the maximum limit of %d", mostTags)
	}
	return tags, nil
}

// page is awswire.Page with IAM's codes.
func page[T any](items []T, token *string, limit *int32) (part []T, next *string, err error) {
	const usual, most = 100, 1000
	if limit == nil {
		limit = aws.Int32(usual)
	}
	if *limit < 1 || *limit > most {
		return nil, nil, awserr.New("ValidationError", "1 validation error detected: Value '%d' at 'maxItems' failed to satisfy constraint: Member must have value between 1 and %d", *limit, most)
	}
	part, next, err = awswire.Page(items, token, limit)
	return part, next, awserr.Translate(err, map[string]string{"InvalidNextToken": "ValidationError", "InvalidParameterValue": "ValidationError"})
}

// supported is awswire.Supported with IAM's code.
func supported(in any, honoured ...string) error {
	return awserr.Translate(awswire.Supported(in, honoured...), map[string]string{"UnsupportedOperation": "ValidationError"})
}
