package cloudtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drover-project/drover/internal/cloud"
	"github.com/drover-project/drover/internal/model"
)

// NodeClass is a class named default whose selectors match DefaultWorld; its
// status is empty.
func NodeClass() *ec2v1.EC2NodeClass {
	tags := map[string]string{DiscoveryTagKey: DiscoveryTagValue}
	return &ec2v1.EC2NodeClass{
		ObjectMeta: metav1.ObjectMeta{Name: "default", UID: "ec2nodeclass-default"},
		Spec: ec2v1.EC2NodeClassSpec{
			SubnetSelectorTerms:        []ec2v1.SubnetSelectorTerm{{Tags: tags}},
			SecurityGroupSelectorTerms: []ec2v1.SecurityGroupSelectorTerm{{Tags: tags}},
			AMISelectorTerms:           []ec2v1.AMISelectorTerm{{Alias: "al2023@latest"}},
			Role:                       "node-role",
		},
	}
}

// Resolve implements cloud.Provider.
func (f *Fake) Resolve(ctx context.Context, class *ec2v1.EC2NodeClass) (cloud.Resolved, error) {
	if err := f.begin(ctx, "Resolve"); err != nil {
		return cloud.Resolved{}, err
	}
	var resolved cloud.Resolved
	for _, subnet := range f.world.Subnets {
		if slices.ContainsFunc(class.Spec.SubnetSelectorTerms, func(term ec2v1.SubnetSelectorTerm) bool {
			return matches(term.ID, subnet.ID) && hasTags(subnet.Tags, term.Tags)
		}) {
			resolved.Subnets = append(resolved.Subnets, ec2v1.Subnet{ID: subnet.ID, Zone: subnet.Zone, ZoneID: subnet.ZoneID})
		}
	}
	for _, group := range f.world.SecurityGroups {
		if slices.ContainsFunc(class.Spec.SecurityGroupSelectorTerms, func(term ec2v1.SecurityGroupSelectorTerm) bool {
			return matches(term.ID, group.ID) && matches(term.Name, group.Name) && hasTags(group.Tags, term.Tags)
		}) {
			resolved.SecurityGroups = append(resolved.SecurityGroups, ec2v1.SecurityGroup{ID: group.ID, Name: group.Name})
		}
	}
	for _, image := range f.world.Images {
		if slices.ContainsFunc(class.Spec.AMISelectorTerms, func(term ec2v1.AMISelectorTerm) bool {
			return matches(aliasFamily(term.Alias), image.Alias) && matches(term.ID, image.ID) &&
				matches(term.Name, image.Name) && hasTags(image.Tags, term.Tags)
		}) {
			resolved.AMIs = append(resolved.AMIs, image.ami())
		}
	}
	return resolved, nil
}

// matches reports whether a selector's field asks for nothing or for this value.
func matches(want, have string) bool { return want == "" || want == have }

func (i Image) ami() ec2v1.AMI {
	return ec2v1.AMI{ID: i.ID, Name: i.Name, Requirements: []corev1.NodeSelectorRequirement{
		{Key: corev1.LabelArchStable, Operator: corev1.NodeSelectorOpIn, Values: []string{i.Arch}},
	}}
}

// EnsureInstanceProfile implements cloud.Provider.
func (f *Fake) EnsureInstanceProfile(ctx context.Context, class *ec2v1.EC2NodeClass) (string, error) {
	if err := f.begin(ctx, "EnsureInstanceProfile"); err != nil {
		return "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if class.Spec.InstanceProfile != nil {
		return *class.Spec.InstanceProfile, nil
	}
	if class.Spec.Role == "" {
		return "", &cloud.TerminalError{Reason: "RoleMissing", Err: errors.New("spec.role or spec.instanceProfile must be set")}
	}
	f.profiles[class.Name] = DiscoveryTagValue + "_" + class.Name
	return f.profiles[class.Name], nil
}

// DeleteNodeClassResources implements cloud.Provider.
func (f *Fake) DeleteNodeClassResources(ctx context.Context, class *ec2v1.EC2NodeClass) error {
	if err := f.begin(ctx, "DeleteNodeClassResources"); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.profiles, class.Name)
	return nil
}

// HasInstanceProfile reports whether a profile was made for a NodeClass and not
// deleted since.
func (f *Fake) HasInstanceProfile(className string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.profiles[className]
	return ok
}

// Catalog implements cloud.Provider.
func (f *Fake) Catalog(ctx context.Context, class *ec2v1.EC2NodeClass) (model.Catalog, error) {
	if err := f.begin(ctx, "Catalog"); err != nil {
		return model.Catalog{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var catalog model.Catalog
	for _, candidate := range f.world.InstanceTypes {
		runnable := slices.ContainsFunc(class.Status.AMIs, func(ami ec2v1.AMI) bool { return runs(ami, candidate) })
		if !runnable {
			continue
		}
		if offerings := f.offerings(class, candidate.Name); len(offerings) > 0 {
			catalog.InstanceTypes = append(catalog.InstanceTypes, candidate)
			catalog.Offerings = append(catalog.Offerings, offerings...)
		}
	}
	sort.Slice(catalog.InstanceTypes, func(i, j int) bool {
		return catalog.InstanceTypes[i].Name < catalog.InstanceTypes[j].Name
	})
	sort.Slice(catalog.Offerings, func(i, j int) bool {
		return before(catalog.Offerings[i].OfferingKey, catalog.Offerings[j].OfferingKey)
	})
	return catalog, nil
}

// runs reports whether an AMI's requirements (arch is the one a Fake knows)
// admit the type.
func runs(ami ec2v1.AMI, candidate model.InstanceType) bool {
	for _, requirement := range ami.Requirements {
		if requirement.Operator == corev1.NodeSelectorOpIn && !slices.Contains(requirement.Values, candidate.Labels[requirement.Key]) {
			return false
		}
	}
	return true
}

func (f *Fake) offerings(class *ec2v1.EC2NodeClass, instanceType string) []model.Offering {
	var offerings []model.Offering
	seen := map[string]bool{}
	for _, subnet := range class.Status.Subnets {
		if seen[subnet.Zone] {
			continue
		}
		seen[subnet.Zone] = true
		for _, capacityType := range []model.CapacityType{model.OnDemand, model.Spot} {
			key := model.OfferingKey{InstanceType: instanceType, Zone: subnet.Zone, CapacityType: capacityType}
			price, known := f.world.Prices[key]
			if !known {
				continue
			}
			one := model.Offering{OfferingKey: key, ZoneID: subnet.ZoneID, PricePerHour: price, UnavailableReason: f.unavailableReason(key)}
			if capacityType == model.Spot {
				one.LowestPrice, one.HighestPrice = f.bounds(key)
			}
			offerings = append(offerings, one)
		}
	}
	return offerings
}

func (f *Fake) unavailableReason(key model.OfferingKey) string {
	since, known := f.unavailable[key]
	if !known || !f.world.Now().Before(since.Add(UnavailableFor)) {
		return ""
	}
	return fmt.Sprintf("InsufficientInstanceCapacity at %s", since.UTC().Format(time.RFC3339))
}

func before(a, b model.OfferingKey) bool {
	if a.InstanceType != b.InstanceType {
		return a.InstanceType < b.InstanceType
	}
	if a.Zone != b.Zone {
		return a.Zone < b.Zone
	}
	return a.CapacityType < b.CapacityType
}

// Price implements cloud.Provider.
func (f *Fake) Price(_ context.Context, offering model.OfferingKey) float64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.world.Prices[offering]
}
