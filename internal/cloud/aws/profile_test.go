package aws

import (
	"errors"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"

	"github.com/drover-project/drover/internal/cloud"
)

func TestInstanceProfileIsMadeOnce(t *testing.T) {
	w := newWorld(t)
	class := nodeClass()
	class.Spec.Role = "path/to/node-role"
	name, err := w.EnsureInstanceProfile(t.Context(), class)
	if err != nil {
		t.Fatal(err)
	}
	profile := w.iam.profiles[name]
	if !strings.HasPrefix(name, "demo_") || *profile.Path != "/karpenter/us-west-2/demo/uid-of-default/" || *profile.Roles[0].RoleName != "node-role" {
		t.Errorf("profile %s is %+v", name, profile)
	}
	tags := map[string]string{}
	for _, tag := range profile.Tags {
		tags[*tag.Key] = *tag.Value
	}
	for key, want := range map[string]string{
		"kubernetes.io/cluster/demo": "owned", "eks:eks-cluster-name": "demo", "karpenter.k8s.aws/ec2nodeclass": "default",
		"topology.kubernetes.io/region": "us-west-2", "team": "a",
	} {
		if tags[key] != want {
			t.Errorf("tag %s is %q, want %q", key, tags[key], want)
		}
	}
	// Another replica made it between our look and our call.
	w.iam.hidden = true
	again, err := w.connect(t).EnsureInstanceProfile(t.Context(), class)
	if err != nil || again != name || len(w.iam.profiles) != 1 {
		t.Errorf("a second call gave %q, %v with %d profiles", again, err, len(w.iam.profiles))
	}
}

func TestInstanceProfileIsMendedAfterACrash(t *testing.T) {
	w := newWorld(t)
	class := nodeClass()
	name, err := w.EnsureInstanceProfile(t.Context(), class)
	if err != nil {
		t.Fatal(err)
	}
	w.iam.profiles[name].Roles = nil
	if _, err := w.connect(t).EnsureInstanceProfile(t.Context(), class); err != nil || len(w.iam.profiles[name].Roles) != 1 {
		t.Errorf("the role was not added: %v", err)
	}
}

func TestInstanceProfileOfAnotherRoleIsAnother(t *testing.T) {
	w := newWorld(t)
	class := nodeClass()
	first, err := w.EnsureInstanceProfile(t.Context(), class)
	if err != nil {
		t.Fatal(err)
	}
	class.Spec.Role = "other-role"
	second, err := w.EnsureInstanceProfile(t.Context(), class)
	if err != nil || first == second {
		t.Errorf("got %q twice (%v): nodes that run would change their role", second, err)
	}
	if err := w.DeleteNodeClassResources(t.Context(), class); err != nil || len(w.iam.profiles) != 0 {
		t.Errorf("%d profiles are left: %v", len(w.iam.profiles), err)
	}
}

func TestInstanceProfileErrors(t *testing.T) {
	w := newWorld(t)
	missing := nodeClass()
	missing.Spec.Role, missing.Spec.InstanceProfile = "", sdk.String("none")
	unknown := nodeClass()
	unknown.Spec.Role = "unknown"
	for reason, class := range map[string]*ec2v1.EC2NodeClass{"InstanceProfileNotFound": missing, "RoleNotFound": unknown} {
		_, err := w.EnsureInstanceProfile(t.Context(), class)
		var terminal *cloud.TerminalError
		if !errors.As(err, &terminal) || terminal.Reason != reason {
			t.Errorf("got %v, want %s", err, reason)
		}
	}
	if _, err := w.iam.CreateInstanceProfile(t.Context(), &iam.CreateInstanceProfileInput{InstanceProfileName: sdk.String("none")}); err != nil {
		t.Fatal(err)
	}
	if name, err := w.EnsureInstanceProfile(t.Context(), missing); err != nil || name != "none" {
		t.Errorf("got %q, %v", name, err)
	}
}
