package manifest

import (
	"errors"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
)

func read(text string) (*Input, error) {
	return Read(Options{Paths: []string{Stdin}, Stdin: strings.NewReader(text)})
}

func TestQuantitiesPeopleWrite(t *testing.T) {
	for given, want := range map[string]string{
		"500 m": "500m", "1.5GB": "1.5G", "512 MiB": "512Mi", "2gi": "2Gi", "2 cores": "2", "1,5": "15", "lots": "", "500MB": "500M",
	} {
		if got := rightQuantity(given); got != want {
			t.Errorf("%q: suggested %q, want %q", given, got, want)
		}
	}
}

func TestAnchorsAndMergesCount(t *testing.T) {
	input, err := read(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: a, labels: &labels {app: a}}
spec:
  replicas: 2
  selector: {matchLabels: *labels}
  template:
    metadata: {labels: {<<: *labels, tier: web}}
    spec: {containers: [{name: c, resources: {requests: &r {cpu: 1}, limits: *r}}]}
`)
	if err != nil {
		t.Fatal(err)
	}
	deployment := input.Objects[0].Object.(*appsv1.Deployment)
	if got := deployment.Spec.Template.Labels; got["app"] != "a" || got["tier"] != "web" {
		t.Errorf("labels are %v", got)
	}
	if cpu := deployment.Spec.Template.Spec.Containers[0].Resources.Limits.Cpu(); cpu.MilliValue() != 1000 {
		t.Errorf("limit of cpu is %s", cpu)
	}
}

func TestAliasesThatCannotBeFollowed(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for name := 'b'; name < 'j'; name++ {
		item := "*" + string(name-1)
		bomb += string(name) + ": &" + string(name) + " [" + strings.Repeat(item+", ", 9) + item + "]\n"
	}
	for name, text := range map[string]string{
		"holds an alias of itself": "kind: Pod\napiVersion: v1\nspec: &s {containers: [*s]}\n",
		"too many values":          bomb,
	} {
		if _, err := read(text); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error is %v, want %q", err, name)
		}
	}
}

func TestAnObjectOfAClusterMayHaveFieldsOfTomorrow(t *testing.T) {
	input, err := read("apiVersion: v1\nkind: Pod\nmetadata: {name: a, uid: u}\nspec: {tomorrow: 1, containers: [{name: c}]}\n")
	if err != nil {
		t.Fatal(err)
	}
	if len(input.NewerFields) != 1 || input.NewerFields[0] != "Pod spec.tomorrow" {
		t.Errorf("newer fields are %q", input.NewerFields)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, resources: {requests: {cpu: 1}}}]}\n")
	f.Add(`{"apiVersion": "v1", "kind": "List", "items": [{"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n"}}]}`)
	f.Add(`{"name": "w", "zones": ["a"], "groups": [{"name": "g", "count": 1, "cpu_milli": 1, "memory_mib": 1}]}`)
	f.Add("apiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata: {name: p}\nspec: {template: {spec: {nodeClassRef: {name: a}, requirements: [{key: a, operator: Gt, values: ['1']}]}}}\n")
	f.Add("a: &a [*a]\n--- \nkind: &x {<<: *x}\n")
	f.Fuzz(func(t *testing.T, text string) {
		input, err := read(text)
		var problems Problems
		switch {
		case err == nil && input == nil:
			t.Error("neither input nor error")
		case err != nil && !errors.As(err, &problems):
			t.Errorf("error is %T", err)
		case err != nil && len(problems) == 0:
			t.Error("an error without a problem")
		}
	})
}
