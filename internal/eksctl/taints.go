package eksctl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// TaintEffect is NoSchedule, PreferNoSchedule or NoExecute.
type TaintEffect string

// Taints of a self-managed group are written as a list, or as a map of KEY to
// VALUE:EFFECT or EFFECT.
type Taints []Taint

// UnmarshalJSON reads both forms.
func (t *Taints) UnmarshalJSON(text []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")) {
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		var list []Taint
		if err := decoder.Decode(&list); err != nil {
			return errors.New("each taint has a key, a value and an effect, and nothing else")
		}
		*t = list
		return nil
	}
	var byKey map[string]string
	if err := json.Unmarshal(text, &byKey); err != nil {
		return errors.New("taints are a list of {key, value, effect}, or a map of KEY: VALUE:EFFECT")
	}
	*t = nil
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		value, effect, both := strings.Cut(byKey[key], ":")
		if !both {
			value, effect = "", value
		}
		*t = append(*t, Taint{Key: key, Value: value, Effect: TaintEffect(effect)})
	}
	return nil
}

// String is KEY=VALUE:EFFECT, as kubectl has it.
func (t Taint) String() string { return fmt.Sprintf("%s=%s:%s", t.Key, t.Value, t.Effect) }
