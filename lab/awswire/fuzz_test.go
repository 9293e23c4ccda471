package awswire

import (
	"io"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// FuzzDecode gives arbitrary requests to the decoders of every protocol: they
// must answer with a value or a fault, and never panic.
func FuzzDecode(f *testing.F) {
	type codec struct {
		svc        *service
		operations map[string]reflect.Value
	}
	codecs := map[string]codec{}
	for _, name := range serviceNames() {
		svc, err := newService(name)
		if err != nil {
			f.Fatal(err)
		}
		codecs[name] = codec{svc, operationsIn(newClient(name, "https://test.example.com", nil))}
	}
	for _, seed := range []struct{ service, operation string }{
		{"ec2", "CreateFleet"}, {"ec2", "DescribeInstances"}, {"iam", "SimulatePrincipalPolicy"}, {"iam", "CreateRole"},
		{"cloudformation", "CreateStack"}, {"eks", "CreateNodegroup"}, {"eks", "ListInsights"},
		{"ssm", "StartExecutionPreview"}, {"ssm", "GetParametersByPath"}, {"pricing", "GetProducts"},
	} {
		r := golden(f, filepath.Join(snapshotDir(f, seed.service, "request_snapshot"), seed.operation+".request.snap"))
		body, err := io.ReadAll(r.Body)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed.service, seed.operation, string(body))
	}
	f.Fuzz(func(t *testing.T, name, operation, body string) {
		c, ok := codecs[name]
		if !ok {
			return
		}
		method, ok := c.operations[operation]
		if !ok {
			return
		}
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		if c.svc.table.Namespace != "" && strings.HasPrefix(c.svc.table.Namespace, "http") {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		req, refusal := readRequest(r)
		if refusal != nil {
			return
		}
		in := reflect.New(method.Type().In(1).Elem()).Elem()
		if fault := c.svc.protocol.decode(req, operation, in); fault != nil {
			if fault.Error() == "" || c.svc.dialect.fault(fault).Code == "" {
				t.Error("a fault that says nothing")
			}
			return
		}
		_ = c.svc.table.CheckRequired(in)
	})
}
