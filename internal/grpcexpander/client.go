// Package grpcexpander asks an external expander, a gRPC server made for Cluster
// Autoscaler, which node groups are to grow.
package grpcexpander

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/internal/grpcexpander/wire"
)

// Cluster Autoscaler's own limits.
const (
	// DefaultTimeout is how long the server may take.
	DefaultTimeout = 5 * time.Second
	// maxMessage bounds a question and an answer, in bytes.
	maxMessage = 128 << 20
)

// Option is a node group that could grow for pods.
type Option struct {
	// Group is the name of the Auto Scaling group.
	Group string
	// Nodes is how many it would grow by.
	Nodes int
	// Debug names the group for people.
	Debug string
	// Node is what its next node may look like.
	Node *corev1.Node
	// Pods are those that would run on its new nodes.
	Pods []*corev1.Pod
}

// Client asks one server. It may be used concurrently.
type Client struct {
	// URL is the server's address, HOST:PORT or another of gRPC's names.
	URL string
	// CertFile holds the server's certificate, or that of its authority, in PEM. It
	// is read for every call: certificates are renewed.
	CertFile string
	// Timeout is how long one call may take in all; zero means DefaultTimeout.
	Timeout time.Duration
}

// Check says what is wrong with the address or the certificate file, without
// asking the server.
func (c *Client) Check() error {
	var problems []error
	switch scheme, rest, found := strings.Cut(c.URL, "://"); {
	case c.URL == "":
		problems = append(problems, errors.New("--grpc-expander-url is missing: write HOST:PORT, such as my-expander.kube-system.svc.cluster.local:7000"))
	case found && (scheme == "http" || scheme == "https" || scheme == "grpc"):
		problems = append(problems, fmt.Errorf("--grpc-expander-url=%s: write HOST:PORT without %s://, such as %s", c.URL, scheme, rest))
	}
	if c.CertFile == "" {
		problems = append(problems, errors.New("--grpc-expander-cert is missing: name a file with the certificate of the server, or of its authority; connections without TLS are not made"))
	} else if err := c.checkCert(); err != nil {
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

func (c *Client) checkCert() error {
	text, err := os.ReadFile(c.CertFile)
	if err != nil {
		return fmt.Errorf("--grpc-expander-cert: %w", err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(text) {
		return fmt.Errorf("--grpc-expander-cert=%s: there is no certificate in it: it must be PEM, with -----BEGIN CERTIFICATE-----", c.CertFile)
	}
	return nil
}

// BestOptions asks which of the options are to grow. The names are the server's,
// in its order, and need not be among those it was asked about. No name means
// that none is to grow.
func (c *Client) BestOptions(ctx context.Context, options []Option) ([]string, error) {
	request, err := requestOf(options)
	if err != nil {
		return nil, err
	}
	timeout := c.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	// A connection of its own for each question: one that is kept would not see a
	// renewed certificate, and would wait longer and longer for a server that
	// comes back.
	transport, err := credentials.NewClientTLSFromFile(c.CertFile, "")
	if err != nil {
		return nil, fmt.Errorf("--grpc-expander-cert=%s: %w", c.CertFile, err)
	}
	connection, err := grpc.NewClient(c.URL, grpc.WithTransportCredentials(transport), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)))
	if err != nil {
		return nil, fmt.Errorf("--grpc-expander-url=%s: %w", c.URL, err)
	}
	defer func() { _ = connection.Close() }()
	answer, err := wire.NewExpanderClient(connection).BestOptions(ctx, request)
	if err != nil {
		return nil, c.explain(err, timeout)
	}
	names := make([]string, 0, len(answer.GetOptions()))
	for _, option := range answer.GetOptions() {
		names = append(names, option.GetNodeGroupId())
	}
	return names, nil
}

// explain says what is most likely to be done about a failure.
func (c *Client) explain(err error, timeout time.Duration) error {
	hint := ""
	switch status.Code(err) {
	case codes.DeadlineExceeded:
		return fmt.Errorf("%s did not answer within %s: %w", c.URL, timeout, err)
	case codes.Unimplemented:
		hint = ": it does not serve grpcplugin.Expander"
	case codes.ResourceExhausted:
		hint = ": it takes no message of this size; let the server take larger ones (grpc.MaxRecvMsgSize)"
	case codes.Unavailable:
		if strings.Contains(err.Error(), "certificate") {
			hint = fmt.Sprintf(": %s does not vouch for it", c.CertFile)
		}
	}
	return fmt.Errorf("%s cannot be asked%s: %w", c.URL, hint, err)
}

// requestOf writes Kubernetes objects into the fields that servers read now and
// into those that they read before: servers know one of them.
func requestOf(options []Option) (*wire.BestOptionsRequest, error) {
	request := &wire.BestOptionsRequest{NodeMap: map[string][]byte{}}
	written := map[*corev1.Pod][]byte{}
	size := 0
	for i := range options {
		option := &options[i]
		node, err := option.Node.Marshal()
		if err != nil {
			return nil, fmt.Errorf("writing the node of %s: %w", option.Group, err)
		}
		request.NodeMap[option.Group] = node
		size += len(node)
		message := &wire.Option{NodeGroupId: option.Group, NodeCount: int32(option.Nodes), Debug: option.Debug}
		for _, pod := range option.Pods {
			if written[pod] == nil {
				if written[pod], err = pod.Marshal(); err != nil {
					return nil, fmt.Errorf("writing pod %s/%s: %w", pod.Namespace, pod.Name, err)
				}
			}
			message.Pod = append(message.Pod, written[pod])
			size += len(written[pod])
		}
		message.PodBytes = message.Pod
		request.Options = append(request.Options, message)
	}
	request.NodeBytesMap = request.NodeMap
	if size *= 2; size > maxMessage {
		return nil, fmt.Errorf("the question about %d groups would have %d MiB, more than %d", len(options), size>>20, maxMessage>>20)
	}
	return request, nil
}
