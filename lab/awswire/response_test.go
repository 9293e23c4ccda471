package awswire

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// canned is a transport that answers everything with one response.
type canned struct {
	status int
	header http.Header
	body   string
}

func (c canned) Do(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: c.status, Header: c.header, Body: io.NopCloser(strings.NewReader(c.body)), Request: r}, nil
}

// goldenAnswer reads a response snapshot: status, headers, body.
func goldenAnswer(t *testing.T, file string) canned {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, body, _ := strings.Cut(string(data), "\n\n")
	lines := strings.Split(head, "\n")
	status, err := strconv.Atoi(lines[0])
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	header := http.Header{}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		header.Set(name, value)
	}
	return canned{status: status, header: header, body: body}
}

// TestGoldenAnswersRoundTrip has the official client read every golden answer
// of the SDK modules that have them, and writes the result again.
func TestGoldenAnswersRoundTrip(t *testing.T) {
	for _, name := range []string{"eks", "ssm", "pricing"} {
		t.Run(name, func(t *testing.T) {
			svc, err := newService(name)
			if err != nil {
				t.Fatal(err)
			}
			files, _ := filepath.Glob(filepath.Join(snapshotDir(t, name, "response_snapshot"), "*.response.snap"))
			if len(files) != len(svc.table.Operations) {
				t.Fatalf("%d golden answers for %d operations", len(files), len(svc.table.Operations))
			}
			inputs := snapshotDir(t, name, "request_snapshot")
			for _, file := range files {
				operation := strings.TrimSuffix(filepath.Base(file), ".response.snap")
				want := goldenAnswer(t, file)
				method := operationsIn(newClient(name, "https://test.example.com", want))[operation]
				in := decoded(t, svc, operation, method.Type().In(1).Elem(), golden(t, filepath.Join(inputs, operation+".request.snap")))
				out, err := invokeClient(method, in)
				if err != nil {
					t.Errorf("%s: the client cannot read its golden answer: %v", operation, err)
					continue
				}
				checkAnswer(t, svc, operation, out, want)
			}
		})
	}
}

func checkAnswer(t *testing.T, svc *service, operation string, out reflect.Value, want canned) {
	t.Helper()
	got, err := svc.protocol.encode(operation, out.Elem(), "id")
	if err != nil {
		t.Errorf("%s: %v", operation, err)
		return
	}
	if got.status != want.status || got.header["Content-Type"] != want.header.Get("Content-Type") {
		t.Errorf("%s: answered %d %v, want %d %v", operation, got.status, got.header, want.status, want.header)
	}
	if !bytes.Equal(got.body, []byte(want.body)) && !sameBody(got.body, []byte(want.body)) {
		t.Errorf("%s: answered\n%s\nwant\n%s", operation, got.body, want.body)
	}
}
