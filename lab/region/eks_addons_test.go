package region_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
)

func (l *lab) addon(name string) (*types.Addon, error) {
	out, err := l.EKS().DescribeAddon(ctx(), &eks.DescribeAddonInput{ClusterName: aws.String(clusterName), AddonName: &name})
	if err != nil {
		return nil, err
	}
	return out.Addon, nil
}

func (l *lab) createAddon(name, values string) (*types.Addon, error) {
	in := &eks.CreateAddonInput{ClusterName: aws.String(clusterName), AddonName: &name}
	if values != "" {
		in.ConfigurationValues = &values
	}
	out, err := l.EKS().CreateAddon(ctx(), in)
	if err != nil {
		return nil, err
	}
	return out.Addon, nil
}

func TestLifeOfAnAddon(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t))
	expect := func(status types.AddonStatus) *types.Addon {
		t.Helper()
		a := must[*types.Addon](l)(l.addon("coredns"))
		if a.Status != status {
			t.Fatalf("status %s, want %s", a.Status, status)
		}
		return a
	}
	must[*types.Addon](l)(l.createAddon("coredns", ""))
	expect(types.AddonStatusCreating)
	_, err := l.createAddon("coredns", "")
	refused(t, err, "ResourceInUseException")
	l.reopen()
	l.clock.Advance(time.Minute)
	if a := expect(types.AddonStatusActive); len(a.Health.Issues) > 0 || *a.AddonVersion != "v1.13.1-eksbuild.1" {
		t.Errorf("%s with %+v", *a.AddonVersion, a.Health.Issues)
	}
	u := must[*eks.UpdateAddonOutput](l)(l.EKS().UpdateAddon(ctx(), &eks.UpdateAddonInput{
		ClusterName: aws.String(clusterName), AddonName: aws.String("coredns"), ConfigurationValues: aws.String("replicaCount: 3"), ResolveConflicts: types.ResolveConflictsOverwrite,
	})).Update
	expect(types.AddonStatusUpdating)
	_, err = l.EKS().UpdateAddon(ctx(), &eks.UpdateAddonInput{ClusterName: aws.String(clusterName), AddonName: aws.String("coredns")})
	refused(t, err, "ResourceInUseException")
	l.reopen()
	l.clock.Advance(time.Minute)
	if a := expect(types.AddonStatusActive); len(a.Health.Issues) != 1 || !strings.Contains(*a.Health.Issues[0].Message, "do not follow") {
		t.Errorf("health %+v", a.Health.Issues)
	}
	described := must[*eks.DescribeUpdateOutput](l)(l.EKS().DescribeUpdate(ctx(), &eks.DescribeUpdateInput{Name: aws.String(clusterName), AddonName: aws.String("coredns"), UpdateId: u.Id})).Update
	if described.Status != types.UpdateStatusSuccessful || described.Type != types.UpdateTypeAddonUpdate {
		t.Errorf("update %+v", described)
	}
	_, err = l.EKS().DeleteAddon(ctx(), &eks.DeleteAddonInput{ClusterName: aws.String(clusterName), AddonName: aws.String("coredns")})
	refused(t, err, "InvalidRequestException")
	must[*eks.DeleteAddonOutput](l)(l.EKS().DeleteAddon(ctx(), &eks.DeleteAddonInput{ClusterName: aws.String(clusterName), AddonName: aws.String("coredns"), Preserve: true}))
	expect(types.AddonStatusDeleting)
	l.reopen()
	l.clock.Advance(time.Minute)
	_, err = l.addon("coredns")
	refused(t, err, "ResourceNotFoundException")
	must[*types.Addon](l)(l.createAddon("coredns", ""))
}

func TestConfigurationValuesAreChecked(t *testing.T) {
	t.Parallel()
	l := open(t)
	for name, c := range map[string]struct{ addon, values, text string }{
		"not known":   {"vpc-cni", `{"environment":{}}`, "environment"},
		"wrong type":  {"coredns", `replicaCount: many`, "replicaCount"},
		"enumeration": {"kube-proxy", `{"mode":"userspace"}`, "mode"},
		"nested":      {"vpc-cni", `{"eniConfig":{"create":true,"region":"us-west-2","subnets":{"us-west-2a":{"securityGroups":[]}}}}`, "id"},
		"not YAML":    {"coredns", `{`, "not in valid JSON or YAML"},
		"add-on":      {"none", ``, "Addon none specified is not supported"},
	} {
		_, err := l.createAddon(c.addon, c.values)
		says(t, name, err, "InvalidParameterException", c.text)
	}
	for name, values := range map[string]string{
		"vpc-cni":            `{"env":{"ENABLE_PREFIX_DELEGATION":"true","WARM_PREFIX_TARGET":"1"},"eniConfig":{"create":true,"region":"us-west-2","subnets":{"us-west-2a":{"id":"subnet-1","securityGroups":["sg-1"]}}}}`,
		"aws-ebs-csi-driver": "defaultStorageClass:\n  enabled: true\n",
	} {
		if _, err := l.createAddon(name, values); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if a := must[*types.Addon](l)(l.addon("aws-ebs-csi-driver")); len(a.Health.Issues) != 1 || !strings.Contains(*a.Health.Issues[0].Message, "runs no pods") {
		t.Errorf("health of an add-on without pods: %+v", a.Health.Issues)
	}
}

func TestAddonVersions(t *testing.T) {
	t.Parallel()
	l := open(t)
	names := func(version string) (list []string) {
		out := must[*eks.DescribeAddonVersionsOutput](l)(l.EKS().DescribeAddonVersions(ctx(), &eks.DescribeAddonVersionsInput{KubernetesVersion: &version}))
		for _, a := range out.Addons {
			list = append(list, *a.AddonName+" "+*a.AddonVersions[0].AddonVersion)
		}
		return list
	}
	if got := names("1.37"); len(got) != 5 || !slices.Contains(got, "kube-proxy v1.37.2-eksbuild.1") {
		t.Errorf("for 1.37 %v", got)
	}
	if got := names("1.36"); len(got) != 4 {
		t.Errorf("for 1.36 %v", got)
	}
}
