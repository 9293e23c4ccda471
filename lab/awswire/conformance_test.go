package awswire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/smithy-go/middleware"
)

// snapshotDir gives a folder of golden requests or answers inside an SDK module.
func snapshotDir(t testing.TB, service, folder string) string {
	t.Helper()
	if service == "events" {
		service = "eventbridge"
	}
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2/service/"+service).Output()
	if err != nil {
		t.Fatalf("find the SDK module of %s: %v", service, err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), folder)
}

// golden reads a request snapshot: request line, headers, body.
func golden(t testing.TB, file string) *http.Request {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	line, rest, _ := strings.Cut(string(data), "\n\n")
	headers, body, _ := strings.Cut(rest, "\n\n")
	method, target, _ := strings.Cut(line, " ")
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for header := range strings.Lines(headers) {
		name, value, _ := strings.Cut(strings.TrimSpace(header), ": ")
		r.Header.Set(name, value)
	}
	return r
}

// capture is a transport that keeps the request and sends nothing.
type capture struct {
	request *http.Request
	body    []byte
}

var errCaptured = errors.New("captured")

func (c *capture) Do(r *http.Request) (*http.Response, error) {
	c.request, c.body = r, nil
	if r.Body != nil {
		c.body, _ = io.ReadAll(r.Body)
	}
	return nil, errCaptured
}

// operationsIn gives the client's methods that are operations.
func operationsIn(client any) map[string]reflect.Value {
	found := map[string]reflect.Value{}
	v := reflect.ValueOf(client)
	for i := range v.NumMethod() {
		m, name := v.Method(i), v.Type().Method(i).Name
		if m.Type().NumIn() == 3 && m.Type().NumOut() == 2 && isStructPointer(m.Type().In(1), name+"Input") {
			found[name] = m
		}
	}
	return found
}

// decoded gives the SDK input that a golden request stands for.
func decoded(t *testing.T, svc *service, name string, input reflect.Type, r *http.Request) reflect.Value {
	t.Helper()
	req, refusal := readRequest(r)
	if refusal != nil {
		t.Fatalf("%s: %v", name, refusal)
	}
	got, refusal := svc.protocol.operation(req)
	if refusal != nil || got != name {
		t.Fatalf("%s: request taken for %q, %v", name, got, refusal)
	}
	in := reflect.New(input)
	if fault := svc.protocol.decode(req, name, in.Elem()); fault != nil {
		t.Fatalf("%s: %v", name, fault)
	}
	return in
}

func invokeClient(op reflect.Value, in reflect.Value) (reflect.Value, error) {
	out := op.Call([]reflect.Value{reflect.ValueOf(context.Background()), in})
	err, _ := out[1].Interface().(error)
	return out[0], err
}

// TestGoldenRequestsRoundTrip decodes every golden request of the SDK modules
// and lets the official client send the result: it must be the same request.
func TestGoldenRequestsRoundTrip(t *testing.T) {
	for _, name := range serviceNames() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			svc, err := newService(name)
			if err != nil {
				t.Fatal(err)
			}
			transport := &capture{}
			operations := operationsIn(newClient(name, "https://test.example.com", transport))
			if len(operations) != len(svc.table.Operations) {
				t.Errorf("the client has %d operations, the table %d", len(operations), len(svc.table.Operations))
			}
			files, _ := filepath.Glob(filepath.Join(snapshotDir(t, name, "request_snapshot"), "*.request.snap"))
			if len(files) == 0 {
				t.Fatal("no golden requests found")
			}
			for _, file := range files {
				checkGolden(t, svc, operations, transport, file)
			}
			t.Logf("%d golden requests", len(files))
		})
	}
}

func checkGolden(t *testing.T, svc *service, operations map[string]reflect.Value, transport *capture, file string) {
	t.Helper()
	name := strings.TrimSuffix(filepath.Base(file), ".request.snap")
	if name == "PutEvents" {
		return // the client does not send to the endpoint of its golden request
	}
	op, ok := operations[name]
	if !ok {
		t.Errorf("%s: the client has no such operation", name)
		return
	}
	want := golden(t, file)
	wantBody, _ := io.ReadAll(want.Body)
	want.Body = io.NopCloser(bytes.NewReader(wantBody))
	in := decoded(t, svc, name, op.Type().In(1).Elem(), want)
	if _, err := invokeClient(op, in); !errors.Is(err, errCaptured) {
		t.Errorf("%s: client did not send: %v", name, err)
		return
	}
	got := transport.request
	if got.Method != want.Method || got.URL.EscapedPath() != want.URL.EscapedPath() || !sameQuery(got.URL, want.URL) {
		t.Errorf("%s: sent %s %s, want %s %s", name, got.Method, got.URL.RequestURI(), want.Method, want.URL.RequestURI())
	}
	// The client sets this by itself and keeps it out of the handler's reach.
	wantBody = bytes.Replace(wantBody, []byte("&DestinationRegion=__destinationRegion__"), nil, 1)
	if !sameBody(transport.body, wantBody) {
		t.Errorf("%s: sent\n%s\nwant\n%s", name, transport.body, wantBody)
	}
}

func sameQuery(a, b *url.URL) bool { return reflect.DeepEqual(a.Query(), b.Query()) }

func sameBody(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

// anyOperation serves every operation of a service with one function.
func anyOperation(t *testing.T, s *Server, name string, clients map[string]reflect.Value, answer func(op string, in reflect.Value) reflect.Value) {
	t.Helper()
	svc, err := newService(name)
	if err != nil {
		t.Fatal(err)
	}
	for opName, method := range clients {
		in, out := method.Type().In(1), method.Type().Out(0)
		signature := reflect.FuncOf([]reflect.Type{reflect.TypeFor[context.Context](), in}, []reflect.Type{out, reflect.TypeFor[error]()}, false)
		handler := reflect.MakeFunc(signature, func(args []reflect.Value) []reflect.Value {
			return []reflect.Value{answer(opName, args[1]), reflect.Zero(reflect.TypeFor[error]())}
		})
		op, ok := asOperation(opName, handler)
		if !ok {
			t.Fatalf("%s does not have the shape of a handler", opName)
		}
		if err := svc.add(op); err != nil {
			t.Fatal(err)
		}
	}
	s.services[name] = svc
}

// same compares SDK values; a nil list equals an empty one, which no protocol
// of AWS tells apart at the top of an answer.
func same(a, b any) string {
	return cmp.Diff(a, b, cmpopts.EquateEmpty(), cmpopts.IgnoreTypes(middleware.Metadata{}),
		cmp.FilterPath(func(p cmp.Path) bool {
			f, ok := p.Last().(cmp.StructField)
			return ok && !reflect.PointerTo(p.Index(-2).Type()).Elem().Field(f.Index()).IsExported()
		}, cmp.Ignore()))
}

// TestOfficialClientUnderstandsEveryOutput sends every operation with its
// golden input through the official client and a real connection to a server
// that answers with random outputs: both ends must see what the other meant.
func TestOfficialClientUnderstandsEveryOutput(t *testing.T) {
	const rounds = 3
	for _, name := range serviceNames() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var gotIn, nextOut reflect.Value
			server := New(Options{Credentials: testSecret})
			endpoint := httptest.NewServer(server)
			defer endpoint.Close()
			operations := operationsIn(newClient(name, endpoint.URL, nil))
			anyOperation(t, server, name, operations, func(_ string, in reflect.Value) reflect.Value {
				mu.Lock()
				defer mu.Unlock()
				gotIn = in
				return nextOut
			})
			dir := snapshotDir(t, name, "request_snapshot")
			fill := newFiller(name)
			for _, opName := range sortedNames(operations) {
				if opName == "ListNodesSummary" {
					continue // its golden request leaves out a required member
				}
				op := operations[opName]
				in := decoded(t, server.services[name], opName, op.Type().In(1).Elem(),
					golden(t, filepath.Join(dir, opName+".request.snap")))
				if events, is := in.Interface().(*eventbridge.PutEventsInput); is {
					events.EndpointId = nil // the golden one is no host
				}
				for range rounds {
					out := reflect.New(op.Type().Out(0).Elem())
					fill.value(out.Elem(), 0)
					mu.Lock()
					nextOut = out
					mu.Unlock()
					got, err := invokeClient(op, in)
					if err != nil {
						t.Errorf("%s: %v", opName, err)
						break
					}
					if diff := same(out.Interface(), got.Interface()); diff != "" {
						t.Errorf("%s: the client read another output (-sent +read):\n%s", opName, diff)
						break
					}
					if diff := same(in.Interface(), gotIn.Interface()); diff != "" {
						t.Errorf("%s: the handler read another input (-sent +read):\n%s", opName, diff)
						break
					}
				}
			}
			t.Logf("%d operations", len(operations))
		})
	}
}

func sortedNames(m map[string]reflect.Value) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
