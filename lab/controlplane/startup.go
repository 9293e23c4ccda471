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

	"gopkg.in/natefinch/lumberjack.v2"
	"k8s.io/client-go/rest"

	"github.com/drover-project/drover/lab/controlplane/component"
	"github.com/drover-project/drover/lab/controlplane/tokenreview"
	"github.com/drover-project/drover/lab/controlplane/tunnel"
	"github.com/drover-project/drover/lab/process"
)

const (
	readyTimeout = 60 * time.Second
	readyPoll    = 50 * time.Millisecond
	logMegabytes = 20
)

// startup is what exists only while the control plane starts.
type startup struct {
	config       Config
	paths        layout
	certs        *certificates
	endpoint     string
	etcdEndpoint string
	plane        *ControlPlane
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
	s.plane.endpoint, s.plane.authority = s.endpoint, s.certs.cluster
	if s.plane.admin, err = clientConfig(s.certs.cluster, s.endpoint, "drover-lab-admin", adminGroup); err != nil {
		return err
	}
	if err := s.serveAPIServer(); err != nil {
		return err
	}
	s.plane.etcd, err = startEtcd(ctx, s.paths, s.certs, s.config.Ephemeral)
	if err != nil {
		return err
	}
	s.etcdEndpoint = "https://" + s.plane.etcd.Clients[0].Addr().String()
	s.config.Progress("etcd")
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
	reviews := &http.Server{
		Handler: &tokenreview.Handler{
			Verifier: &tokenreview.Verifier{ClusterName: s.config.ClusterName, Keys: s.config.Keys, Now: time.Now},
			Log:      s.config.Log,
		},
		ReadHeaderTimeout: 10 * time.Second,
	}
	onlyAPIServer := serving.Clone()
	onlyAPIServer.ClientAuth, onlyAPIServer.ClientCAs = tls.RequireAndVerifyClientCert, s.certs.cluster.Pool()
	s.serve(proxy.Server(), tls.NewListener(tunnelListener, onlyAPIServer))
	s.serve(reviews, tls.NewListener(webhookListener, serving))
	return s.writeFiles(tunnelListener, webhookListener)
}

func (s *startup) serve(server *http.Server, listener net.Listener) {
	s.plane.servers = append(s.plane.servers, server)
	go func() {
		if err := server.Serve(listener); err != nil && err != http.ErrServerClosed {
			s.config.Log.Error("a server for kube-apiserver ended", "address", listener.Addr(), "error", err)
		}
	}()
}

// startComponents starts kube-apiserver in a process of its own and, once it is
// ready, its two clients together in another: most of a process's memory is
// the program itself, and neither is of use without the other.
func (s *startup) startComponents(ctx context.Context, api net.Listener) error {
	if err := s.supervise(part{component.APIServer, s.apiServerFlags(api), api}); err != nil {
		return err
	}
	if err := s.waitReady(ctx, component.APIServer, s.endpoint+"/readyz"); err != nil {
		return err
	}
	manager, err := s.listen(0)
	if err != nil {
		return err
	}
	scheduler, err := s.listen(0)
	if err != nil {
		return err
	}
	err = s.supervise(
		part{component.ControllerManager, s.controllerManagerFlags(manager), manager},
		part{component.Scheduler, s.schedulerFlags(scheduler), scheduler},
	)
	if err != nil {
		return err
	}
	if err := s.waitReady(ctx, component.ControllerManager, "https://"+manager.Addr().String()+"/healthz"); err != nil {
		return err
	}
	return s.waitReady(ctx, component.Scheduler, "https://"+scheduler.Addr().String()+"/readyz")
}

// part is one component of a child process.
type part struct {
	name     string
	flags    []string
	listener net.Listener
}

func (s *startup) supervise(parts ...part) error {
	var names []string
	spec := process.Spec{Args: slices.Clone(s.config.ComponentCommand), Env: environment()}
	for i, part := range parts {
		file, err := part.listener.(*net.TCPListener).File()
		if err != nil {
			return fmt.Errorf("handing the listener to %s: %w", part.name, err)
		}
		if i > 0 {
			spec.Args = append(spec.Args, component.Separator)
		}
		spec.Args = append(append(spec.Args, part.name), part.flags...)
		spec.Files = append(spec.Files, file)
		names = append(names, part.name)
	}
	spec.Name = strings.Join(names, "+")
	spec.Log = s.logWriter(names[0])
	child, err := process.Supervise(spec, s.config.Changed)
	if err != nil {
		return err
	}
	s.plane.mu.Lock()
	defer s.plane.mu.Unlock()
	s.plane.children = append(s.plane.children, supervised{Child: child, names: names})
	return nil
}

func (s *startup) logWriter(name string) io.Writer {
	return &lumberjack.Logger{Filename: s.paths.log(name), MaxSize: logMegabytes, MaxBackups: 1}
}

// environment of a component: nothing of the user's own, whose proxies and
// credentials are not meant for it.
func environment() []string {
	env := []string{"GOGC=50"}
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "SSL_CERT_DIR", "SSL_CERT_FILE"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// waitReady asks a component's health endpoint until it is well.
func (s *startup) waitReady(ctx context.Context, name, url string) error {
	config := rest.CopyConfig(s.plane.admin)
	config.Timeout = 5 * time.Second
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return fmt.Errorf("making a client for %s: %w", name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	last := "no answer"
	for {
		if last = health(ctx, client, url); last == "" {
			s.config.Progress(name)
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready (%s): see %s", name, last, s.paths.log(name))
		case <-time.After(readyPoll):
		}
	}
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
