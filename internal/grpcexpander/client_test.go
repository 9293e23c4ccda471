package grpcexpander_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drover-project/drover/internal/grpcexpander"
	"github.com/drover-project/drover/internal/grpcexpander/expandertest"
	"github.com/drover-project/drover/internal/grpcexpander/wire"
)

func options() []grpcexpander.Option {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"}, Spec: corev1.PodSpec{PriorityClassName: "high"}}
	node := func(name string) *corev1.Node {
		return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"node.kubernetes.io/instance-type": "m5.large"}}}
	}
	return []grpcexpander.Option{
		{Group: "a", Nodes: 2, Debug: "a (1:10)", Node: node("template-a"), Pods: []*corev1.Pod{pod}},
		{Group: "b", Nodes: 1, Debug: "b (0:3)", Node: node("template-b"), Pods: []*corev1.Pod{pod}},
	}
}

func client(server *expandertest.Server) *grpcexpander.Client {
	return &grpcexpander.Client{URL: server.Address, CertFile: server.CertFile, Timeout: time.Minute}
}

func TestServersSeeWhatClusterAutoscalerSends(t *testing.T) {
	server := expandertest.Start(t, expandertest.Choose("b", "a"))
	chosen, err := client(server).BestOptions(t.Context(), options())
	if err != nil || !slices.Equal(chosen, []string{"b", "a"}) {
		t.Fatalf("chosen are %v, %v; want b and a", chosen, err)
	}
	asked := server.Asked()[0]
	if got := slices.Sorted(maps.Keys(asked.GetNodeMap())); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("nodes are of %v, want one of each group", got)
	}
	option := asked.GetOptions()[0]
	if option.GetNodeGroupId() != "a" || option.GetNodeCount() != 2 || option.GetDebug() != "a (1:10)" {
		t.Errorf("the first option is %v", option)
	}
	// Servers made for older and newer versions each read one of the two fields.
	for name, fields := range map[string]struct {
		nodes map[string][]byte
		pods  [][]byte
	}{"old": {asked.GetNodeMap(), option.GetPod()}, "new": {asked.GetNodeBytesMap(), option.GetPodBytes()}} {
		var node corev1.Node
		var pod corev1.Pod
		if err := errors.Join(node.Unmarshal(fields.nodes["a"]), pod.Unmarshal(fields.pods[0])); err != nil {
			t.Fatal(err)
		}
		if node.Name != "template-a" || node.Labels["node.kubernetes.io/instance-type"] != "m5.large" || pod.Name != "web" || pod.Spec.PriorityClassName != "high" {
			t.Errorf("a server that reads the %s fields sees node %v and pod %v", name, node.ObjectMeta, pod.ObjectMeta)
		}
	}
}

// The numbers of the fields are the protocol; what generates the code could change
// them unseen by a test of client and server made from the same file.
func TestFieldsHaveClusterAutoscalersNumbers(t *testing.T) {
	text, err := proto.Marshal(&wire.BestOptionsRequest{Options: []*wire.Option{{NodeGroupId: "g", NodeCount: 3, Debug: "d", Pod: [][]byte{{'p'}}, PodBytes: [][]byte{{'q'}}}},
		NodeMap: map[string][]byte{"k": {'n'}}, NodeBytesMap: map[string][]byte{"k": {'m'}}})
	if err != nil {
		t.Fatal(err)
	}
	request := fieldsOf(t, text)
	option := fieldsOf(t, request[1])
	for number, want := range map[protowire.Number]string{1: "g", 2: "\x03", 3: "d", 4: "p", 5: "q"} {
		if string(option[number]) != want {
			t.Errorf("field %d of an option is %q, want %q", number, option[number], want)
		}
	}
	for number, want := range map[protowire.Number]string{2: "n", 3: "m"} {
		entry := fieldsOf(t, request[number])
		if string(entry[1]) != "k" || string(entry[2]) != want {
			t.Errorf("field %d of a question maps %q to %q, want %q", number, entry[1], entry[2], want)
		}
	}
	if name := wire.Expander_BestOptions_FullMethodName; name != "/grpcplugin.Expander/BestOptions" {
		t.Errorf("the method is %s", name)
	}
}

// fieldsOf reads a message with at most one value for each field.
func fieldsOf(t *testing.T, text []byte) map[protowire.Number][]byte {
	t.Helper()
	fields := map[protowire.Number][]byte{}
	for len(text) > 0 {
		number, kind, n := protowire.ConsumeTag(text)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		text = text[n:]
		length := protowire.ConsumeFieldValue(number, kind, text)
		if length < 0 {
			t.Fatal(protowire.ParseError(length))
		}
		fields[number] = text[:length]
		if kind == protowire.BytesType {
			fields[number], _ = protowire.ConsumeBytes(text)
		}
		text = text[length:]
	}
	return fields
}

func TestNoOptionIsAnAnswer(t *testing.T) {
	server := expandertest.Start(t, expandertest.Choose())
	if chosen, err := client(server).BestOptions(t.Context(), options()); err != nil || len(chosen) != 0 {
		t.Errorf("chosen are %v, %v; want none, and no error", chosen, err)
	}
}

func TestFailuresSayWhatToDo(t *testing.T) {
	refuse := func(code codes.Code) expandertest.Answer {
		return func(context.Context, *wire.BestOptionsRequest) (*wire.BestOptionsResponse, error) {
			return nil, status.Error(code, "the server's own words")
		}
	}
	never := func(ctx context.Context, _ *wire.BestOptionsRequest) (*wire.BestOptionsResponse, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	for name, test := range map[string]struct {
		answer expandertest.Answer
		change func(*grpcexpander.Client, *expandertest.Server)
		want   string
	}{
		"slow":    {never, func(c *grpcexpander.Client, _ *expandertest.Server) { c.Timeout = 100 * time.Millisecond }, "did not answer within 100ms"},
		"down":    {nil, func(_ *grpcexpander.Client, s *expandertest.Server) { s.Stop() }, "connection refused"},
		"broken":  {refuse(codes.Internal), nil, "the server's own words"},
		"another": {refuse(codes.Unimplemented), nil, "does not serve grpcplugin.Expander"},
		"small":   {refuse(codes.ResourceExhausted), nil, "grpc.MaxRecvMsgSize"},
		"untrue":  {nil, func(c *grpcexpander.Client, _ *expandertest.Server) { c.CertFile = expandertest.OtherCert(t) }, "does not vouch for it"},
		"misnamed": {nil, func(c *grpcexpander.Client, _ *expandertest.Server) {
			c.URL = strings.Replace(c.URL, "127.0.0.1", "localhost", 1)
		}, "match localhost"},
		"no file": {nil, func(c *grpcexpander.Client, _ *expandertest.Server) { c.CertFile += ".gone" }, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			server := expandertest.Start(t, test.answer)
			c := client(server)
			if test.change != nil {
				test.change(c, server)
			}
			chosen, err := c.BestOptions(t.Context(), options())
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("chosen are %v, %v; want an error with %q", chosen, err, test.want)
			}
		})
	}
}

func TestAServerThatComesBackIsHeardAtOnce(t *testing.T) {
	server := expandertest.Start(t, expandertest.Choose("a"))
	c := client(server)
	// A renewed certificate is another file under the same name.
	good, err := os.ReadFile(server.CertFile)
	if err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(expandertest.OtherCert(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		cert  []byte
		works bool
	}{{old, false}, {good, true}, {old, false}, {good, true}} {
		if err := os.WriteFile(c.CertFile, step.cert, 0o600); err != nil {
			t.Fatal(err)
		}
		if chosen, err := c.BestOptions(t.Context(), options()); (err == nil) != step.works {
			t.Fatalf("chosen are %v, %v; want an answer: %t", chosen, err, step.works)
		}
	}
}

func TestQuestionsHaveABound(t *testing.T) {
	server := expandertest.Start(t, expandertest.Choose("a"))
	list := options()
	list[0].Pods[0].Annotations = map[string]string{"large": strings.Repeat("x", 40<<20)}
	_, err := client(server).BestOptions(t.Context(), list)
	if err == nil || !strings.Contains(err.Error(), "MiB") || len(server.Asked()) > 0 {
		t.Errorf("%v, asked %d times; want an error about the size and no question", err, len(server.Asked()))
	}
}

func TestFlagsAreCheckedAtTheStart(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.crt")
	if err := os.WriteFile(empty, []byte("not a certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := expandertest.OtherCert(t)
	for name, test := range map[string]struct{ url, cert, want string }{
		"no address":     {"", good, "--grpc-expander-url is missing"},
		"scheme":         {"https://expander:443", good, "without https://, such as expander:443"},
		"no certificate": {"expander:443", "", "--grpc-expander-cert is missing"},
		"no file":        {"expander:443", good + ".gone", "no such file"},
		"no PEM":         {"expander:443", empty, "there is no certificate in it"},
		"good":           {"expander:443", good, ""},
		"with resolver":  {"dns:///expander:443", good, ""},
	} {
		err := (&grpcexpander.Client{URL: test.url, CertFile: test.cert}).Check()
		if test.want == "" && err == nil {
			continue
		}
		if err == nil || test.want == "" || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}
