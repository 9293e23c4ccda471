package offline_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drover-project/drover/internal/manifest"
	"github.com/drover-project/drover/internal/offline"
)

// cluster is made of YAML; its pods are by namespace/name.
func cluster(t *testing.T, text string) (*offline.Cluster, map[string]*corev1.Pod) {
	t.Helper()
	input, err := manifest.Read(manifest.Options{Paths: []string{manifest.Stdin}, Stdin: strings.NewReader(text)})
	if err != nil {
		t.Fatal(err)
	}
	made := offline.New(input, offline.Options{})
	var list corev1.PodList
	if err := made.Reader().List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	pods := map[string]*corev1.Pod{}
	for i := range list.Items {
		pods[list.Items[i].Namespace+"/"+list.Items[i].Name] = &list.Items[i]
	}
	return made, pods
}

const container = `containers: [{name: c, image: i}]`

func TestJobsRunWhatTheyStillHaveTo(t *testing.T) {
	for name, test := range map[string]struct {
		spec, status string
		want         int
	}{
		"one by default":             {"", "", 1},
		"as many at once as allowed": {"completions: 10, parallelism: 4,", "", 4},
		"only what is left":          {"completions: 10, parallelism: 4,", "succeeded: 8", 2},
		"a work queue":               {"parallelism: 3,", "", 3},
		"suspended":                  {"suspend: true, parallelism: 3,", "", 0},
		"complete":                   {"parallelism: 3,", `conditions: [{type: Complete, status: "True"}]`, 0},
		"done, without a condition":  {"", "succeeded: 1", 0},
	} {
		t.Run(name, func(t *testing.T) {
			_, pods := cluster(t, "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec: {"+test.spec+
				" template: {spec: {restartPolicy: Never, "+container+"}}}\nstatus: {"+test.status+"}\n")
			if len(pods) != test.want {
				t.Errorf("%d pods, want %d", len(pods), test.want)
			}
		})
	}
}

func TestStatefulSetsFillTheirOrdinals(t *testing.T) {
	made, pods := cluster(t, `
apiVersion: v1
kind: Pod
metadata:
  name: db-3
  uid: u
  ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: db, uid: s, controller: true}]
spec: {nodeName: n, `+container+`}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 3
  ordinals: {start: 2}
  serviceName: db
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: {`+container+`}}
  volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]
`)
	if len(pods) != 3 || pods["default/db-2"] == nil || pods["default/db-4"] == nil || pods["default/db-3"].Spec.NodeName != "n" {
		t.Fatalf("pods are %v", pods)
	}
	if got := pods["default/db-4"].Labels["apps.kubernetes.io/pod-index"]; got != "4" {
		t.Errorf("pod-index is %q", got)
	}
	var claim corev1.PersistentVolumeClaim
	if err := made.Reader().Get(t.Context(), client.ObjectKey{Namespace: "default", Name: "data-db-4"}, &claim); err != nil {
		t.Fatal(err)
	}
	if claim.Spec.StorageClassName == nil || *claim.Spec.StorageClassName != "default" {
		t.Errorf("class is %v", claim.Spec.StorageClassName)
	}
}

func TestAdmissionCompletesPods(t *testing.T) {
	_, pods := cluster(t, `
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: high}
value: 1000
preemptionPolicy: Never
---
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: {name: kata}
handler: kata
overhead: {podFixed: {memory: 128Mi}}
scheduling: {nodeSelector: {runtime: kata}}
---
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  priorityClassName: high
  runtimeClassName: kata
  `+container+`
---
apiVersion: v1
kind: Pod
metadata: {name: critical}
spec: {priorityClassName: system-node-critical, `+container+`}
`)
	spec := pods["default/p"].Spec
	if *spec.Priority != 1000 || *spec.PreemptionPolicy != corev1.PreemptNever || spec.NodeSelector["runtime"] != "kata" {
		t.Errorf("spec is %+v", spec)
	}
	if memory := spec.Overhead.Memory(); memory.Value() != 128<<20 {
		t.Errorf("overhead is %s", memory)
	}
	if got := *pods["default/critical"].Spec.Priority; got != 2_000_001_000 {
		t.Errorf("priority of system-node-critical is %d", got)
	}
}

func TestNamesOfReplicasAreTheirOwn(t *testing.T) {
	made, pods := cluster(t, `
apiVersion: v1
kind: Pod
metadata: {name: web-1}
spec: {`+container+`}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {`+container+`}}
`)
	if len(pods) != 3 || pods["default/web-2"] == nil || pods["default/web-3"] == nil {
		t.Fatalf("pods are %v", pods)
	}
	var namespace corev1.Namespace
	if err := made.Reader().Get(t.Context(), client.ObjectKey{Name: "default"}, &namespace); err != nil || namespace.Labels["kubernetes.io/metadata.name"] != "default" {
		t.Errorf("namespace is %+v (%v)", namespace, err)
	}
}
