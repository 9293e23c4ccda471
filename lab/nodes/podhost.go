package nodes

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/lab/nodes/hostprocess"
	"github.com/drover-project/drover/lab/nodes/images"
	"github.com/drover-project/drover/lab/nodes/podenv"
	"github.com/drover-project/drover/lab/nodes/podlog"
	"github.com/drover-project/drover/lab/nodes/podrun"
)

// podHost is a node as one of its pods sees it.
type podHost struct {
	simulator   *Simulator
	pod         *pod
	images      *images.Store
	continued   bool // the node was up before the simulator started
	hostIP      string
	subnet      string
	allocatable corev1.ResourceList
	credentials podenv.Credentials
	machineID   string
	// hops is how far answers of the machine's metadata service reach, 0 for all.
	hops int32
	// renewAt is when the files with tokens should be written anew.
	renewAt time.Time
}

var _ podrun.Resumer = (*podHost)(nil)

// Scaled implements podrun.Host.
func (h *podHost) Scaled(realistic time.Duration) time.Duration {
	return h.simulator.opts.Clock.Scaled(realistic)
}

// Image implements podrun.Host.
func (h *podHost) Image(image string, policy corev1.PullPolicy, now time.Time) podrun.Image {
	return h.images.Want(image, policy, now)
}

// Event implements podrun.Host.
func (h *podHost) Event(object *corev1.Pod, container string, event podrun.Event) {
	about := corev1.ObjectReference{
		Kind: "Pod", APIVersion: "v1", Namespace: object.Namespace, Name: object.Name,
		UID: object.UID, ResourceVersion: object.ResourceVersion,
	}
	if container != "" {
		about.FieldPath = fmt.Sprintf("spec.containers{%s}", container)
		isInit := func(c corev1.Container) bool { return c.Name == container }
		if slices.ContainsFunc(object.Spec.InitContainers, isInit) {
			about.FieldPath = fmt.Sprintf("spec.initContainers{%s}", container)
		}
	}
	h.simulator.events.Say(object.Spec.NodeName, about, event.Warning, event.Reason, event.Message)
}

// Start implements podrun.Host.
func (h *podHost) Start(request podrun.StartRequest) (podrun.Run, error) {
	if program, mapped := h.simulator.processFor(request.Container.Image); mapped {
		return h.startProcess(request, program)
	}
	run, err := podrun.NewSimulated(request, h.Scaled, h.printer(request))
	if err != nil {
		return nil, &podrun.ConfigError{Err: err}
	}
	return run, nil
}

// Resume implements podrun.Resumer: a simulated run goes on; a process ended
// with the simulator that started it.
func (h *podHost) Resume(request podrun.StartRequest) podrun.Run {
	now := h.simulator.opts.Clock.Now()
	h.images.Has(request.Container.Image, now)
	if _, mapped := h.simulator.processFor(request.Container.Image); mapped {
		return nil
	}
	run, err := podrun.ResumeSimulated(request, now, h.Scaled, h.printer(request))
	if err != nil {
		return nil
	}
	return run
}

func (h *podHost) printer(request podrun.StartRequest) func(time.Time, string) {
	file := h.simulator.logs.File(request.Pod, request.Container.Name, request.Attempt)
	return func(at time.Time, line string) {
		if err := podlog.Append(file, at, line); err != nil {
			h.simulator.report(fmt.Errorf("container log: %w", err))
		}
	}
}

// processFor finds the program behind an image; the longest pattern wins.
func (s *Simulator) processFor(image string) (Process, bool) {
	best, found := "", false
	for pattern := range s.opts.Processes {
		prefix, open := strings.CutSuffix(pattern, "*")
		matches := image == pattern || open && strings.HasPrefix(image, prefix)
		if matches && (!found || len(pattern) > len(best)) {
			best, found = pattern, true
		}
	}
	return s.opts.Processes[best], found
}

// startTimeout bounds the API calls before a start.
const startTimeout = 30 * time.Second

func (h *podHost) startProcess(request podrun.StartRequest, program Process) (podrun.Run, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	s := h.simulator
	dir := filepath.Join(s.logs.Pod(request.Pod), "files", request.Container.Name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, &podrun.ConfigError{Err: err}
	}
	base, err := h.baseEnv(ctx, request, dir)
	if err != nil {
		return nil, &podrun.ConfigError{Err: err}
	}
	for _, pair := range program.Env {
		if name, value, found := strings.Cut(pair, "="); found {
			base[name] = value
		}
	}
	podenv.PreferRole(base, request.Container)
	command, err := podenv.Resolve(ctx, s.opts.Client, podenv.Container{
		Pod: request.Pod, Spec: request.Container, PodIP: request.PodIP, HostIP: h.hostIP, Allocatable: h.allocatable,
	}, base)
	if err != nil {
		return nil, &podrun.ConfigError{Err: err}
	}
	podenv.HostPaths(command.Env, request.Pod, request.Container, h.tokensDir(request.Pod))
	log, err := podlog.NewWriter(s.logs.File(request.Pod, request.Container.Name, request.Attempt), s.opts.Clock.Now)
	if err != nil {
		return nil, &podrun.ConfigError{Err: err}
	}
	run, err := s.processes.Start(hostprocess.Spec{
		Path: program.Path, Args: slices.Concat(program.Args, command.Command[min(1, len(command.Command)):], command.Args),
		Env: command.List(), Dir: dir, Log: log, Container: request.Container,
		Changed: func() { s.work.Add(task{pod: keyOf(request.Pod)}) },
	})
	if err != nil {
		return nil, err
	}
	s.openPorts(request.PodIP, h.pod)
	return run, nil
}

// baseEnv is what a process finds without asking. The API server is named by
// its real address, since there is no service network.
func (h *podHost) baseEnv(ctx context.Context, request podrun.StartRequest, dir string) (map[string]string, error) {
	env := map[string]string{
		"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME": dir, "HOSTNAME": request.Pod.Name,
	}
	maps.Copy(env, h.simulator.serviceEnv())
	if err := h.addMetadata(env, request.Pod); err != nil {
		return nil, err
	}
	if err := h.writeFiles(ctx, request.Pod); err != nil {
		return nil, err
	}
	if podenv.WantsToken(request.Pod) {
		env["KUBECONFIG"] = h.credentials.Kubeconfig
	}
	return env, nil
}

// Where programs look for the instance metadata service, if not at
// 169.254.169.254: AWS's SDKs, and aws-node-termination-handler.
const (
	sdkMetadata     = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
	handlerMetadata = "INSTANCE_METADATA_URL"
)

// addMetadata tells a program where its machine's metadata service is. As on
// EC2, a hop limit of 1 does not reach pods with a network of their own.
func (h *podHost) addMetadata(env map[string]string, pod *corev1.Pod) error {
	metadata := h.simulator.opts.Metadata
	if metadata == nil || h.hops == 1 && !pod.Spec.HostNetwork {
		return nil
	}
	url, err := metadata(h.machineID)
	if err != nil {
		return err
	}
	env[sdkMetadata], env[handlerMetadata] = url, url
	return nil
}

// writeFiles writes the pod's tokens.
func (h *podHost) writeFiles(ctx context.Context, object *corev1.Pod) (err error) {
	if h.renewAt, err = podenv.WriteTokens(ctx, h.simulator.opts.Client, object, h.tokensDir(object)); err != nil {
		return err
	}
	if !podenv.WantsToken(object) {
		return nil
	}
	if err := h.writeCredentials(ctx, object); err != nil {
		return err
	}
	if h.renewAt.IsZero() || h.credentials.RenewAt.Before(h.renewAt) {
		h.renewAt = h.credentials.RenewAt
	}
	return nil
}

// tokensDir is where the pod's projected tokens are.
func (h *podHost) tokensDir(object *corev1.Pod) string {
	return filepath.Join(h.simulator.logs.Pod(object), "tokens")
}

func (h *podHost) writeCredentials(ctx context.Context, object *corev1.Pod) error {
	s := h.simulator
	if s.opts.Cluster.Endpoint == "" {
		return errors.New("the lab was not told where the API server is (Options.Cluster.Endpoint)")
	}
	server := podenv.Server{URL: s.opts.Cluster.Endpoint, CA: s.opts.Cluster.CA}
	credentials, err := podenv.WriteCredentials(ctx, s.opts.Client, server, object, filepath.Join(s.logs.Pod(object), "serviceaccount"))
	if err != nil {
		return err
	}
	h.credentials = credentials
	return nil
}

func (s *Simulator) serviceEnv() map[string]string {
	endpoint, err := url.Parse(s.opts.Cluster.Endpoint)
	if err != nil || endpoint.Host == "" {
		return nil
	}
	port := endpoint.Port()
	if port == "" {
		port = "443"
	}
	return map[string]string{
		"KUBERNETES_SERVICE_HOST": endpoint.Hostname(), "KUBERNETES_SERVICE_PORT": port,
		"KUBERNETES_SERVICE_PORT_HTTPS": port, "KUBERNETES_PORT": "tcp://" + net.JoinHostPort(endpoint.Hostname(), port),
	}
}

// renewCredentials writes the pod's tokens anew before they end.
func (s *Simulator) renewCredentials(ctx context.Context, p *pod, object *corev1.Pod, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	due := p.host.renewAt
	if due.IsZero() || object.DeletionTimestamp != nil {
		return nil
	}
	if !now.Before(due) {
		if err := p.host.writeFiles(ctx, object); err != nil {
			return err
		}
		due = p.host.renewAt
	}
	s.after(due.Sub(now), task{pod: keyOf(object)})
	return nil
}
