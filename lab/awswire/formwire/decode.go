package formwire

import (
	"net/url"
	"reflect"
	"strings"

	"github.com/drover-project/drover/lab/awswire/shape"
)

// Decode sets the input struct in from the parameters of a request, without
// Action, Version and those of the signature. Unknown parameters and values of
// the wrong type are faults; required parameters are not checked here.
func Decode(s *shape.Service, values url.Values, in reflect.Value) *shape.Fault {
	root, fault := tree(values)
	if fault != nil {
		return fault
	}
	d := decoder{service: s}
	return d.structure(root, in)
}

type decoder struct{ service *shape.Service }

func (d decoder) structure(n *node, v reflect.Value) *shape.Fault {
	form := d.service.In(v.Type())
	for _, name := range n.names() {
		m := form.ByWire(name)
		if m == nil {
			return n.children[name].unknown().In(name)
		}
		if m.Hidden {
			continue
		}
		if fault := d.value(n.children[name], v.Field(m.Index), m.Item); fault != nil {
			return fault.In(name)
		}
	}
	return nil
}

// unknown names the whole parameter: the first leaf below n.
func (n *node) unknown() *shape.Fault {
	if n.text == nil {
		for _, name := range n.names() {
			return n.children[name].unknown().In(name)
		}
	}
	return &shape.Fault{Kind: shape.Unknown}
}

// value decodes n by the Go type of v; item is a list's own element name.
func (d decoder) value(n *node, v reflect.Value, item string) *shape.Fault {
	if v.Kind() == reflect.Interface {
		return d.union(n, v)
	}
	v = shape.Settable(v)
	if shape.IsScalar(v.Type()) {
		return scalar(n, v)
	}
	// An empty list or map is written as a name with an empty value.
	if n.text != nil && (*n.text != "" || n.children != nil) {
		return &shape.Fault{Kind: shape.WrongType, Value: shape.Shorten(*n.text), Want: "more parts in the parameter's name"}
	}
	switch v.Kind() {
	case reflect.Slice:
		return d.list(n, v, item)
	case reflect.Map:
		return d.dictionary(n, v, item)
	default:
		return d.structure(n, v)
	}
}

func scalar(n *node, v reflect.Value) *shape.Fault {
	if n.text == nil {
		return n.unknown()
	}
	for _, name := range n.names() {
		return n.children[name].unknown().In(name)
	}
	return shape.SetText(v, *n.text)
}

// list decodes NAME.1, or NAME.item.1 where the protocol names the elements.
// Positions need not be without gaps.
func (d decoder) list(n *node, v reflect.Value, item string) *shape.Fault {
	if item == "" && d.service.Protocol == shape.Query {
		item = "member"
	}
	v.Set(reflect.MakeSlice(v.Type(), 0, len(n.children)))
	if item == "" || item == shape.Flat {
		return d.elements(n, v)
	}
	for _, name := range n.names() {
		below := n.children[name]
		if name != item {
			return below.unknown().In(name)
		}
		if fault := d.elements(below, v); fault != nil {
			return fault.In(name)
		}
	}
	return nil
}

func (d decoder) elements(n *node, v reflect.Value) *shape.Fault {
	for _, name := range n.names() {
		if !isIndex(name) {
			return n.children[name].unknown().In(name)
		}
		element := reflect.New(v.Type().Elem()).Elem()
		if fault := d.value(n.children[name], element, ""); fault != nil {
			return fault.In(name)
		}
		v.Set(reflect.Append(v, element))
	}
	return nil
}

// dictionary decodes NAME.entry.1.key and NAME.entry.1.value, or a flat map's
// NAME.1.KEY and NAME.1.VALUE with the names in item.
func (d decoder) dictionary(n *node, v reflect.Value, item string) *shape.Fault {
	v.Set(reflect.MakeMapWithSize(v.Type(), len(n.children)))
	if key, value, flat := strings.Cut(item, shape.KeyValue); flat {
		return d.entries(n, v, key, value)
	}
	for _, name := range n.names() {
		below := n.children[name]
		if name != "entry" {
			return below.unknown().In(name)
		}
		if fault := d.entries(below, v, "key", "value"); fault != nil {
			return fault.In(name)
		}
	}
	return nil
}

func (d decoder) entries(n *node, v reflect.Value, key, value string) *shape.Fault {
	for _, index := range n.names() {
		if !isIndex(index) {
			return n.children[index].unknown().In(index)
		}
		if fault := d.entry(n.children[index], v, key, value); fault != nil {
			return fault.In(index)
		}
	}
	return nil
}

func (d decoder) entry(n *node, v reflect.Value, keyName, valueName string) *shape.Fault {
	key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
	parts := map[string]reflect.Value{keyName: key, valueName: value}
	for _, name := range n.names() {
		part, known := parts[name]
		if !known {
			return n.children[name].unknown().In(name)
		}
		if fault := d.value(n.children[name], part, ""); fault != nil {
			return fault.In(name)
		}
	}
	if n.children[keyName] == nil {
		return &shape.Fault{Kind: shape.Missing, Path: keyName}
	}
	v.SetMapIndex(key, value)
	return nil
}

// union decodes NAME.MEMBER..., of which exactly one must be there.
func (d decoder) union(n *node, v reflect.Value) *shape.Fault {
	members, known := d.service.Union(v.Type())
	if !known {
		return n.unknown()
	}
	for _, name := range n.names() {
		if !v.IsNil() {
			return &shape.Fault{Kind: shape.WrongType, Value: name, Want: "only one of the members of the union"}
		}
		m := byWire(members, name)
		if m == nil {
			return n.children[name].unknown().In(name)
		}
		holder := reflect.New(d.service.UnionMember(v.Type().Name(), m.Field))
		if fault := d.value(n.children[name], holder.Elem().FieldByName("Value"), ""); fault != nil {
			return fault.In(name)
		}
		v.Set(holder)
	}
	return nil
}

func byWire(members []shape.Member, name string) *shape.Member {
	for i := range members {
		if members[i].Wire == name {
			return &members[i]
		}
	}
	return nil
}
