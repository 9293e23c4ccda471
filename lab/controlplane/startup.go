package controlplane

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"gopkg.in/natefinch/lumberjack.v2"
	"k8s.io/client-go/rest"

	"github.com/drover-project/drover/lab/controlplane/accessreview"
	"github.com/drover-project/drover/lab/controlplane/component"
	"github.com/drover-project/drover/lab/controlplane/tokenreview"
	"github.com/drover-project/drover/lab/controlplane/tunnel"
	"github.com/drover-project/drover/lab/process"
)

const (
	readyTimeout = 60 * time.Second
	readyPoll    = 50 * time.Millisecond
	logMegabytes = 20
	// maxStartAttempts is how often a child may end before it has ever been
	// ready.
	maxStartAttempts = 4
)

// startup is what exists only while the control plane starts.
type startup struct {
	config   Config
	paths    layout
	certs    *certificates
	endpoint string
	plane    *ControlPlane
}

func prepare(config Config) (*startup, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	config.ServiceAccountIssuer = cmp.Or(config.ServiceAccountIssuer, "https://kubernetes.default.svc")
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Progress == nil {
		config.Progress = func(string) {}
	}
	if config.Policies == nil {
		config.Policies = func(string) []ekstypes.AssociatedAccessPolicy { return nil }
	}
	if config.Keys == nil {
		config.Keys = func(string) (string, tokenreview.Caller, bool) { return "", tokenreview.Caller{}, false }
	}
	s := &startup{config: config, paths: layout{dir: config.Dir}, plane: &ControlPlane{}}
	if err := s.paths.create(); err != nil {
		return nil, err
	}
	var err error
	s.certs, err = issueCertificates(s.paths.pki())
	return s, err
}

func (s *startup) run(ctx context.Context) error {
	api, err := s.listen(s.config.Port)
	if err != nil {
		return err
	}
	s.endpoint = "https://" + api.Addr().String()
	s.plane.endpoint, s.plane.authority, s.plane.tokenKey = s.endpoint, s.certs.cluster, s.certs.tokenKey
	if s.plane.admin, err = clientConfig(s.certs.cluster, s.endpoint, "drover-lab-admin", adminGroup); err != nil {
		return err
	}
	if err := s.serveAPIServer(); err != nil {
		return err
	}
	return s.startComponents(ctx, api)
}

// listen opens a loopback port that stays open until Stop.
func (s *startup) listen(port int) (net.Listener, error) {
	listener, err := listen(port)
	if err != nil {
		return nil, err
	}
	s.plane.listeners = append(s.plane.listeners, listener)
	return listener, nil
}

// serveAPIServer runs what the API server calls: the tunnel to nodes and the
// webhook for bearer tokens.
func (s *startup) serveAPIServer() error {
	tunnelListener, err := s.listen(0)
	if err != nil {
		return err
	}
	webhookListener, err := s.listen(0)
	if err != nil {
		return err
	}
	serving, err := serverTLS(s.certs.leaf[leafWebhook])
	if err != nil {
		return err
	}
	proxy := &tunnel.Proxy{Dial: s.config.DialNode, Log: s.config.Log}
	reviews := &http.Server{Handler: s.reviews(), ReadHeaderTimeout: 10 * time.Second}
	onlyAPIServer := serving.Clone()
	onlyAPIServer.ClientAuth, onlyAPIServer.ClientCAs = tls.RequireAndVerifyClientCert, s.certs.cluster.Pool()
	s.serve(proxy.Server(), tls.NewListener(tunnelListener, onlyAPIServer))
	s.serve(reviews, tls.NewListener(webhookListener, serving))
	return s.writeFiles(tunnelListener, webhookListener)
}

// reviews answers the API server's questions about who calls and what they may.
func (s *startup) reviews() http.Handler {
	routes := http.NewServeMux()
	routes.Handle(tokenReviewPath, &tokenreview.Handler{
		Verifier: &tokenreview.Verifier{ClusterName: s.config.ClusterName, Keys: s.config.Keys, Now: time.Now},
		Identify: s.config.Identify, Log: s.config.Log,
	})
	routes.Handle(accessReviewPath, &accessreview.Handler{Policies: s.config.Policies, Log: s.config.Log})
	return routes
}

func (s *startup) serve(server *http.Server, listener net.Listener) {
	s.plane.servers = append(s.plane.servers, server)
	go func() {
		if err := server.Serve(listener); err != nil && err != http.ErrServerClosed {
			s.config.Log.Error("a server for kube-apiserver ended", "address", listener.Addr(), "error", err)
		}
	}()
}

// startComponents starts kube-apiserver with its database in one process and,
// once it is ready, its two clients together in another: most of a process's
// memory is the program itself, and no part of a pair is of use alone.
func (s *startup) startComponents(ctx context.Context, api net.Listener) error {
	child, err := s.supervise(
		part{name: component.Etcd, flags: s.etcdFlags()},
		part{component.APIServer, s.apiServerFlags(api), api},
	)
	if err != nil {
		return err
	}
	if err := s.waitReady(ctx, child, "https://"+api.Addr().String()+"/readyz"); err != nil {
		return err
	}
	s.config.Progress(component.Etcd)
	s.config.Progress(component.APIServer)
	return s.startClients(ctx)
}

func (s *startup) startClients(ctx context.Context) error {
	manager, err := s.listen(0)
	if err != nil {
		return err
	}
	scheduler, err := s.listen(0)
	if err != nil {
		return err
	}
	child, err := s.supervise(
		part{component.ControllerManager, s.controllerManagerFlags(manager), manager},
		part{component.Scheduler, s.schedulerFlags(scheduler), scheduler},
	)
	if err != nil {
		return err
	}
	if err := s.waitReady(ctx, child, "https://"+manager.Addr().String()+"/healthz"); err != nil {
		return err
	}
	s.config.Progress(component.ControllerManager)
	if err := s.waitReady(ctx, child, "https://"+scheduler.Addr().String()+"/readyz"); err != nil {
		return err
	}
	s.config.Progress(component.Scheduler)
	return nil
}

// part is one component of a child process; etcd has no listener.
type part struct {
	name     string
	flags    []string
	listener net.Listener
}

func (s *startup) supervise(parts ...part) (supervised, error) {
	var names []string
	spec := process.Spec{Args: slices.Clone(s.config.ComponentCommand), Env: environment(), Dir: s.paths.config()}
	for i, part := range parts {
		if i > 0 {
			spec.Args = append(spec.Args, component.Separator)
		}
		spec.Args = append(append(spec.Args, part.name), part.flags...)
		names = append(names, part.name)
		if part.listener == nil {
			continue
		}
		file, err := part.listener.(*net.TCPListener).File()
		if err != nil {
			return supervised{}, fmt.Errorf("handing the listener to %s: %w", part.name, err)
		}
		spec.Files = append(spec.Files, file)
	}
	spec.Name = strings.Join(names, "+")
	spec.Log = s.logWriter(spec.Name)
	child, err := process.Supervise(spec, s.config.Changed)
	if err != nil {
		return supervised{}, err
	}
	added := supervised{Child: child, names: names}
	s.plane.mu.Lock()
	defer s.plane.mu.Unlock()
	s.plane.children = append(s.plane.children, added)
	return added, nil
}

func (s *startup) logWriter(name string) io.Writer {
	return &lumberjack.Logger{Filename: s.paths.log(name), MaxSize: logMegabytes, MaxBackups: 1}
}

// environment of a component: nothing of the user's own, whose proxies and
// credentials are not meant for it.
func environment() []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "SSL_CERT_DIR", "SSL_CERT_FILE"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// waitReady asks a child's health endpoint until it is well. It gives up on a
// child that ends again and again.
func (s *startup) waitReady(ctx context.Context, child supervised, url string) error {
	config := rest.CopyConfig(s.plane.admin)
	config.Timeout = 5 * time.Second
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return fmt.Errorf("making a client for %s: %w", child.Status().Name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for {
		problem := health(ctx, client, url)
		if problem == "" {
			return nil
		}
		if status := child.Status(); status.Restarts >= maxStartAttempts {
			return s.hopeless(status.Name, fmt.Sprintf("ended %d times in a row, %s", status.Restarts, status.LastExit))
		}
		select {
		case <-ctx.Done():
			return s.hopeless(child.Status().Name, "is not ready: "+problem)
		case <-time.After(readyPoll):
		}
	}
}

// hopeless says what is wrong in the words of the component itself.
func (s *startup) hopeless(name, problem string) error {
	path := s.paths.log(name)
	return fmt.Errorf("%s %s: %s\nThe whole story is in %s; if the lab's files are damaged, `drover-lab reset` starts afresh", name, problem, complaint(path), path)
}

// health returns what is wrong, or nothing.
func health(ctx context.Context, client *http.Client, url string) string {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err.Error()
	}
	response, err := client.Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return response.Status
	}
	return ""
}
