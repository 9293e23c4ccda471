// Package ekstest is a region of AWS in memory, for tests of what commands do
// with node groups, roles and add-ons: stacks that take a step at each look,
// groups whose nodes join a Kubernetes API in memory, and faults on request.
package ekstest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/drover-project/drover/internal/eks"
	"github.com/drover-project/drover/internal/stack"
)

// Region is the fake. Its fields may be set before use.
type Region struct {
	Known map[string]*eks.Cluster
	// Kube is where nodes join.
	Kube kubernetes.Interface
	// FailResource makes the stack fail at a logical id, with the reason.
	FailResource map[string]string
	// NoJoin keeps instances from becoming nodes.
	NoJoin bool
	// NoCapacity keeps Auto Scaling groups from launching.
	NoCapacity bool
	// UpdateSteps is how often an update is seen in progress; UpdateError is what
	// it fails with.
	UpdateSteps int
	UpdateError *eks.Issue

	lock      sync.Mutex
	calls     []string
	stacks    map[string]*stackState
	groups    map[string]*eks.Nodegroup
	asgs      map[string]*eks.AutoScalingGroup
	asgTags   map[string]map[string]string
	updates   map[string]int
	providers map[string]string
	addons    map[string]*eks.Addon
	keys      map[string]string
	launched  int
}

type stackState struct {
	stack.Stack
	template  stack.Template
	events    []stack.Event
	resources []stack.Physical
}

// Created is when everything was made.
func Created() time.Time { return time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC) }

// New is a region with a cluster, blue, of Kubernetes 1.34.
func New(kube kubernetes.Interface) *Region {
	return &Region{
		Kube: kube,
		Known: map[string]*eks.Cluster{"blue": {
			Name: "blue", ARN: "arn:aws:eks:eu-west-1:111122223333:cluster/blue", Status: "ACTIVE", Version: "1.34",
			Endpoint: "https://blue.example", CA: "Q0E=", ServiceCIDR: "10.100.0.0/16", AuthMode: eks.AuthAPIAndConfigMap,
			Issuer: "https://oidc.example/id/BLUE", VPC: "vpc-1", VPCCIDR: "192.168.0.0/16", SecurityGroup: "sg-cluster",
			Subnets: []eks.Subnet{
				{ID: "subnet-a", Zone: "eu-west-1a"}, {ID: "subnet-b", Zone: "eu-west-1b"},
				{ID: "subnet-c", Zone: "eu-west-1a", Public: true, MapsPublicIP: true},
			},
		}},
		FailResource: map[string]string{}, stacks: map[string]*stackState{}, groups: map[string]*eks.Nodegroup{},
		asgs: map[string]*eks.AutoScalingGroup{}, asgTags: map[string]map[string]string{}, updates: map[string]int{},
		providers: map[string]string{}, addons: map[string]*eks.Addon{}, keys: map[string]string{},
	}
}

// Calls lists the changes that were asked for, in order.
func (r *Region) Calls() []string {
	r.lock.Lock()
	defer r.lock.Unlock()
	return slices.Clone(r.calls)
}

func (r *Region) called(format string, args ...any) {
	r.calls = append(r.calls, fmt.Sprintf(format, args...))
}

// Name is the region's.
func (r *Region) Name() string { return "eu-west-1" }

// Clusters lists names.
func (r *Region) Clusters(context.Context) ([]string, error) {
	return slices.Sorted(maps.Keys(r.Known)), nil
}

// DescribeCluster has the shape of EKS's own description.
func (r *Region) DescribeCluster(_ context.Context, name string) (any, error) {
	c := r.Known[name]
	if c == nil {
		return nil, eks.ErrNotFound
	}
	return map[string]any{"Name": c.Name, "ResourcesVpcConfig": map[string]any{"ClusterSecurityGroupId": c.SecurityGroup}}, nil
}

// Cluster describes a cluster.
func (r *Region) Cluster(_ context.Context, name string) (*eks.Cluster, error) {
	if c := r.Known[name]; c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("EKS in eu-west-1 has no cluster %q: %w", name, eks.ErrNotFound)
}

// CreateStack begins a stack.
func (r *Region) CreateStack(_ context.Context, request stack.Request) (string, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if r.stacks[request.Name] != nil {
		return "", fmt.Errorf("stack %s: %w", request.Name, eks.ErrExists)
	}
	r.called("CreateStack %s", request.Name)
	s := &stackState{Stack: stack.Stack{
		ID: "arn:" + request.Name, Name: request.Name, Status: "CREATE_IN_PROGRESS", Tags: request.Tags, Outputs: map[string]string{},
		Created: Created(), Protected: request.Protected,
	}}
	if err := json.Unmarshal([]byte(request.Template), &s.template); err != nil {
		return "", err
	}
	r.stacks[request.Name] = s
	return s.ID, nil
}

// Template is what a stack was made of.
func (r *Region) Template(name string) stack.Template {
	r.lock.Lock()
	defer r.lock.Unlock()
	return r.find(name).template
}

func (r *Region) find(name string) *stackState { return r.stacks[strings.TrimPrefix(name, "arn:")] }

// DescribeStack describes a stack, which takes a step at each look.
func (r *Region) DescribeStack(_ context.Context, name string) (*stack.Stack, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	s := r.find(name)
	if s == nil {
		return nil, fmt.Errorf("stack with id %s does not exist: %w", name, eks.ErrNotFound)
	}
	copied := s.Stack
	r.step(s)
	return &copied, nil
}

func (r *Region) step(s *stackState) {
	switch s.Status {
	case "CREATE_IN_PROGRESS":
		r.finish(s)
	case "ROLLBACK_IN_PROGRESS":
		s.Status = "ROLLBACK_COMPLETE"
	case "DELETE_IN_PROGRESS":
		delete(r.stacks, s.Name)
	}
}

// finish makes what the template says.
func (r *Region) finish(s *stackState) {
	for _, id := range slices.Sorted(maps.Keys(s.template.Resources)) {
		resource := s.template.Resources[id]
		event := stack.Event{LogicalID: id, Type: resource.Type, Status: "CREATE_COMPLETE"}
		if reason := r.FailResource[id]; reason != "" {
			event.Status, event.Reason = "CREATE_FAILED", reason
			s.events = append(s.events, event)
			s.Status = "ROLLBACK_IN_PROGRESS"
			return
		}
		s.events = append(s.events, event)
		s.resources = append(s.resources, stack.Physical{
			LogicalID: id, PhysicalID: r.physical(s, id, resource), Type: resource.Type, Status: "CREATE_COMPLETE",
		})
	}
	for name := range s.template.Outputs {
		s.Outputs[name] = "arn:aws:iam::111122223333:role/" + s.Name + "-" + name
		if name == "NodeGroupUsesAccessEntry" {
			s.Outputs[name] = "true"
		}
	}
	s.Status = "CREATE_COMPLETE"
}

func (r *Region) physical(s *stackState, id string, resource stack.Resource) string {
	switch resource.Type {
	case "AWS::EKS::Nodegroup":
		return r.makeManaged(resource.Properties)
	case "AWS::AutoScaling::AutoScalingGroup":
		asg := &eks.AutoScalingGroup{
			Name: s.Name + "-NodeGroup-1", Min: atoi(resource.Properties["MinSize"]), Max: atoi(resource.Properties["MaxSize"]),
			Desired: atoi(resource.Properties["DesiredCapacity"]), InstanceTypes: []string{"m5.large"}, ImageID: "ami-1",
		}
		r.asgs[asg.Name] = asg
		r.settle(asg, s.Tags["alpha.eksctl.io/nodegroup-name"], "")
		return asg.Name
	}
	return s.Name + "-" + id
}

func atoi(value any) int {
	var n int
	_, _ = fmt.Sscan(fmt.Sprint(value), &n) // what is no number counts as 0
	return n
}

func (r *Region) makeManaged(properties map[string]any) string {
	name := fmt.Sprint(properties["NodegroupName"])
	scaling, _ := properties["ScalingConfig"].(map[string]any)
	group := &eks.Nodegroup{
		Name: name, Status: "ACTIVE", Version: "1.34", AMIType: fmt.Sprint(properties["AmiType"]), RoleARN: "arn:aws:iam::111122223333:role/node",
		Min: atoi(scaling["MinSize"]), Max: atoi(scaling["MaxSize"]), Desired: atoi(scaling["DesiredSize"]), Created: Created(),
		AutoScalingGroups: []string{"eks-" + name + "-1"},
	}
	types, _ := properties["InstanceTypes"].([]any)
	for _, one := range types {
		group.InstanceTypes = append(group.InstanceTypes, fmt.Sprint(one))
	}
	r.AddManaged(group)
	return "blue/" + name
}

// AddManaged adds a managed group, with its Auto Scaling group and its nodes.
func (r *Region) AddManaged(group *eks.Nodegroup) {
	r.groups[group.Name] = group
	for _, name := range group.AutoScalingGroups {
		asg := &eks.AutoScalingGroup{Name: name, Min: group.Min, Max: group.Max, Desired: group.Desired}
		r.asgs[name] = asg
		r.settle(asg, group.Name, group.Name)
	}
}

// settle launches and ends instances until the group has what it should.
func (r *Region) settle(asg *eks.AutoScalingGroup, group, managed string) {
	ctx := context.Background()
	for len(asg.Instances) < asg.Desired && !r.NoCapacity {
		r.launched++
		asg.Instances = append(asg.Instances, eks.Instance{ID: fmt.Sprintf("i-%d", r.launched)})
		if r.NoJoin {
			continue
		}
		node := &corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("ip-192-168-0-%d", r.launched), Labels: map[string]string{"alpha.eksctl.io/nodegroup-name": group}},
			Status:     corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}},
		}
		if managed != "" {
			node.Labels["eks.amazonaws.com/nodegroup"] = managed
		}
		if _, err := r.Kube.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); err != nil {
			panic(err)
		}
	}
	for len(asg.Instances) > asg.Desired {
		last := asg.Instances[len(asg.Instances)-1]
		asg.Instances = asg.Instances[:len(asg.Instances)-1]
		name := "ip-192-168-0-" + strings.TrimPrefix(last.ID, "i-")
		if err := r.Kube.CoreV1().Nodes().Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
			panic(err)
		}
	}
}

// ListStacks lists stacks by name.
func (r *Region) ListStacks(context.Context) ([]stack.Stack, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	var all []stack.Stack
	for _, name := range slices.Sorted(maps.Keys(r.stacks)) {
		all = append(all, r.stacks[name].Stack)
	}
	return all, nil
}

// StackEvents lists a stack's events, oldest first.
func (r *Region) StackEvents(_ context.Context, name string) ([]stack.Event, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if s := r.find(name); s != nil {
		return s.events, nil
	}
	return nil, eks.ErrNotFound
}

// StackResources lists what a stack made.
func (r *Region) StackResources(_ context.Context, name string) ([]stack.Physical, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if s := r.find(name); s != nil {
		return s.resources, nil
	}
	return nil, eks.ErrNotFound
}

// ProtectStack sets the protection.
func (r *Region) ProtectStack(_ context.Context, name string, protected bool) error {
	r.lock.Lock()
	defer r.lock.Unlock()
	s := r.find(name)
	if s == nil {
		return eks.ErrNotFound
	}
	r.called("ProtectStack %s %t", s.Name, protected)
	s.Protected = protected
	return nil
}

// DeleteStack begins to delete a stack, which a protection forbids.
func (r *Region) DeleteStack(_ context.Context, name string) error {
	r.lock.Lock()
	defer r.lock.Unlock()
	s := r.find(name)
	if s == nil {
		return nil
	}
	if s.Protected {
		return fmt.Errorf("stack [%s] cannot be deleted while TerminationProtection is enabled", s.Name)
	}
	r.called("DeleteStack %s", s.Name)
	s.Status = "DELETE_IN_PROGRESS"
	for _, one := range s.resources {
		switch one.Type {
		case "AWS::EKS::Nodegroup":
			delete(r.groups, strings.TrimPrefix(one.PhysicalID, "blue/"))
		case "AWS::AutoScaling::AutoScalingGroup":
			delete(r.asgs, one.PhysicalID)
		}
	}
	return nil
}
