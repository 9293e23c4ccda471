package awswire

import (
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire/jsonwire"
	"github.com/drover-project/drover/lab/awswire/shape"
)

// restJSON is the protocol of EKS: method and path name the operation, and
// carry some of its parameters.
type restJSON struct {
	table  *shape.Service
	routes []route
}

// route is an operation's path template in parts: /clusters/{name}.
type route struct {
	operation, method string
	parts             []string
}

func newRESTJSON(table *shape.Service) restJSON {
	p := restJSON{table: table}
	for name, op := range table.Operations {
		p.routes = append(p.routes, route{operation: name, method: op.Method, parts: strings.Split(op.Path, "/")})
	}
	// A fixed part goes before a label: /clusters/{name}/updates before
	// /clusters/{name}/{other}. '{' sorts after every letter.
	slices.SortFunc(p.routes, func(a, b route) int { return slices.Compare(a.parts, b.parts) })
	return p
}

func (p restJSON) operation(req *request) (string, *awserr.Error) {
	if r, _ := p.find(req); r != nil {
		return r.operation, nil
	}
	return "", awserr.WithStatus(http.StatusNotFound, "UnknownOperationException",
		"There is no operation %s %s.", req.http.Method, req.http.URL.Path)
}

// find gives the route of a request and the values of its labels.
func (p restJSON) find(req *request) (*route, map[string]string) {
	parts := strings.Split(req.http.URL.EscapedPath(), "/")
	for i := range p.routes {
		if p.routes[i].method != req.http.Method {
			continue
		}
		if labels, ok := p.routes[i].match(parts); ok {
			return &p.routes[i], labels
		}
	}
	return nil, nil
}

// match compares part by part; a label takes one part, which may not be empty.
func (r *route) match(parts []string) (labels map[string]string, ok bool) {
	if len(parts) != len(r.parts) {
		return nil, false
	}
	labels = map[string]string{}
	for i, want := range r.parts {
		name, isLabel := strings.CutPrefix(want, "{")
		if !isLabel {
			if parts[i] != want {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(parts[i])
		if err != nil || value == "" {
			return nil, false
		}
		labels[strings.TrimSuffix(name, "}")] = value
	}
	return labels, true
}

func (p restJSON) decode(req *request, _ string, in reflect.Value) *shape.Fault {
	if fault := jsonwire.Decode(p.table, req.body, in); fault != nil {
		return fault
	}
	_, labels := p.find(req)
	query := req.http.URL.Query()
	for _, m := range p.table.In(in.Type()).Members {
		var fault *shape.Fault
		switch m.Place {
		case shape.Label:
			fault = setTexts(in.Field(m.Index), []string{labels[m.Wire]})
		case shape.URL:
			fault = setTexts(in.Field(m.Index), query[m.Wire])
			delete(query, m.Wire)
		}
		if fault != nil {
			return fault.In(m.Wire)
		}
	}
	for name := range query {
		if !strings.HasPrefix(name, "X-Amz-") {
			return &shape.Fault{Kind: shape.Unknown, Path: name}
		}
	}
	return nil
}

// setTexts sets a field, a scalar or a list of them, from the path or the query.
func setTexts(v reflect.Value, texts []string) *shape.Fault {
	if len(texts) == 0 {
		return nil
	}
	if v.Kind() != reflect.Slice {
		return shape.SetText(shape.Settable(v), texts[0])
	}
	v.Set(reflect.MakeSlice(v.Type(), len(texts), len(texts)))
	for i, text := range texts {
		if fault := shape.SetText(v.Index(i), text); fault != nil {
			return fault
		}
	}
	return nil
}

func (p restJSON) encode(_ string, out reflect.Value, _ string) (*response, error) {
	if len(p.table.Out(out.Type()).Members) == 0 {
		return &response{status: http.StatusOK}, nil
	}
	body, err := jsonwire.Encode(p.table, out)
	if err != nil {
		return nil, err
	}
	return respond(200, "application/json", body), nil
}

func (p restJSON) failure(err *awserr.Error, _ string) *response {
	answer := respond(statusOf(err, p.table), "application/json", jsonError(err))
	answer.header["X-Amzn-Errortype"] = err.Code
	return answer
}
