package offline_test

import (
	"reflect"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/manifest"
	"github.com/drover-project/drover/internal/offers"
	"github.com/drover-project/drover/internal/offline"
)

const limits = `
apiVersion: v1
kind: LimitRange
metadata: {name: limits, namespace: shop}
spec:
  limits:
  - type: Container
    default: {cpu: 500m}
    defaultRequest: {cpu: 100m}
    max: {memory: 2Gi}
  - type: Pod
    max: {cpu: "2", memory: 4Gi}
  - type: PersistentVolumeClaim
    min: {storage: 1Gi}
    max: {storage: 10Gi}
---
`

func TestLimitRangesFillInWhatIsNotSet(t *testing.T) {
	_, pods := cluster(t, limits+`
apiVersion: v1
kind: Pod
metadata: {name: bare, namespace: shop}
spec: {initContainers: [{name: i, image: i}], containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: limited, namespace: shop}
spec: {containers: [{name: c, image: i, resources: {limits: {cpu: 300m, memory: 1Gi}}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: elsewhere}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: there, namespace: shop, uid: u}
spec: {containers: [{name: c, image: i}]}
`)
	for name, want := range map[string]string{
		"shop/bare": "100m/500m 2Gi/2Gi", "shop/limited": "300m/300m 1Gi/1Gi", "default/elsewhere": "0/0 0/0", "shop/there": "0/0 0/0",
	} {
		own := pods[name].Spec.Containers[0].Resources
		got := own.Requests.Cpu().String() + "/" + own.Limits.Cpu().String() + " " + own.Requests.Memory().String() + "/" + own.Limits.Memory().String()
		if got != want {
			t.Errorf("pod %s has %s, want %s", name, got, want)
		}
	}
	if got := pods["shop/bare"].Spec.InitContainers[0].Resources.Requests.Cpu().String(); got != "100m" {
		t.Errorf("the init container requests %s, want 100m", got)
	}
}

func TestPodsBeyondALimitAreLeftOut(t *testing.T) {
	deployment := func(resources string) string {
		return `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: i, resources: {` + resources + `}}]}}
`
	}
	set := func(storage string) string {
		return `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  replicas: 3
  serviceName: db
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c, image: i}]}}
  volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: ` + storage + `}}}}]
`
	}
	for _, test := range []struct{ name, text, want string }{
		{"within", deployment("limits: {cpu: 1, memory: 1Gi}"), ""},
		{"too much memory", deployment("limits: {memory: 3Gi}"),
			"refused by LimitRange shop/limits: at most 2Gi of memory for each Container, but the request is 3Gi and the limit 3Gi"},
		{"too much for a pod", deployment("limits: {cpu: 3}"),
			"refused by LimitRange shop/limits: at most 2 of cpu for each Pod, but the request is 3 and the limit 3"},
		{"a request above the limit that is set for it", deployment("requests: {cpu: 1}"),
			"refused by the API server: container c requests 1 of cpu, above its limit of 500m"},
		{"volumes within", set("1Gi"), ""},
		{"volumes that are too large", set("20Gi"),
			"refused by LimitRange shop/limits: PersistentVolumeClaim data asks for 20Gi, outside of 1Gi to 10Gi"},
	} {
		t.Run(test.name, func(t *testing.T) {
			question := ask(t, limits+test.text)
			var want []offline.LeftOut
			if test.want != "" {
				want = []offline.LeftOut{{Reason: test.want, Pods: 3}}
			}
			if !reflect.DeepEqual(question.LeftOut, want) || len(question.Snapshot.Pending) != 3-3*len(want) {
				t.Errorf("left out are %+v and %d pods ask, want %+v", question.LeftOut, len(question.Snapshot.Pending), want)
			}
		})
	}
}

func ask(t *testing.T, text string) *offline.Question {
	t.Helper()
	input, err := manifest.Read(manifest.Options{Paths: []string{manifest.Stdin}, Stdin: strings.NewReader(text)})
	if err != nil {
		t.Fatal(err)
	}
	market, err := offers.New("us-west-2", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	question, err := offline.Ask(t.Context(), input, market, offline.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return question
}

func TestDaemonSetsAreAdmittedAsPodsAre(t *testing.T) {
	daemonSet := func(resources string) string {
		return `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: shop}
spec:
  selector: {matchLabels: {app: agent}}
  template: {metadata: {labels: {app: agent}}, spec: {containers: [{name: c, image: i, resources: {` + resources + `}}]}}
`
	}
	made, _ := cluster(t, limits+daemonSet(""))
	var found appsv1.DaemonSet
	if err := made.Reader().Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: "agent"}, &found); err != nil {
		t.Fatal(err)
	}
	if got := found.Spec.Template.Spec.Containers[0].Resources.Requests[corev1.ResourceCPU]; got.String() != "100m" {
		t.Errorf("a pod of the DaemonSet requests %s, want 100m", &got)
	}
	made, _ = cluster(t, limits+daemonSet("limits: {memory: 3Gi}"))
	if err := made.Reader().Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: "agent"}, &found); err == nil {
		t.Error("a DaemonSet whose pods are refused takes room")
	}
	if notices := strings.Join(made.Notices(), "\n"); !strings.Contains(notices, "DaemonSet shop/agent takes no room") {
		t.Errorf("notices are %s", notices)
	}
}
