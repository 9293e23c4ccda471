package enginetest

import (
	"encoding/json"
	"reflect"
	"sort"
	"strings"

	"github.com/drover-project/drover/internal/engine/scenario"
	"github.com/drover-project/drover/internal/model"
)

// Shrink makes a snapshot that fails smaller as long as it still fails, and
// returns it as a scenario. Nothing is tried that could not be written down as
// one. When the snapshot no longer fails once it has been written down and read
// back, the result is its scenario as it is, and false.
func Shrink(snapshot *model.Snapshot, fails func(*model.Snapshot) bool) (string, bool) {
	text := scenario.Print(snapshot, model.Settings{})
	if !failing(text, fails) {
		return text, false
	}
	for {
		before := len(text)
		text = dropClasses(text, fails)
		text = edits(text, fails, editClass)
		text = edits(text, fails, func(s *model.Snapshot, n int) bool { return edit(reflect.ValueOf(s).Elem(), &n) })
		if len(text) == before {
			return text, true
		}
	}
}

func failing(text string, fails func(*model.Snapshot) bool) bool {
	snapshot, _, err := scenario.Parse(text)
	return err == nil && fails(snapshot)
}

// edits tries the edits 0, 1, ... and keeps those that leave a shorter scenario
// that still fails. An edit returns false when there is none of that number.
func edits(text string, fails func(*model.Snapshot) bool, edit func(*model.Snapshot, int) bool) string {
	for n := 0; ; {
		snapshot, _, err := scenario.Parse(text)
		if err != nil || !edit(snapshot, n) {
			return text
		}
		next := scenario.Print(snapshot, model.Settings{})
		if len(next) < len(text) && failing(next, fails) {
			text = next // what follows has moved up
		} else {
			n++
		}
	}
}

// dropClasses leaves out whole classes of pods.
func dropClasses(text string, fails func(*model.Snapshot) bool) string {
	return edits(text, fails, func(s *model.Snapshot, n int) bool {
		names := classNames(s)
		if n >= len(names) {
			return false
		}
		var rest []model.Pod
		for _, pod := range s.Pending {
			if className(pod.Name) != names[n] {
				rest = append(rest, pod)
			}
		}
		s.Pending = rest
		return true
	})
}

func className(pod string) string {
	if at := strings.LastIndex(pod, "-"); at >= 0 {
		return pod[:at]
	}
	return pod
}

func classNames(s *model.Snapshot) []string {
	seen := map[string]bool{}
	var names []string
	for _, pod := range s.Pending {
		if name := className(pod.Name); !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}

// editClass does the same edit to all pods of one class.
func editClass(s *model.Snapshot, n int) bool {
	for _, name := range classNames(s) {
		var class []*model.Pod
		for i := range s.Pending {
			if className(s.Pending[i].Name) == name {
				class = append(class, &s.Pending[i])
			}
		}
		left, probe := n, copyOf(class[0])
		if !edit(reflect.ValueOf(&probe).Elem(), &left) {
			n = left
			continue
		}
		for _, pod := range class {
			left, changed := n, copyOf(pod)
			edit(reflect.ValueOf(&changed).Elem(), &left)
			*pod = changed
		}
		return true
	}
	return false
}

func copyOf(pod *model.Pod) model.Pod {
	var same model.Pod
	text, err := json.Marshal(pod)
	if err == nil {
		err = json.Unmarshal(text, &same)
	}
	if err != nil {
		panic(err) // a model value that cannot be written as JSON
	}
	return same
}

// edit does edit number *n below v, counting down: an element of a list left
// out, a key of a map, an optional field. It returns whether it came to that.
func edit(v reflect.Value, n *int) bool {
	switch v.Kind() {
	case reflect.Pointer:
		return !v.IsNil() && edit(v.Elem(), n)
	case reflect.Slice:
		return editSlice(v, n)
	case reflect.Map:
		return editMap(v, n)
	case reflect.Struct:
		return editStruct(v, n)
	}
	return false
}

func turn(n *int) bool {
	*n--
	return *n < 0
}

func editSlice(v reflect.Value, n *int) bool {
	for i := range v.Len() {
		if turn(n) {
			rest := reflect.MakeSlice(v.Type(), 0, v.Len()-1)
			rest = reflect.AppendSlice(rest, v.Slice(0, i))
			v.Set(reflect.AppendSlice(rest, v.Slice(i+1, v.Len())))
			return true
		}
	}
	for i := range v.Len() {
		if edit(v.Index(i), n) {
			return true
		}
	}
	return false
}

func editMap(v reflect.Value, n *int) bool {
	keys := v.MapKeys()
	sort.Slice(keys, func(i, j int) bool { return keys[i].String() < keys[j].String() })
	for _, key := range keys {
		if turn(n) {
			v.SetMapIndex(key, reflect.Value{})
			return true
		}
		value := reflect.New(v.Type().Elem()).Elem()
		value.Set(v.MapIndex(key))
		if edit(value, n) {
			v.SetMapIndex(key, value)
			return true
		}
	}
	return false
}

func editStruct(v reflect.Value, n *int) bool {
	for i := range v.NumField() {
		field := v.Field(i)
		optional := strings.Contains(v.Type().Field(i).Tag.Get("json"), ",omitempty")
		if optional && !field.IsZero() && turn(n) {
			field.SetZero()
			return true
		}
		if edit(field, n) {
			return true
		}
	}
	return false
}
