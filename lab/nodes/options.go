package nodes

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"

	"k8s.io/client-go/kubernetes"

	"github.com/drover-project/drover/lab/machine"
)

// Options says which cluster the nodes join and what they run on.
type Options struct {
	// Client may write nodes, leases, pods and events and may create service
	// account tokens. Its own rate limit must be off (see NewClient): thousands
	// of nodes share it.
	Client kubernetes.Interface
	// Source tells of machines. When it is also a machine.Console, the boot
	// messages of a machine go there.
	Source machine.Source
	// Clock scales everything that is imitated; nil is not allowed.
	Clock machine.Clock
	// Cluster is what user data is checked against and what processes are told.
	Cluster Cluster
	// Reach is why a machine reaches neither the API server nor AWS's services when it
	// boots, such as a network without a way out; nil lets all.
	Reach func(m machine.Machine) error
	// Admit is why the API server would not know a machine that wants to register
	// under a name, such as a role that nobody mapped; nil lets all in.
	Admit func(ctx context.Context, m machine.Machine, name string) error
	// ServingCA signs the certificates that the kubelets serve with. Without it
	// there is no kubelet server and DialNode refuses port 10250.
	ServingCA *tls.Certificate
	// ClientCAs verifies callers of the kubelet server. Without it callers are
	// not asked for a certificate.
	ClientCAs *x509.CertPool
	// DataDir keeps container logs and the files of process pods.
	DataDir string
	// Processes maps an image to the program that a container of this image
	// runs. A key that ends in * matches every image with this prefix, such as
	// "public.ecr.aws/drover/drover:*".
	Processes map[string]Process
	// Metadata is the URL of a machine's instance metadata service, which is told
	// to the programs of its pods; nil tells them nothing.
	Metadata func(id string) (string, error)
	// Log receives what an operator of the lab should know; nil discards it.
	Log *slog.Logger
	// Seed makes the small differences between machines (boot time, heartbeat
	// offset) repeatable.
	Seed uint64
}

// Cluster identifies the cluster that nodes join.
type Cluster struct {
	Name string // eksworkshop-eksctl
	// Version is the Kubernetes version of the control plane, 1.37 or 1.37.2.
	// A node's version follows its AMI's name and falls back to this.
	Version string
	// Endpoint is the URL of the API server, https://127.0.0.1:6443.
	Endpoint string
	// CA is the PEM certificate that verifies the API server.
	CA []byte
}

// Process is a real program behind a container image. There is no mount or
// network namespace: volumes are not mounted and listening ports are the
// host's. The container's first command word is replaced by Path; the remaining
// words and the args follow.
type Process struct {
	// Path is the program's file.
	Path string
	// Args come before those of the container.
	Args []string
	// Env is added before the container's own variables, as NAME=value.
	Env []string
}

func (o *Options) validate() error {
	switch {
	case o.Client == nil:
		return errors.New("nodes: Options.Client is missing")
	case o.Source == nil:
		return errors.New("nodes: Options.Source is missing")
	case o.Clock == nil:
		return errors.New("nodes: Options.Clock is missing")
	case o.Cluster.Name == "":
		return errors.New("nodes: Options.Cluster.Name is missing")
	case o.DataDir == "":
		return errors.New("nodes: Options.DataDir is missing")
	}
	return nil
}
