package translate

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"

	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/drover-project/drover/internal/model"
)

// PodsAnnotation holds, on a NodeClaim, the pods that its node is meant for: a
// JSON object from namespace/name to a mark. It is written together with the
// NodeClaim, so that a decision is remembered whole or not at all, and goes when
// its pods are on nodes or have been given up.
const PodsAnnotation = "drover.sh/pods"

// maxPromises bounds the annotation, in bytes: the annotations of an object
// have 256 KiB together. Pods beyond it are planned for again.
const maxPromises = 128 << 10

// markBase keeps marks short.
const markBase = 36

// Promises says which pods a node is meant for: the mark of each.
type Promises map[model.PodKey]string

// Mark tells whether a pod is still the one that a promise was made to: another
// pod of that name has another mark, and so has a pod that asks for something
// else than it did.
func Mark(pod *model.Pod) string {
	asked, err := json.Marshal([]any{pod.UID, pod.Labels, pod.Requests, pod.NodeSelector, pod.Tolerations})
	if err != nil {
		return pod.UID // never: these are maps and slices of text and numbers
	}
	hash := fnv.New64a()
	_, _ = hash.Write(asked) // never fails
	return strconv.FormatUint(hash.Sum64(), markBase)
}

// EncodePromises is the annotation's value, empty when nothing is promised.
// Pods for which there is no room in it are left out, the last by name first.
func EncodePromises(promises Promises) (string, error) {
	if len(promises) == 0 {
		return "", nil
	}
	byName := make(map[string]string, len(promises))
	size := 0
	for _, key := range promises.Keys() {
		name, mark := key.String(), promises[key]
		if size += len(name) + len(mark) + len(`"":"",`); size > maxPromises {
			break
		}
		byName[name] = mark
	}
	encoded, err := json.Marshal(byName)
	if err != nil {
		return "", fmt.Errorf("encoding the pods of a node: %w", err)
	}
	return string(encoded), nil
}

// Keys are the pods by name.
func (p Promises) Keys() []model.PodKey {
	return slices.SortedFunc(maps.Keys(p), func(a, b model.PodKey) int { return strings.Compare(a.String(), b.String()) })
}

// PromisesOf reads which pods a NodeClaim's node is meant for; none when it is
// not annotated.
func PromisesOf(claim *karpv1.NodeClaim) (Promises, error) {
	encoded, ok := claim.Annotations[PodsAnnotation]
	if !ok {
		return nil, nil
	}
	var byName map[string]string
	if err := json.Unmarshal([]byte(encoded), &byName); err != nil {
		return nil, fmt.Errorf("NodeClaim %s: annotation %s is not a JSON object of pods: %w", claim.Name, PodsAnnotation, err)
	}
	promises := make(Promises, len(byName))
	for text, mark := range byName {
		namespace, name, _ := strings.Cut(text, "/")
		promises[model.PodKey{Namespace: namespace, Name: name}] = mark
	}
	return promises, nil
}
