package shape

import (
	"reflect"
	"strconv"
)

// CheckRequired finds the first required parameter that a decoded request
// leaves out, at any depth; nil when there is none.
func (s *Service) CheckRequired(v reflect.Value) *Fault {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return s.CheckRequired(v.Elem())
	case reflect.Slice:
		return s.checkList(v)
	case reflect.Map:
		for _, key := range v.MapKeys() {
			if f := s.CheckRequired(v.MapIndex(key)); f != nil {
				return f.In(key.String())
			}
		}
	case reflect.Struct:
		return s.checkStruct(v)
	}
	return nil
}

func (s *Service) checkList(v reflect.Value) *Fault {
	if IsScalar(v.Type().Elem()) {
		return nil
	}
	for i := range v.Len() {
		if f := s.CheckRequired(v.Index(i)); f != nil {
			return f.In(strconv.Itoa(i + 1))
		}
	}
	return nil
}

func (s *Service) checkStruct(v reflect.Value) *Fault {
	if IsTime(v.Type()) {
		return nil
	}
	for _, m := range s.In(v.Type()).Members {
		field := v.Field(m.Index)
		if m.Required && field.IsZero() {
			return &Fault{Kind: Missing, Path: m.Wire}
		}
		if f := s.CheckRequired(field); f != nil {
			return f.In(m.Wire)
		}
	}
	return nil
}
