package offline

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// store holds objects by type and key. It is a client.Reader of what is there;
// the objects it hands out belong to it and must not be changed.
type store struct {
	objects map[reflect.Type]map[client.ObjectKey]client.Object
}

func newStore() *store {
	return &store{objects: map[reflect.Type]map[client.ObjectKey]client.Object{}}
}

func (s *store) put(object client.Object) {
	t := reflect.TypeOf(object)
	if s.objects[t] == nil {
		s.objects[t] = map[client.ObjectKey]client.Object{}
	}
	s.objects[t][client.ObjectKeyFromObject(object)] = object
}

func (s *store) remove(object client.Object) {
	delete(s.objects[reflect.TypeOf(object)], client.ObjectKeyFromObject(object))
}

func (s *store) has(object client.Object, key client.ObjectKey) bool {
	return s.objects[reflect.TypeOf(object)][key] != nil
}

// find is the object of a type with a key, nil when there is none.
func find[T client.Object](s *store, namespace, name string) (found T, ok bool) {
	found, ok = s.objects[reflect.TypeFor[T]()][client.ObjectKey{Namespace: namespace, Name: name}].(T)
	return found, ok
}

// all lists the objects of a type by namespace and name.
func all[T client.Object](s *store) []T {
	byKey := s.objects[reflect.TypeFor[T]()]
	list := make([]T, 0, len(byKey))
	for _, object := range byKey {
		list = append(list, object.(T))
	}
	slices.SortFunc(list, func(a, b T) int { return compareKeys(client.ObjectKeyFromObject(a), client.ObjectKeyFromObject(b)) })
	return list
}

func compareKeys(a, b client.ObjectKey) int {
	if a.Namespace != b.Namespace {
		return strings.Compare(a.Namespace, b.Namespace)
	}
	return strings.Compare(a.Name, b.Name)
}

// Get implements client.Reader.
func (s *store) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	stored := s.objects[reflect.TypeOf(into)][key]
	if stored == nil {
		return apierrors.NewNotFound(schema.GroupResource{Resource: strings.ToLower(reflect.TypeOf(into).Elem().Name())}, key.String())
	}
	reflect.ValueOf(into).Elem().Set(reflect.ValueOf(stored).Elem())
	return nil
}

// List implements client.Reader. There are no indexes to select fields by.
func (s *store) List(_ context.Context, list client.ObjectList, options ...client.ListOption) error {
	var chosen client.ListOptions
	chosen.ApplyOptions(options)
	if chosen.FieldSelector != nil && !chosen.FieldSelector.Empty() {
		return fmt.Errorf("listing %T: fields cannot be selected here", list)
	}
	items := reflect.ValueOf(list).Elem().FieldByName("Items")
	byKey := s.objects[reflect.PointerTo(items.Type().Elem())]
	keys := make([]client.ObjectKey, 0, len(byKey))
	for key, object := range byKey {
		inNamespace := chosen.Namespace == "" || chosen.Namespace == key.Namespace
		if inNamespace && (chosen.LabelSelector == nil || chosen.LabelSelector.Matches(labels.Set(object.GetLabels()))) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, compareKeys)
	found := reflect.MakeSlice(items.Type(), len(keys), len(keys))
	for i, key := range keys {
		found.Index(i).Set(reflect.ValueOf(byKey[key]).Elem())
	}
	items.Set(found)
	return nil
}
