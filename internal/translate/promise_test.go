package translate_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/translate"
)

func claimWith(annotation string) *karpv1.NodeClaim {
	claim := &karpv1.NodeClaim{}
	claim.Name, claim.Annotations = "c", map[string]string{translate.PodsAnnotation: annotation}
	return claim
}

func TestPromisesComeBackAsTheyWere(t *testing.T) {
	made := translate.Promises{{Namespace: "a", Name: "x"}: "m1", {Namespace: "b", Name: "y"}: "m2"}
	encoded, err := translate.EncodePromises(made)
	if err != nil || encoded != `{"a/x":"m1","b/y":"m2"}` {
		t.Fatalf("encoded as %s (%v)", encoded, err)
	}
	read, err := translate.PromisesOf(claimWith(encoded))
	if err != nil || !maps.Equal(read, made) {
		t.Errorf("read back %v (%v), want %v", read, err, made)
	}
	if none, err := translate.EncodePromises(nil); none != "" || err != nil {
		t.Errorf("nothing is encoded as %q (%v)", none, err)
	}
	if _, err := translate.PromisesOf(claimWith("[]")); err == nil || !strings.Contains(err.Error(), "NodeClaim c") {
		t.Errorf("error is %v, want one that names the claim", err)
	}
}

func TestPromisesStayWithinWhatAnAnnotationMayHold(t *testing.T) {
	made := translate.Promises{}
	for i := range 2000 {
		made[model.PodKey{Namespace: strings.Repeat("n", 63), Name: fmt.Sprintf("%0253d", i)}] = "mark"
	}
	encoded, err := translate.EncodePromises(made)
	if err != nil || len(encoded) > 128<<10 {
		t.Fatalf("%d bytes (%v)", len(encoded), err)
	}
	read, err := translate.PromisesOf(claimWith(encoded))
	if err != nil || len(read) < 300 || len(read) == len(made) {
		t.Errorf("%d pods are left (%v), want as many as there is room for", len(read), err)
	}
	if _, first := read[model.PodKey{Namespace: strings.Repeat("n", 63), Name: fmt.Sprintf("%0253d", 0)}]; !first {
		t.Error("the first pod by name is missing")
	}
}

func TestMarksTellPodsApart(t *testing.T) {
	pod := func(change func(*model.Pod)) *model.Pod {
		one := &model.Pod{UID: "u", Labels: map[string]string{"app": "web"}, Requests: model.Resources{model.CPU: 100}}
		change(one)
		return one
	}
	same := translate.Mark(pod(func(*model.Pod) {}))
	if again := translate.Mark(pod(func(p *model.Pod) { p.Blocked, p.Promised = []model.Reason{{}}, true })); again != same {
		t.Errorf("marks are %s and %s, want the same", same, again)
	}
	for name, change := range map[string]func(*model.Pod){
		"UID":        func(p *model.Pod) { p.UID = "v" },
		"label":      func(p *model.Pod) { p.Labels["app"] = "db" },
		"request":    func(p *model.Pod) { p.Requests[model.CPU] = 200 },
		"selector":   func(p *model.Pod) { p.NodeSelector = map[string]string{"a": "b"} },
		"toleration": func(p *model.Pod) { p.Tolerations = []model.Toleration{{Key: "k"}} },
	} {
		if translate.Mark(pod(change)) == same {
			t.Errorf("another %s has the same mark", name)
		}
	}
}

// FuzzPromises: the annotation of a NodeClaim comes from outside.
func FuzzPromises(f *testing.F) {
	f.Add(`{"default/web-1":"k3j4h5","x":""}`)
	f.Add(`{"a":1}`)
	f.Fuzz(func(t *testing.T, text string) {
		promises, err := translate.PromisesOf(claimWith(text))
		if err != nil {
			return
		}
		encoded, err := translate.EncodePromises(promises)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if len(promises) == 0 || len(text) > 100_000 {
			return
		}
		if again, err := translate.PromisesOf(claimWith(encoded)); err != nil || !maps.Equal(again, promises) {
			t.Fatalf("read %v, then %v: %v", promises, again, err)
		}
	})
}
