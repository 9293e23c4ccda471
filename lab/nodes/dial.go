package nodes

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	corev1 "k8s.io/api/core/v1"
)

// DialNode connects to a port of a node or pod, for the API server's tunnel:
// host is a node's internal address or name with KubeletPort, or the address of
// a process pod with a port that one of its containers declares. Other targets
// are refused as an unreachable address would be.
func (s *Simulator) DialNode(ctx context.Context, host, port string) (net.Conn, error) {
	if port == KubeletPort {
		return s.dialKubelet(ctx, host)
	}
	s.mu.Lock()
	p := s.podIPs[host]
	s.mu.Unlock()
	if p == nil || !p.declares(port) {
		return nil, fmt.Errorf("connect to %s: no process pod has this address and port", net.JoinHostPort(host, port))
	}
	var dialer net.Dialer
	return dialer.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", port))
}

func (s *Simulator) dialKubelet(ctx context.Context, host string) (net.Conn, error) {
	if s.kubelet == nil {
		return nil, errors.New("connect to kubelet: the lab has no serving CA for kubelets")
	}
	n := s.nodeAt(host)
	if n == nil {
		return nil, fmt.Errorf("connect to %s: no node is up at this address", net.JoinHostPort(host, KubeletPort))
	}
	n.mu.Lock()
	target, up := n.endpoint()
	reachable := !n.machine.Unreachable
	n.mu.Unlock()
	if !up || !reachable {
		return nil, fmt.Errorf("connect to %s: the node is down", net.JoinHostPort(host, KubeletPort))
	}
	return s.kubelet.Dial(ctx, target)
}

// nodeAt finds a registered node by name or address.
func (s *Simulator) nodeAt(host string) *node {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.names[host]; n != nil {
		return n
	}
	return s.nodeIPs[host]
}

// declares reports whether a container of the pod has the port. It reads the
// spec only, which does not change.
func (p *pod) declares(port string) bool {
	number, err := strconv.ParseInt(port, 10, 32)
	if err != nil {
		return false
	}
	p.mu.Lock()
	spec := p.run.Object().Spec
	p.mu.Unlock()
	for _, containers := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for _, container := range containers {
			for _, declared := range container.Ports {
				if int64(declared.ContainerPort) == number {
					return true
				}
			}
		}
	}
	return false
}

func (s *Simulator) openPorts(podIP string, p *pod) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.podIPs[podIP] = p
}

func (s *Simulator) dropPorts(podIP string, p *pod) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.podIPs[podIP] == p {
		delete(s.podIPs, podIP)
	}
}
