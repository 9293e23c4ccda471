//go:build unix

package hostprocess

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/kubernetes/pkg/probe"
	httpprobe "k8s.io/kubernetes/pkg/probe/http"
	tcpprobe "k8s.io/kubernetes/pkg/probe/tcp"

	"github.com/drover-project/drover/lab/nodes/podrun"
)

// loopback is where the host's processes listen.
const loopback = "127.0.0.1"

// prober runs the probes of one process in real time. An exec or gRPC probe
// counts as a success: there is no container to run a command in.
type prober struct {
	cancel  context.CancelFunc
	changed func()
	workers sync.WaitGroup

	mu  sync.Mutex
	now podrun.Health
}

func startProbes(container *corev1.Container, changed func()) *prober {
	ctx, cancel := context.WithCancel(context.Background())
	p := &prober{cancel: cancel, changed: changed}
	p.workers.Go(func() { p.run(ctx, container) })
	return p
}

func (p *prober) stop() {
	p.cancel()
	p.workers.Wait()
}

func (p *prober) health() podrun.Health {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

func (p *prober) update(change func(*podrun.Health)) {
	p.mu.Lock()
	before := p.now
	change(&p.now)
	same := before == p.now
	p.mu.Unlock()
	if !same {
		p.changed()
	}
}

// run waits for the startup probe before the other two begin.
func (p *prober) run(ctx context.Context, container *corev1.Container) {
	if !p.startup(ctx, container) {
		return
	}
	p.update(func(h *podrun.Health) { h.Started, h.Ready = true, container.ReadinessProbe == nil })
	if spec := container.LivenessProbe; spec != nil {
		p.workers.Go(func() {
			watch(ctx, container, spec, func(good bool, said string) bool {
				if !good {
					p.update(func(h *podrun.Health) { h.Failure = "Liveness probe failed: " + said })
				}
				return good
			})
		})
	}
	if spec := container.ReadinessProbe; spec != nil {
		watch(ctx, container, spec, func(good bool, said string) bool {
			p.update(func(h *podrun.Health) {
				h.Ready, h.Unready = good, ""
				if !good {
					h.Unready = "Readiness probe failed: " + said
				}
			})
			return true
		})
	}
}

func (p *prober) startup(ctx context.Context, container *corev1.Container) bool {
	if container.StartupProbe == nil {
		return true
	}
	started := false
	watch(ctx, container, container.StartupProbe, func(good bool, said string) bool {
		started = good
		if !good {
			p.update(func(h *podrun.Health) { h.Failure = "Startup probe failed: " + said })
		}
		return false
	})
	return started
}

// watch calls verdict each time the probe's threshold of successes or failures
// in a row is reached, until verdict returns false or ctx ends.
func watch(ctx context.Context, container *corev1.Container, spec *corev1.Probe, verdict func(good bool, said string) bool) {
	if !sleep(ctx, time.Duration(spec.InitialDelaySeconds)*time.Second) {
		return
	}
	successes, failures := int32(0), int32(0)
	for {
		good, said := ask(container, spec)
		if good {
			successes, failures = successes+1, 0
		} else {
			successes, failures = 0, failures+1
		}
		if successes == max(1, spec.SuccessThreshold) || failures == cmp.Or(spec.FailureThreshold, 3) {
			if !verdict(good, said) {
				return
			}
		}
		if !sleep(ctx, time.Duration(cmp.Or(spec.PeriodSeconds, 10))*time.Second) {
			return
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}

func ask(container *corev1.Container, spec *corev1.Probe) (good bool, said string) {
	timeout := time.Duration(cmp.Or(spec.TimeoutSeconds, 1)) * time.Second
	result, said, err := probe.Success, "", error(nil)
	switch {
	case spec.HTTPGet != nil:
		result, said, err = askHTTP(container, spec.HTTPGet, timeout)
	case spec.TCPSocket != nil:
		var port int
		if port, err = portOf(container, spec.TCPSocket.Port); err == nil {
			result, said, err = tcpprobe.New().Probe(cmp.Or(spec.TCPSocket.Host, loopback), port, timeout)
		}
	}
	if err != nil {
		return false, err.Error()
	}
	return result == probe.Success || result == probe.Warning, said
}

func askHTTP(container *corev1.Container, get *corev1.HTTPGetAction, timeout time.Duration) (probe.Result, string, error) {
	request, err := httpprobe.NewRequestForHTTPGetAction(get, container, loopback, "probe")
	if err != nil {
		return probe.Unknown, "", err
	}
	return httpprobe.New(false).Probe(request, timeout)
}

func portOf(container *corev1.Container, port intstr.IntOrString) (int, error) {
	if port.Type == intstr.Int {
		return port.IntValue(), nil
	}
	for _, named := range container.Ports {
		if named.Name == port.StrVal {
			return int(named.ContainerPort), nil
		}
	}
	number, err := strconv.Atoi(port.StrVal)
	if err != nil {
		return 0, fmt.Errorf("container %s has no port named %q", container.Name, port.StrVal)
	}
	return number, nil
}
