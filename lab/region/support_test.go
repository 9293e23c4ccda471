package region_test

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/clock"
	"github.com/drover-project/drover/lab/region"
	"github.com/drover-project/drover/lab/region/ec2api"
)

// start is when the clocks of the tests begin.
func start() time.Time { return time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC) }

const (
	clusterName = "eksworkshop-eksctl"
	account     = "111122223333"
)

// lab is one region with everything a test holds of it.
type lab struct {
	*region.Region
	*ec2api.EC2

	t       tester
	options region.Options
	clock   *clock.Manual
	// deletionTask is what the story has of a role that it deleted.
	deletionTask string
	// receipts are the handles of the messages that the story received last.
	receipts []string
}

// tester is what *testing.T and *rapid.T have in common.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// options are those of the tests; change sets what differs.
func options(change ...func(*region.Options)) region.Options {
	o := region.Options{
		Region: "us-west-2", Account: account, Seed: 1,
		Cluster: region.ClusterInfo{Name: clusterName, Endpoint: "https://127.0.0.1:6443", CAData: []byte("pem"), Version: "1.37"},
	}
	for _, c := range change {
		c(&o)
	}
	return o
}

// open makes a region of its own for a test.
func open(t *testing.T, change ...func(*region.Options)) *lab {
	t.Helper()
	l := openOn(t, clock.NewManual(start()), options(change...))
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func openOn(t tester, c *clock.Manual, o region.Options) *lab {
	t.Helper()
	o.Clock = c
	r, err := region.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return &lab{Region: r, EC2: r.EC2(), t: t, options: o, clock: c}
}

// reopen closes the region, as a process that ends, and opens it again on the
// same data directory and clock.
func (l *lab) reopen() {
	l.t.Helper()
	if err := l.Close(); err != nil {
		l.t.Fatal(err)
	}
	again := openOn(l.t, l.clock, l.options)
	l.Region, l.EC2 = again.Region, again.EC2
}

func onDisk(t *testing.T) func(*region.Options) {
	dir := t.TempDir()
	return func(o *region.Options) { o.DataDir = dir }
}

func quota(onDemand, spot int64) func(*region.Options) {
	return func(o *region.Options) { o.Quota = region.Quota{OnDemandVCPU: onDemand, SpotVCPU: spot} }
}

// must gives the answer of a call that has to succeed.
func must[T any](l *lab) func(T, error) T {
	return func(answer T, err error) T {
		l.t.Helper()
		if err != nil {
			l.t.Fatalf("unexpected error: %v", err)
		}
		return answer
	}
}

// codeOf is the service's code of an error, empty without one.
func codeOf(err error) string {
	var coded *awserr.Error
	if errors.As(err, &coded) {
		return coded.Code
	}
	if err != nil {
		return "not an AWS error: " + err.Error()
	}
	return ""
}

func refused(t tester, err error, code string) {
	t.Helper()
	if got := codeOf(err); got != code {
		t.Fatalf("got error %v, want code %s", err, code)
	}
}

// natGone is when a NAT gateway that was deleted has let go of its address.
const natGone = time.Minute

func ctx() context.Context { return context.Background() }

// imageOf is the id of the AMI for the nodes of an architecture.
func (l *lab) imageOf(arch string) string {
	l.t.Helper()
	name := "/aws/service/eks/optimized-ami/1.37/amazon-linux-2023/" + arch + "/standard/recommended/image_id"
	return *must[*ssm.GetParameterOutput](l)(l.SSM().GetParameter(ctx(), &ssm.GetParameterInput{Name: &name})).Parameter.Value
}

// subnets are the ids of the private subnets by zone, a to c.
func (l *lab) subnets() []string {
	l.t.Helper()
	out := must[*ec2.DescribeSubnetsOutput](l)(l.DescribeSubnets(ctx(), &ec2.DescribeSubnetsInput{
		Filters: []types.Filter{filter("tag:karpenter.sh/discovery", clusterName)},
	}))
	slices.SortFunc(out.Subnets, func(a, b types.Subnet) int {
		return slices.Compare([]byte(*a.AvailabilityZone), []byte(*b.AvailabilityZone))
	})
	var ids []string
	for _, s := range out.Subnets {
		ids = append(ids, *s.SubnetId)
	}
	return ids
}

func filter(name string, values ...string) types.Filter {
	return types.Filter{Name: aws.String(name), Values: values}
}

func tag(key, value string) types.Tag {
	return types.Tag{Key: aws.String(key), Value: aws.String(value)}
}

func tagged(resource types.ResourceType, tags ...types.Tag) types.TagSpecification {
	return types.TagSpecification{ResourceType: resource, Tags: tags}
}

// template makes a launch template for an architecture and gives its id.
func (l *lab) template(name, arch string) string {
	l.t.Helper()
	out := must[*ec2.CreateLaunchTemplateOutput](l)(l.CreateLaunchTemplate(ctx(), &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: &name,
		LaunchTemplateData: &types.RequestLaunchTemplateData{
			ImageId: aws.String(l.imageOf(arch)), UserData: aws.String(base64.StdEncoding.EncodeToString([]byte("#!/bin/sh"))),
		},
	}))
	return *out.LaunchTemplate.LaunchTemplateId
}

// pool is an override of a fleet: a type in a zone (a, b or c), a priority
// below zero for none.
type pool struct {
	instanceType string
	zone         string
	priority     float64
}

func anyOrder(instanceType, zone string) pool { return pool{instanceType, zone, -1} }

func zoneIndex(zone string) int { return int(zone[0] - 'a') }

// fleet is a request for target instances out of pools; template is its name.
func (l *lab) fleet(template string, capacity types.DefaultTargetCapacityType, target int32, pools ...pool) *ec2.CreateFleetInput {
	l.t.Helper()
	subnets := l.subnets()
	config := types.FleetLaunchTemplateConfigRequest{
		LaunchTemplateSpecification: &types.FleetLaunchTemplateSpecificationRequest{LaunchTemplateName: &template, Version: aws.String("$Latest")},
	}
	for _, p := range pools {
		o := types.FleetLaunchTemplateOverridesRequest{InstanceType: types.InstanceType(p.instanceType), SubnetId: &subnets[zoneIndex(p.zone)]}
		if p.priority >= 0 {
			o.Priority = aws.Float64(p.priority)
		}
		config.Overrides = append(config.Overrides, o)
	}
	return &ec2.CreateFleetInput{
		Type: types.FleetTypeInstant, LaunchTemplateConfigs: []types.FleetLaunchTemplateConfigRequest{config},
		TargetCapacitySpecification: &types.TargetCapacitySpecificationRequest{TotalTargetCapacity: &target, DefaultTargetCapacityType: capacity},
	}
}

func (l *lab) launchFleet(in *ec2.CreateFleetInput) *ec2.CreateFleetOutput {
	l.t.Helper()
	return must[*ec2.CreateFleetOutput](l)(l.CreateFleet(ctx(), in))
}

func fleetIDs(out *ec2.CreateFleetOutput) (ids []string) {
	for _, i := range out.Instances {
		ids = append(ids, i.InstanceIds...)
	}
	return ids
}

// launched counts a fleet's instances by type and zone letter: "m5.large/a".
func launched(out *ec2.CreateFleetOutput) map[string]int {
	counts := map[string]int{}
	for _, i := range out.Instances {
		zone := *i.LaunchTemplateAndOverrides.Overrides.AvailabilityZone
		counts[string(i.InstanceType)+"/"+zone[len(zone)-1:]] += len(i.InstanceIds)
	}
	return counts
}

// failures are a fleet's errors as "code type/zone", in order.
func failures(out *ec2.CreateFleetOutput) (list []string) {
	for _, e := range out.Errors {
		o := e.LaunchTemplateAndOverrides.Overrides
		zone := aws.ToString(o.AvailabilityZone)
		list = append(list, *e.ErrorCode+" "+string(o.InstanceType)+"/"+zone[max(len(zone)-1, 0):])
	}
	return list
}

// runInput is a RunInstances of m5.large in the first zone.
func (l *lab) runInput(count int32) *ec2.RunInstancesInput {
	l.t.Helper()
	return &ec2.RunInstancesInput{
		ImageId: aws.String(l.imageOf("x86_64")), InstanceType: "m5.large", SubnetId: aws.String(l.subnets()[0]),
		MinCount: aws.Int32(1), MaxCount: &count,
	}
}

// run launches m5.large instances and gives their ids.
func (l *lab) run(count int32) []string {
	l.t.Helper()
	return instanceIDs(must[*ec2.RunInstancesOutput](l)(l.RunInstances(ctx(), l.runInput(count))).Instances)
}

func instanceIDs(instances []types.Instance) (ids []string) {
	for _, i := range instances {
		ids = append(ids, *i.InstanceId)
	}
	return ids
}

// instances are those that DescribeInstances gives.
func (l *lab) instances(in *ec2.DescribeInstancesInput) (list []types.Instance) {
	l.t.Helper()
	out := must[*ec2.DescribeInstancesOutput](l)(l.DescribeInstances(ctx(), in))
	for _, r := range out.Reservations {
		list = append(list, r.Instances...)
	}
	return list
}

func (l *lab) instance(id string) types.Instance {
	l.t.Helper()
	return l.instances(&ec2.DescribeInstancesInput{InstanceIds: []string{id}})[0]
}

func (l *lab) stateOf(id string) types.InstanceStateName {
	l.t.Helper()
	return l.instance(id).State.Name
}

func (l *lab) terminate(ids ...string) {
	l.t.Helper()
	must[*ec2.TerminateInstancesOutput](l)(l.TerminateInstances(ctx(), &ec2.TerminateInstancesInput{InstanceIds: ids}))
}

// limit makes a pool finite; zone is a, b, c or *.
func (l *lab) limit(instanceType, zone, capacityType string, available int64) {
	l.t.Helper()
	if zone != "*" {
		zone = l.options.Region + zone
	}
	if _, err := l.SetCapacity(region.Pool{InstanceType: instanceType, Zone: zone, CapacityType: capacityType}, available); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) tagsOf(id string) map[string]string {
	l.t.Helper()
	out := must[*ec2.DescribeTagsOutput](l)(l.DescribeTags(ctx(), &ec2.DescribeTagsInput{Filters: []types.Filter{filter("resource-id", id)}}))
	tags := map[string]string{}
	for _, t := range out.Tags {
		tags[*t.Key] = *t.Value
	}
	return tags
}

func openNamed(t *testing.T, name string) *lab {
	t.Helper()
	return open(t, func(o *region.Options) { o.Region = name })
}
