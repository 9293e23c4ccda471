package nodegroup

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/drover-project/drover/internal/engine/check"
	"github.com/drover-project/drover/internal/grpcexpander"
	"github.com/drover-project/drover/internal/grpcexpander/expandertest"
	"github.com/drover-project/drover/internal/grpcexpander/wire"
	"github.com/drover-project/drover/internal/model"
)

// externally is a Decider that asks the server, and its log.
func externally(t *testing.T, server *expandertest.Server, expander string, pods []model.Pod) (*Decider, *strings.Builder) {
	t.Helper()
	expanders, err := ParseExpanders(expander)
	if err != nil {
		t.Fatal(err)
	}
	builder := fake.NewClientBuilder()
	for i := range pods {
		builder = builder.WithObjects(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: pods[i].Namespace, Name: pods[i].Name}})
	}
	var log strings.Builder
	return &Decider{
		Options: Options{Expanders: expanders}, Pods: builder.Build(),
		External: &grpcexpander.Client{URL: server.Address, CertFile: server.CertFile, Timeout: time.Minute},
		Log:      funcr.New(func(_, args string) { log.WriteString(args + "\n") }, funcr.Options{}),
	}, &log
}

// three is a cheap group, a large one and one that the pods fit exactly.
func three() *model.Snapshot {
	return &model.Snapshot{Pending: waiting(4, 2, 4), NodeGroups: []model.NodeGroup{
		sized("cheap", 2, 32, 0.05), sized("large", 16, 64, 0.90), sized("tight", 4, 8, 0.30)}}
}

func TestTheExternalExpanderChooses(t *testing.T) {
	for name, test := range map[string]struct {
		expander string
		answer   []string
		want     string
		asked    string // in the order of the question; empty when there is none
	}{
		"one":                        {"grpc", []string{"large"}, "large 1", "cheap large tight"},
		"several, the cheapest":      {"grpc", []string{"large", "tight"}, "tight 2", "cheap large tight"},
		"several, the next decides":  {"grpc,least-nodes", []string{"cheap", "large"}, "large 1", "cheap large tight"},
		"among equals":               {"most-pods,grpc", []string{"tight"}, "tight 2", "cheap large tight"},
		"only one is left":           {"least-nodes,grpc", []string{"tight"}, "large 1", ""},
		"unknown ones are left out":  {"grpc", []string{"gone", "tight"}, "tight 2", "cheap large tight"},
		"a name twice":               {"grpc", []string{"tight", "tight"}, "tight 2", "cheap large tight"},
		"only unknown ones: no rule": {"grpc", []string{"gone"}, "cheap 4", "cheap large tight"},
		"none":                       {"grpc", nil, "", "cheap large tight"},
	} {
		t.Run(name, func(t *testing.T) {
			snapshot := three()
			server := expandertest.Start(t, expandertest.Choose(test.answer...))
			d, log := externally(t, server, test.expander, snapshot.Pending)
			plan, _ := d.Decide(snapshot, model.Settings{})
			if got := grownBy(plan); got != test.want {
				t.Errorf("grows %q, want %q; log: %s", got, test.want, log)
			}
			if found := check.Plan(snapshot, plan); len(found) > 0 {
				t.Error(found)
			}
			var asked []string
			for _, question := range server.Asked() {
				for _, option := range question.GetOptions() {
					asked = append(asked, option.GetNodeGroupId())
				}
			}
			if got := strings.Join(asked, " "); got != test.asked {
				t.Errorf("the server was asked about %q, want %q", got, test.asked)
			}
		})
	}
}

func TestTheExternalExpanderSeesPodsThatDoNotExistYet(t *testing.T) {
	snapshot := three()
	server := expandertest.Start(t, expandertest.Choose("large"))
	d, _ := externally(t, server, "grpc", nil)
	var pods []*corev1.Pod
	for _, pod := range snapshot.Pending {
		pods = append(pods, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name, Annotations: map[string]string{"of": "a request"}}})
	}
	d.DecideFor(snapshot, model.Settings{}, pods)
	for _, option := range server.Asked()[0].GetOptions() {
		var pod corev1.Pod
		if len(option.GetPodBytes()) != 4 || pod.Unmarshal(option.GetPodBytes()[0]) != nil || pod.Annotations["of"] != "a request" {
			t.Errorf("the option %s has %d pods, the first with annotations %v", option.GetNodeGroupId(), len(option.GetPodBytes()), pod.Annotations)
		}
	}
}

func TestTheExternalExpanderSeesWhatGroupsWouldDo(t *testing.T) {
	snapshot := three()
	snapshot.NodeGroups[1].Labels["team"] = "red"
	snapshot.NodeGroups[1].Taints = []model.Taint{{Key: "soft", Effect: model.PreferNoSchedule}, {Key: "startup", Effect: model.NoSchedule}}
	snapshot.NodeGroups[1].StartupTaints = snapshot.NodeGroups[1].Taints[1:]
	snapshot.NodeGroups = append(snapshot.NodeGroups, sized("small", 1, 1, 0.01)) // holds none of the pods
	server := expandertest.Start(t, expandertest.Choose("large"))
	d, _ := externally(t, server, "grpc", snapshot.Pending)
	d.Decide(snapshot, model.Settings{})
	question := server.Asked()[0]
	if len(question.GetOptions()) != 3 || len(question.GetNodeBytesMap()) != 3 {
		t.Fatalf("asked about %d groups with %d nodes, want those 3 that hold a pod", len(question.GetOptions()), len(question.GetNodeBytesMap()))
	}
	large := question.GetOptions()[1]
	if large.GetNodeCount() != 1 || len(large.GetPodBytes()) != 4 || large.GetDebug() != "large (0:10)" {
		t.Errorf("the option is of %d nodes, %d pods, %q", large.GetNodeCount(), len(large.GetPodBytes()), large.GetDebug())
	}
	var pod corev1.Pod
	if err := pod.Unmarshal(large.GetPodBytes()[0]); err != nil || !strings.HasPrefix(pod.Name, "web-") || pod.Namespace != "default" {
		t.Errorf("pod is %s/%s, %v", pod.Namespace, pod.Name, err)
	}
	var node corev1.Node
	if err := node.Unmarshal(question.GetNodeBytesMap()["large"]); err != nil {
		t.Fatal(err)
	}
	if node.Status.Allocatable.Cpu().String() != "16" || node.Labels["team"] != "red" || node.Labels[corev1.LabelTopologyZone] != "us-west-2a" {
		t.Errorf("the node has %v and labels %v", node.Status.Allocatable, node.Labels)
	}
	if len(node.Spec.Taints) != 1 || node.Spec.Taints[0].Key != "soft" {
		t.Errorf("the node has taints %v, want only the one that stays", node.Spec.Taints)
	}
}

func TestReasonsNameTheExternalExpander(t *testing.T) {
	snapshot := three()
	server := expandertest.Start(t, expandertest.Choose("large"))
	d, log := externally(t, server, "grpc", snapshot.Pending)
	_, report := d.Decide(snapshot, model.Settings{})
	if text := report.Launches[0].Chosen.Message; !strings.Contains(text, "the external expander (--expander=grpc) chose the node group") {
		t.Errorf("the launch is explained by %q", text)
	}
	if !strings.Contains(log.String(), "the external expander chose large of 3 node groups") {
		t.Errorf("the log is %q", log)
	}
	server.Answers(expandertest.Choose())
	_, report = d.Decide(snapshot, model.Settings{})
	if len(report.Unplaced) == 0 || !strings.Contains(report.Unplaced[0].Message, "chose no node group") {
		t.Errorf("pods wait for %+v, want the expander's answer", report.Unplaced)
	}
}

// What the chosen group cannot take waits for the next question, as with Cluster
// Autoscaler, which raises one group at a time.
func TestTheRestIsAskedAboutAnew(t *testing.T) {
	snapshot := three()
	for i, team := range []string{"red", "red", "blue", "blue"} {
		snapshot.Pending[i].NodeSelector = map[string]string{"team": team}
	}
	snapshot.NodeGroups = []model.NodeGroup{snapshot.NodeGroups[0], snapshot.NodeGroups[2]}
	snapshot.NodeGroups[0].Labels["team"], snapshot.NodeGroups[1].Labels["team"] = "blue", "red"
	server := expandertest.Start(t, func(ctx context.Context, request *wire.BestOptionsRequest) (*wire.BestOptionsResponse, error) {
		last := request.GetOptions()[len(request.GetOptions())-1]
		return expandertest.Choose(last.GetNodeGroupId())(ctx, request)
	})
	d, _ := externally(t, server, "grpc", snapshot.Pending)
	plan, report := d.Decide(snapshot, model.Settings{})
	if grownBy(plan) != "tight 1" || len(report.Unplaced) == 0 || !strings.Contains(report.Unplaced[0].Message+alternatives(report), "chose tight") {
		t.Fatalf("grows %s, the rest waits for %+v", grownBy(plan), report.Unplaced)
	}
	snapshot.Pending = slices.DeleteFunc(snapshot.Pending, func(pod model.Pod) bool { return slices.Contains(plan.Launches[0].Pods, pod.PodKey) })
	snapshot.NodeGroups[1].Desired = 1
	if plan, _ = d.Decide(snapshot, model.Settings{}); grownBy(plan) != "cheap 2" {
		t.Errorf("then grows %s, want the group that is left", grownBy(plan))
	}
}

func alternatives(report model.Report) string {
	var text strings.Builder
	for _, reason := range report.Unplaced {
		for _, alternative := range reason.Alternatives {
			text.WriteString(alternative.Message)
		}
	}
	return text.String()
}

// A group that can do nothing alone is one that nobody was asked about.
func TestGroupsThatNobodyWasAskedAboutDoNotGrow(t *testing.T) {
	leader, follower := waiting(1, 2, 4)[0], waiting(2, 2, 4)[1]
	leader.Labels = map[string]string{"app": "leader"}
	leader.NodeSelector = map[string]string{"team": "red"}
	follower.NodeSelector = map[string]string{"team": "blue"}
	follower.PodAffinity = []model.PodAffinityTerm{{TopologyKey: corev1.LabelTopologyZone,
		Selector: &model.LabelSelector{MatchLabels: map[string]string{"app": "leader"}}}}
	snapshot := &model.Snapshot{Pending: []model.Pod{leader, follower}, NodeGroups: []model.NodeGroup{sized("red", 2, 8, 0.1), sized("blue", 2, 8, 0.1)}}
	for i := range snapshot.NodeGroups {
		snapshot.NodeGroups[i].Labels["team"] = snapshot.NodeGroups[i].Name
	}
	if plan, _ := (&Decider{}).Decide(snapshot, model.Settings{}); grownBy(plan) != "blue 1, red 1" {
		t.Fatalf("without the expander grows %s: the test asks nothing", grownBy(plan))
	}
	server := expandertest.Start(t, expandertest.Choose("red"))
	d, _ := externally(t, server, "grpc", snapshot.Pending)
	if plan, _ := d.Decide(snapshot, model.Settings{}); grownBy(plan) != "red 1" {
		t.Errorf("grows %s, want only the group that was chosen", grownBy(plan))
	}
}

func TestWithoutTheExternalExpanderTheOthersDecide(t *testing.T) {
	never := func(ctx context.Context, _ *wire.BestOptionsRequest) (*wire.BestOptionsResponse, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	for name, test := range map[string]struct {
		change func(*grpcexpander.Client, *expandertest.Server)
		want   string
	}{
		"down":   {func(_ *grpcexpander.Client, s *expandertest.Server) { s.Stop() }, "connection refused"},
		"slow":   {func(c *grpcexpander.Client, _ *expandertest.Server) { c.Timeout = 100 * time.Millisecond }, "did not answer within"},
		"untrue": {func(c *grpcexpander.Client, _ *expandertest.Server) { c.CertFile = expandertest.OtherCert(t) }, "does not vouch for it"},
	} {
		t.Run(name, func(t *testing.T) {
			snapshot := three()
			server := expandertest.Start(t, never)
			d, log := externally(t, server, "grpc,least-nodes", snapshot.Pending)
			test.change(d.External.(*grpcexpander.Client), server)
			plan, _ := d.Decide(snapshot, model.Settings{})
			if got := grownBy(plan); got != "large 1" {
				t.Errorf("grows %s, want what least-nodes says", got)
			}
			if !strings.Contains(log.String(), test.want) || !strings.Contains(log.String(), "all node groups may grow") {
				t.Errorf("the log is %q, want %q in it", log, test.want)
			}
		})
	}
}

func TestWhatWasChosenIsSharedAmongLikeGroups(t *testing.T) {
	snapshot := &model.Snapshot{Pending: waiting(6, 1, 1), NodeGroups: zonal(0, 0, 0)}
	other := sized("other", 4, 8, 0.01)
	snapshot.NodeGroups = append(snapshot.NodeGroups, other)
	server := expandertest.Start(t, expandertest.Choose("workers-b"))
	d, _ := externally(t, server, "grpc", snapshot.Pending)
	d.Options.Balance = true
	plan, _ := d.Decide(snapshot, model.Settings{})
	grown := map[string]int{}
	for _, size := range plan.Groups {
		grown[size.Name] = size.To - size.From
	}
	if !maps.Equal(grown, map[string]int{"workers-a": 2, "workers-b": 2, "workers-c": 2}) {
		t.Errorf("grows %v, want two in each zone and nothing elsewhere", grown)
	}
}

func TestNobodyIsAskedWhenNothingWaits(t *testing.T) {
	snapshot := three()
	snapshot.Pending = nil
	server := expandertest.Start(t, expandertest.Choose("large"))
	d, _ := externally(t, server, "grpc", nil)
	if plan, _ := d.Decide(snapshot, model.Settings{}); grownBy(plan) != "" || len(server.Asked()) > 0 {
		t.Errorf("grows %q after %d questions, want neither", grownBy(plan), len(server.Asked()))
	}
}
