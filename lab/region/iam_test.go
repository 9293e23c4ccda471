package region_test

import (
	"fmt"
	"net/url"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/drover-project/drover/lab/region/iamapi"
)

const (
	trust       = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	permissions = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:DescribeInstances","Resource":"*"}]}`
)

// iamStep is one call in a story, and the code it answers.
type iamStep struct {
	name string
	call func(*iamapi.IAM) error
	code string
}

// done drops the answer of a call.
func done[T any](_ T, err error) error { return err }

func createProfile(name string) func(*iamapi.IAM) error {
	return func(s *iamapi.IAM) error {
		return done(s.CreateInstanceProfile(ctx(), &iam.CreateInstanceProfileInput{InstanceProfileName: &name}))
	}
}

func deleteProfile(name string) func(*iamapi.IAM) error {
	return func(s *iamapi.IAM) error {
		return done(s.DeleteInstanceProfile(ctx(), &iam.DeleteInstanceProfileInput{InstanceProfileName: &name}))
	}
}

func createRole(name, policy string) func(*iamapi.IAM) error {
	return func(s *iamapi.IAM) error {
		return done(s.CreateRole(ctx(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &policy}))
	}
}

func deleteRole(name string) func(*iamapi.IAM) error {
	return func(s *iamapi.IAM) error { return done(s.DeleteRole(ctx(), &iam.DeleteRoleInput{RoleName: &name})) }
}

func addRole(profile, role string) func(*iamapi.IAM) error {
	return func(s *iamapi.IAM) error {
		return done(s.AddRoleToInstanceProfile(ctx(), &iam.AddRoleToInstanceProfileInput{InstanceProfileName: &profile, RoleName: &role}))
	}
}

func removeRole(profile, role string) func(*iamapi.IAM) error {
	return func(s *iamapi.IAM) error {
		return done(s.RemoveRoleFromInstanceProfile(ctx(), &iam.RemoveRoleFromInstanceProfileInput{InstanceProfileName: &profile, RoleName: &role}))
	}
}

func createPolicy(name, document string) func(*iamapi.IAM) error {
	return func(s *iamapi.IAM) error {
		return done(s.CreatePolicy(ctx(), &iam.CreatePolicyInput{PolicyName: &name, PolicyDocument: &document}))
	}
}

func attach(role, arn string) func(*iamapi.IAM) error {
	return func(s *iamapi.IAM) error {
		return done(s.AttachRolePolicy(ctx(), &iam.AttachRolePolicyInput{RoleName: &role, PolicyArn: &arn}))
	}
}

func detach(role, arn string) func(*iamapi.IAM) error {
	return func(s *iamapi.IAM) error {
		return done(s.DetachRolePolicy(ctx(), &iam.DetachRolePolicyInput{RoleName: &role, PolicyArn: &arn}))
	}
}

func putInline(role, name, policy string) func(*iamapi.IAM) error {
	return func(s *iamapi.IAM) error {
		return done(s.PutRolePolicy(ctx(), &iam.PutRolePolicyInput{RoleName: &role, PolicyName: &name, PolicyDocument: &policy}))
	}
}

func deleteInline(role, name string) func(*iamapi.IAM) error {
	return func(s *iamapi.IAM) error {
		return done(s.DeleteRolePolicy(ctx(), &iam.DeleteRolePolicyInput{RoleName: &role, PolicyName: &name}))
	}
}

func TestInstanceProfilesAndRoles(t *testing.T) {
	t.Parallel()
	const policy = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"
	l := open(t, onDisk(t))
	for _, s := range []iamStep{
		{"a profile", createProfile("p"), ""},
		{"the same profile", createProfile("p"), "EntityAlreadyExists"},
		{"an unknown role into it", addRole("p", "none"), "NoSuchEntity"},
		{"a bad trust policy", createRole("r", "{"), "MalformedPolicyDocument"},
		{"a role", createRole("r", trust), ""},
		{"the same role", createRole("r", trust), "EntityAlreadyExists"},
		{"another role", createRole("r2", trust), ""},
		{"into an unknown profile", addRole("none", "r"), "NoSuchEntity"},
		{"the role into the profile", addRole("p", "r"), ""},
		{"a second role into it", addRole("p", "r2"), "LimitExceeded"},
		{"the same role again", addRole("p", "r"), "LimitExceeded"},
		{"delete the profile", deleteProfile("p"), "DeleteConflict"},
		{"delete the role", deleteRole("r"), "DeleteConflict"},
		{"take out another role", removeRole("p", "r2"), "NoSuchEntity"},
		{"take out the role", removeRole("p", "r"), ""},
		{"take it out again", removeRole("p", "r"), "NoSuchEntity"},
		{"another into it now", addRole("p", "r2"), ""},
		{"and out", removeRole("p", "r2"), ""},
		{"attach no policy", attach("r", "AmazonEKSWorkerNodePolicy"), "InvalidInput"},
		{"attach to no role", attach("none", policy), "NoSuchEntity"},
		{"attach", attach("r", policy), ""},
		{"attach again", attach("r", policy), ""},
		{"delete the role with a policy", deleteRole("r"), "DeleteConflict"},
		{"detach", detach("r", policy), ""},
		{"detach again", detach("r", policy), "NoSuchEntity"},
		{"a bad inline policy", putInline("r", "in", "no"), "MalformedPolicyDocument"},
		{"an inline policy", putInline("r", "in", permissions), ""},
		{"delete the role with it", deleteRole("r"), "DeleteConflict"},
		{"delete an unknown inline policy", deleteInline("r", "out"), "NoSuchEntity"},
		{"delete the inline policy", deleteInline("r", "in"), ""},
		{"delete the free role", deleteRole("r"), ""},
		{"delete it again", deleteRole("r"), "NoSuchEntity"},
		{"delete the free profile", deleteProfile("p"), ""},
		{"delete that again", deleteProfile("p"), "NoSuchEntity"},
	} {
		if got := codeOf(s.call(l.IAM())); got != s.code {
			t.Fatalf("%s: %q, want %q", s.name, got, s.code)
		}
		l.reopen()
	}
}

func TestGetInstanceProfile(t *testing.T) {
	t.Parallel()
	l := open(t)
	name := "KarpenterNodeInstanceProfile-" + clusterName
	p := must[*iam.GetInstanceProfileOutput](l)(l.IAM().GetInstanceProfile(ctx(), &iam.GetInstanceProfileInput{InstanceProfileName: &name})).InstanceProfile
	if len(p.Roles) != 1 || *p.Roles[0].RoleName != "KarpenterNodeRole-"+clusterName || *p.Arn != "arn:aws:iam::"+account+":instance-profile/"+name {
		t.Fatalf("got %s with %+v", *p.Arn, p.Roles)
	}
	document, err := url.PathUnescape(*p.Roles[0].AssumeRolePolicyDocument)
	if err != nil || document[0] != '{' {
		t.Errorf("trust policy %q: %v", *p.Roles[0].AssumeRolePolicyDocument, err)
	}
	_, err = l.IAM().GetInstanceProfile(ctx(), &iam.GetInstanceProfileInput{InstanceProfileName: aws.String("none")})
	refused(t, err, "NoSuchEntity")
	_, err = l.IAM().GetRole(ctx(), &iam.GetRoleInput{RoleName: aws.String("none")})
	refused(t, err, "NoSuchEntity")
	forRole := must[*iam.ListInstanceProfilesForRoleOutput](l)(l.IAM().ListInstanceProfilesForRole(ctx(), &iam.ListInstanceProfilesForRoleInput{RoleName: p.Roles[0].RoleName}))
	if len(forRole.InstanceProfiles) != 1 || *forRole.InstanceProfiles[0].InstanceProfileName != name {
		t.Errorf("profiles of the role: %+v", forRole.InstanceProfiles)
	}
	_, err = l.IAM().ListInstanceProfilesForRole(ctx(), &iam.ListInstanceProfilesForRoleInput{RoleName: aws.String("none")})
	refused(t, err, "NoSuchEntity")
}

func TestInstanceProfileTags(t *testing.T) {
	t.Parallel()
	l, name := open(t), aws.String("p")
	service := l.IAM()
	must[*iam.CreateInstanceProfileOutput](l)(service.CreateInstanceProfile(ctx(), &iam.CreateInstanceProfileInput{
		InstanceProfileName: name, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("b"), Value: aws.String("1")}},
	}))
	must[*iam.TagInstanceProfileOutput](l)(service.TagInstanceProfile(ctx(), &iam.TagInstanceProfileInput{
		InstanceProfileName: name, Tags: []types.Tag{{Key: aws.String("b"), Value: aws.String("2")}, {Key: aws.String("c"), Value: aws.String("")}},
	}))
	must[*iam.UntagInstanceProfileOutput](l)(service.UntagInstanceProfile(ctx(), &iam.UntagInstanceProfileInput{InstanceProfileName: name, TagKeys: []string{"a", "z"}}))
	out := must[*iam.ListInstanceProfileTagsOutput](l)(service.ListInstanceProfileTags(ctx(), &iam.ListInstanceProfileTagsInput{InstanceProfileName: name}))
	var got []string
	for _, tag := range out.Tags {
		got = append(got, *tag.Key+"="+*tag.Value)
	}
	if !slices.Equal(got, []string{"b=2", "c="}) {
		t.Errorf("tags %v", got)
	}
	for _, err := range []error{
		done(service.TagInstanceProfile(ctx(), &iam.TagInstanceProfileInput{InstanceProfileName: aws.String("none")})),
		done(service.UntagInstanceProfile(ctx(), &iam.UntagInstanceProfileInput{InstanceProfileName: aws.String("none")})),
		done(service.ListInstanceProfileTags(ctx(), &iam.ListInstanceProfileTagsInput{InstanceProfileName: aws.String("none")})),
	} {
		refused(t, err, "NoSuchEntity")
	}
	var many []types.Tag
	for n := range 51 {
		many = append(many, types.Tag{Key: aws.String(fmt.Sprint(n)), Value: aws.String("")})
	}
	_, err := service.TagInstanceProfile(ctx(), &iam.TagInstanceProfileInput{InstanceProfileName: name, Tags: many})
	refused(t, err, "LimitExceeded")
}

func TestIAMPages(t *testing.T) {
	t.Parallel()
	l := open(t)
	for n := range 5 {
		refused(t, createProfile(fmt.Sprint("p", n))(l.IAM()), "")
		refused(t, createRole(fmt.Sprint("r", n), trust)(l.IAM()), "")
		refused(t, createPolicy(fmt.Sprint("P", n), permissions)(l.IAM()), "")
		refused(t, attach("r0", fmt.Sprint("arn:aws:iam::", account, ":policy/P", n))(l.IAM()), "")
		refused(t, putInline("r0", fmt.Sprint("in", n), permissions)(l.IAM()), "")
	}
	role := aws.String("r0")
	for name, c := range map[string]struct {
		page func(limit *int32, marker *string) (names []string, next *string, truncated bool, err error)
		want int
	}{
		"instance profiles": {func(limit *int32, marker *string) ([]string, *string, bool, error) {
			out, err := l.IAM().ListInstanceProfiles(ctx(), &iam.ListInstanceProfilesInput{MaxItems: limit, Marker: marker})
			if err != nil {
				return nil, nil, false, err
			}
			return each(out.InstanceProfiles, func(p types.InstanceProfile) *string { return p.InstanceProfileName }), out.Marker, out.IsTruncated, nil
		}, 5 + 1},
		"roles": {func(limit *int32, marker *string) ([]string, *string, bool, error) {
			out, err := l.IAM().ListRoles(ctx(), &iam.ListRolesInput{MaxItems: limit, Marker: marker})
			if err != nil {
				return nil, nil, false, err
			}
			return each(out.Roles, func(r types.Role) *string { return r.RoleName }), out.Marker, out.IsTruncated, nil
		}, 5 + 3},
		"attached policies": {func(limit *int32, marker *string) ([]string, *string, bool, error) {
			out, err := l.IAM().ListAttachedRolePolicies(ctx(), &iam.ListAttachedRolePoliciesInput{RoleName: role, MaxItems: limit, Marker: marker})
			if err != nil {
				return nil, nil, false, err
			}
			return each(out.AttachedPolicies, func(p types.AttachedPolicy) *string { return p.PolicyArn }), out.Marker, out.IsTruncated, nil
		}, 5},
		"inline policies": {func(limit *int32, marker *string) ([]string, *string, bool, error) {
			out, err := l.IAM().ListRolePolicies(ctx(), &iam.ListRolePoliciesInput{RoleName: role, MaxItems: limit, Marker: marker})
			if err != nil {
				return nil, nil, false, err
			}
			return out.PolicyNames, out.Marker, out.IsTruncated, nil
		}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			whole, _, truncated, err := c.page(nil, nil)
			if err != nil || truncated || len(whole) < c.want {
				t.Fatalf("%d items, truncated %v, %v; want %d", len(whole), truncated, err, c.want)
			}
			var got []string
			var marker *string
			for more := true; more; {
				page, next, truncated, err := c.page(aws.Int32(2), marker)
				if err != nil || len(page) > 2 || truncated != (next != nil) {
					t.Fatalf("a page of %d, truncated %v, marker %v: %v", len(page), truncated, next, err)
				}
				got, marker, more = append(got, page...), next, truncated
			}
			if !slices.Equal(got, whole) {
				t.Errorf("in pages %v, otherwise %v", got, whole)
			}
			_, _, _, err = c.page(nil, aws.String("made-up"))
			refused(t, err, "ValidationError")
		})
	}
}
