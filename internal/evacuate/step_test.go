package evacuate

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var noon = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

func pod(name string, change ...func(*corev1.Pod)) corev1.Pod {
	p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: corev1.PodStatus{Phase: corev1.PodRunning, StartTime: &metav1.Time{Time: noon.Add(-time.Hour)}}}
	for _, each := range change {
		each(&p)
	}
	return p
}

func ownedBy(kind string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.OwnerReferences = []metav1.OwnerReference{{Kind: kind, Name: "owner", Controller: new(true)}}
	}
}

func critical(p *corev1.Pod) { p.Spec.Priority = new(int32(systemCritical)) }

func doNotDisrupt(value string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Annotations = map[string]string{"karpenter.sh/do-not-disrupt": value} }
}

func toleratesEverything(p *corev1.Pod) {
	p.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
}

func ending(since time.Duration) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: noon.Add(-since)} }
}

func graceful(period time.Duration) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Spec.TerminationGracePeriodSeconds = new(int64(period.Seconds())) }
}

func names(pods []*corev1.Pod) string {
	var list []string
	for _, p := range pods {
		list = append(list, p.Name)
	}
	return strings.Join(list, " ")
}

func removals(list []Removal) string {
	var pods []*corev1.Pod
	for _, removal := range list {
		pods = append(pods, removal.Pod)
	}
	return names(pods)
}

func TestNextStep(t *testing.T) {
	in := func(d time.Duration) *time.Time { at := noon.Add(d); return &at }
	for _, test := range []struct {
		name     string
		pods     []corev1.Pod
		deadline *time.Time
		waiting  int
		evict    string
		remove   string
		blocked  string
	}{
		{name: "an empty node"},
		{name: "ordinary pods go first", pods: []corev1.Pod{pod("dns", critical), pod("daemon", ownedBy("DaemonSet")), pod("web")}, waiting: 3, evict: "web"},
		{name: "then DaemonSet pods", pods: []corev1.Pod{pod("dns", critical), pod("daemon", ownedBy("DaemonSet"))}, waiting: 2, evict: "daemon"},
		{name: "then critical ones", pods: []corev1.Pod{pod("proxy", critical, ownedBy("DaemonSet")), pod("dns", critical)}, waiting: 2, evict: "dns"},
		{name: "whoever empties the node waits for the others", pods: []corev1.Pod{pod("self"), pod("dns", critical)}, waiting: 2, evict: "dns"},
		{name: "and goes last", pods: []corev1.Pod{pod("self")}, waiting: 1, evict: "self"},
		{name: "a tier waits for pods that are leaving", pods: []corev1.Pod{pod("web", ending(-20*time.Second)), pod("dns", critical)}, waiting: 2},
		{name: "static pods and tolerating pods stay", pods: []corev1.Pod{pod("static", ownedBy("Node")), pod("cni", toleratesEverything)}},
		{name: "pods that are over do not count", pods: []corev1.Pod{pod("job", func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded })}},
		{name: "a pod that hangs is not waited for", pods: []corev1.Pod{pod("hung", ending(2*time.Minute))}},
		{name: "do-not-disrupt blocks", pods: []corev1.Pod{pod("db", doNotDisrupt("true")), pod("web")}, waiting: 2, evict: "web", blocked: "db"},
		{name: "do-not-disrupt for a time that is over", pods: []corev1.Pod{pod("db", doNotDisrupt("30m"))}, waiting: 1, evict: "db"},
		{name: "do-not-disrupt for a time that is not over", pods: []corev1.Pod{pod("db", doNotDisrupt("2h"))}, waiting: 1, blocked: "db"},
		{name: "the deadline is far", pods: []corev1.Pod{pod("db", doNotDisrupt("true"), graceful(time.Minute))}, deadline: in(2 * time.Minute), waiting: 1, blocked: "db"},
		{name: "the deadline wins over do-not-disrupt", pods: []corev1.Pod{pod("db", doNotDisrupt("true"), graceful(time.Minute))}, deadline: in(time.Minute), waiting: 1, remove: "db"},
		{name: "the deadline shortens a grace period that runs", pods: []corev1.Pod{pod("db", ending(-5*time.Minute), graceful(10*time.Minute))}, deadline: in(time.Minute), waiting: 1, remove: "db"},
	} {
		t.Run(test.name, func(t *testing.T) {
			rules := Rules{Force: ForceGrace, Self: client.ObjectKey{Name: "self"}}
			if test.deadline != nil {
				rules.Deadline = *test.deadline
			}
			got := Next(test.pods, noon, rules)
			if got.Waiting != test.waiting || removals(got.Evict) != test.evict || removals(got.Remove) != test.remove || names(got.Blocked) != test.blocked {
				t.Errorf("waiting %d, evict %q, remove %q, blocked %q; want %d, %q, %q, %q", got.Waiting, removals(got.Evict), removals(got.Remove), names(got.Blocked),
					test.waiting, test.evict, test.remove, test.blocked)
			}
		})
	}
}
