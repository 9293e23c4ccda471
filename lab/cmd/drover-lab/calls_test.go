package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/drover-project/drover/lab/datadir"
)

func writeLog(t *testing.T, path string, lines ...string) {
	t.Helper()
	if err := os.MkdirAll(path[:strings.LastIndexByte(path, '/')], 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCalls(t *testing.T) {
	path := t.TempDir()
	old, now := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339), time.Now().UTC().Format(time.RFC3339)
	writeLog(t, datadir.CallLog(path),
		`{"time":"`+old+`","client":"drover","service":"ec2","operation":"CreateFleet","code":"","requestID":"1"}`,
		`{"time":"`+now+`","client":"drover","service":"ec2","operation":"DescribeInstances","code":"","requestID":"2"}`,
		`{"time":"`+now+`","client":"drover","service":"ec2","operation":"DescribeInstances","code":"","requestID":"3"}`,
		`{"time":"`+now+`","client":"aws-cli","service":"sqs","operation":"SendMessage","code":"AccessDenied","requestID":"4"}`)
	writeLog(t, datadir.AuditLog(path),
		`{"verb":"create","userAgent":"drover/v1 (linux)","objectRef":{"resource":"pods","subresource":"eviction"},"responseStatus":{"code":429,"reason":"TooManyRequests"},"requestReceivedTimestamp":"`+now[:len(now)-1]+`.000000Z"}`,
		`{"verb":"get","userAgent":"","user":{"username":"system:node:a"},"requestURI":"/readyz?verbose","responseStatus":{"code":200},"requestReceivedTimestamp":"`+now[:len(now)-1]+`.000000Z"}`)
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"all", nil, `CLIENT          API          OPERATION              RESULT            COUNT
aws-cli         sqs          SendMessage            AccessDenied      1
drover          ec2          DescribeInstances      ok                2
drover          ec2          CreateFleet            ok                1
drover          kubernetes   create pods/eviction   TooManyRequests   1
system:node:a   kubernetes   get /readyz            ok                1
`},
		{"lately, of one client", []string{"--since", "10m", "--client", "drover"}, `CLIENT   API          OPERATION              RESULT            COUNT
drover   ec2          DescribeInstances      ok                2
drover   kubernetes   create pods/eviction   TooManyRequests   1
`},
		{"none", []string{"--client", "nobody"}, "no requests\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, err := run(t, append([]string{"calls", "--data-dir", path}, test.args...)...)
			if err != nil || out != test.want {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func TestCallsOfALogThatIsNotOne(t *testing.T) {
	path := t.TempDir()
	writeLog(t, datadir.CallLog(path), `{"time":`)
	if _, err := run(t, "calls", "--data-dir", path); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("error %v", err)
	}
}
