// Package controlplane runs a real Kubernetes control plane on this machine:
// etcd, kube-apiserver, kube-controller-manager and kube-scheduler, with EKS's
// settings where they show.
package controlplane

import (
	"context"
	"crypto"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"k8s.io/client-go/rest"

	"github.com/drover-project/drover/lab/controlplane/pki"
	"github.com/drover-project/drover/lab/controlplane/tokenreview"
	"github.com/drover-project/drover/lab/controlplane/tunnel"
	"github.com/drover-project/drover/lab/controlplane/version"
	"github.com/drover-project/drover/lab/process"
)

// Version is the Kubernetes version in EKS's words, such as 1.37.
const Version = version.Kubernetes

// Config says how to run the control plane. Dir, ClusterName and DialNode are
// required.
type Config struct {
	// Dir keeps certificates, the etcd database, configuration and logs.
	Dir string
	// Port of the API server on 127.0.0.1; 0 takes any free port.
	Port int
	// Ephemeral says that Dir does not outlive the process.
	Ephemeral bool
	// Audit has the API server write down every request, in AuditLog.
	Audit bool
	// ClusterName is what `aws eks get-token --cluster-name` must name.
	ClusterName string
	// ServiceAccountIssuer is the cluster's OIDC issuer URL; empty means
	// https://kubernetes.default.svc.
	ServiceAccountIssuer string
	// Keys finds the access keys that may sign tokens; nil accepts none.
	Keys tokenreview.Keys
	// Identify finds who the owner of a key is in the cluster; see
	// tokenreview.Handler.
	Identify tokenreview.Identify
	// Policies are the access policies of a principal, by its ARN; nil has none.
	Policies func(arn string) []ekstypes.AssociatedAccessPolicy
	// DialNode reaches kubelets and pods. It is used from the moment that nodes
	// exist.
	DialNode tunnel.Dialer
	// ComponentCommand are the arguments with which the running executable
	// calls component.Run; a component's name and flags follow. Required.
	ComponentCommand []string
	// Progress is called when a component has become ready; may be nil.
	Progress func(component string)
	// Changed is called when a component's process has changed; may be nil.
	Changed func()
	// Log receives what is worth telling; nil discards it.
	Log *slog.Logger
}

// ControlPlane is a running control plane.
type ControlPlane struct {
	endpoint  string
	authority *pki.Authority
	tokenKey  crypto.PublicKey
	admin     *rest.Config
	servers   []*http.Server
	listeners []net.Listener

	mu       sync.Mutex
	children []supervised
}

// supervised is a child process and the components in it.
type supervised struct {
	*process.Child
	names []string
}

// Start runs the control plane until Stop and returns when every component is
// ready. A port that is taken, a folder that cannot be written and state that
// cannot be read are errors that say so.
func Start(ctx context.Context, config Config) (*ControlPlane, error) {
	s, err := prepare(config)
	if err != nil {
		return nil, err
	}
	if err := s.run(ctx); err != nil {
		s.plane.Stop()
		return nil, err
	}
	return s.plane, nil
}

// Endpoint is the API server's URL.
func (c *ControlPlane) Endpoint() string { return c.endpoint }

// Authority signs the cluster's certificates: users, kubelets, servers.
func (c *ControlPlane) Authority() *pki.Authority { return c.authority }

// TokenKey verifies the service account tokens that the API server signs.
func (c *ControlPlane) TokenKey() crypto.PublicKey { return c.tokenKey }

// AdminConfig is a client configuration in group system:masters, without rate
// limit of its own.
func (c *ControlPlane) AdminConfig() *rest.Config { return rest.CopyConfig(c.admin) }

// ClientConfig is a client configuration for a user in these groups.
func (c *ControlPlane) ClientConfig(user string, groups ...string) (*rest.Config, error) {
	return clientConfig(c.authority, c.endpoint, user, groups...)
}

func clientConfig(authority *pki.Authority, endpoint, user string, groups ...string) (*rest.Config, error) {
	pair, err := authority.IssueClient(user, groups...)
	if err != nil {
		return nil, err
	}
	return &rest.Config{
		Host: endpoint,
		TLSClientConfig: rest.TLSClientConfig{
			CAData: authority.CertPEM(), CertData: pair.CertPEM, KeyData: pair.KeyPEM,
		},
		QPS: -1,
	}, nil
}

// Statuses returns the components that live in child processes; two with the
// same PID share one.
func (c *ControlPlane) Statuses() []process.Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	var statuses []process.Status
	for _, child := range c.children {
		for _, name := range child.names {
			status := child.Status()
			status.Name = name
			statuses = append(statuses, status)
		}
	}
	return statuses
}

// Stop ends every component, clients first, and returns when nothing is left.
func (c *ControlPlane) Stop() {
	c.mu.Lock()
	children := c.children
	c.mu.Unlock()
	for i := len(children) - 1; i >= 0; i-- {
		children[i].Stop()
	}
	for _, server := range c.servers {
		_ = server.Close()
	}
	for _, listener := range c.listeners {
		_ = listener.Close()
	}
}

// listen opens the API server's port. The lab that used the port a moment ago
// may just be dying, so it tries for two seconds.
func listen(port int) (net.Listener, error) {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	deadline := time.Now().Add(2 * time.Second)
	for {
		listener, err := net.Listen("tcp", address)
		if err == nil {
			return listener, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("the API server needs port %d on 127.0.0.1, which is taken (%w): choose another with --api-port", port, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func serverTLS(files pemFiles) (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(files.cert, files.key)
	if err != nil {
		return nil, fmt.Errorf("loading a serving certificate: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}, nil
}

func (c Config) check() error {
	var errs []error
	for name, missing := range map[string]bool{
		"Dir": c.Dir == "", "ClusterName": c.ClusterName == "", "DialNode": c.DialNode == nil, "ComponentCommand": len(c.ComponentCommand) == 0,
	} {
		if missing {
			errs = append(errs, fmt.Errorf("controlplane.Config.%s is missing", name))
		}
	}
	return errors.Join(errs...)
}
