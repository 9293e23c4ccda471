package podrun

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// UnreadyLabel with the value "unhealthy", or UnreadyAnnotation with "false",
// keeps a pod's containers from being ready.
const (
	UnreadyLabel      = "kwok.x-k8s.io/stage"
	UnreadyAnnotation = "lab.drover.dev/ready"
)

func (p *Pod) markedUnready() bool {
	return p.pod.Labels[UnreadyLabel] == "unhealthy" || p.pod.Annotations[UnreadyAnnotation] == "false"
}

// status is what the kubelet reports. Conditions of others stay.
func (p *Pod) status(now time.Time) corev1.PodStatus {
	status := *p.pod.Status.DeepCopy()
	status.Phase = p.phase()
	status.ObservedGeneration = p.pod.Generation
	start := timeOf(p.startTime)
	status.StartTime = &start
	if p.rejected != nil {
		status.Reason = p.rejected.Reason
		status.Message = "Pod was rejected: " + p.rejected.Message
		return status
	}
	if p.stopping != nil && p.stopping.reason == reasonDeadlineExceeded {
		status.Reason = reasonDeadlineExceeded
		status.Message = "Pod was active on the node longer than the specified deadline"
	}
	status.HostIP = p.addresses.HostIP
	status.HostIPs = []corev1.HostIP{{IP: p.addresses.HostIP}}
	if p.networked(now) {
		status.PodIP = p.addresses.PodIP
		status.PodIPs = []corev1.PodIP{{IP: p.addresses.PodIP}}
	}
	status.InitContainerStatuses, status.ContainerStatuses = nil, nil
	for _, c := range p.containers {
		if c.init {
			status.InitContainerStatuses = append(status.InitContainerStatuses, p.containerStatus(c))
		} else {
			status.ContainerStatuses = append(status.ContainerStatuses, p.containerStatus(c))
		}
	}
	p.setConditions(&status, now)
	return status
}

// networked reports whether the pod's sandbox is there.
func (p *Pod) networked(now time.Time) bool {
	return !now.Before(p.startTime.Add(p.host.Scaled(sandboxTime)))
}

func (p *Pod) phase() corev1.PodPhase {
	switch {
	case p.rejected != nil, p.stopping != nil && p.stopping.reason != "" && !p.anyRunning():
		return corev1.PodFailed
	case p.initFailed() && !p.anyRunning():
		return corev1.PodFailed
	case !p.initialized():
		if p.stopping != nil && !p.anyRunning() && p.pod.DeletionTimestamp != nil {
			return corev1.PodFailed
		}
		return corev1.PodPending
	}
	return p.phaseOfMains()
}

func (p *Pod) phaseOfMains() corev1.PodPhase {
	failed, stopped, fresh := 0, 0, 0
	for _, c := range p.mains() {
		switch {
		case c.run != nil:
		case c.exit == nil:
			fresh++
		case c.exit.ExitCode != 0:
			failed++
			stopped++
		default:
			stopped++
		}
	}
	ending := p.stopping != nil && p.pod.DeletionTimestamp != nil
	switch {
	case fresh > 0:
		return corev1.PodPending
	case p.anyRunning(), stopped == 0:
		return corev1.PodRunning
	case !ending && !p.mainsEnded():
		return corev1.PodRunning
	case failed > 0:
		return corev1.PodFailed
	}
	return corev1.PodSucceeded
}

// initialized reports whether all init containers have done their part. Once
// a main container has run it stays true, even while a sidecar restarts.
func (p *Pod) initialized() bool {
	for _, c := range p.containers {
		if !c.init && (c.run != nil || c.exit != nil || c.last != nil) {
			return true
		}
	}
	for _, c := range p.containers {
		if c.init && !c.passed() {
			return false
		}
	}
	return true
}

func (p *Pod) containerStatus(c *container) corev1.ContainerStatus {
	started := c.run != nil && c.health.Started
	status := corev1.ContainerStatus{
		Name: c.spec.Name, Image: c.spec.Image, ContainerID: c.id,
		RestartCount: c.restarts, Ready: p.containerReady(c), Started: &started,
	}
	if c.id != "" {
		status.ImageID = imageID(c.spec.Image)
	}
	if c.last != nil {
		status.LastTerminationState.Terminated = c.last
	}
	switch {
	case c.run != nil:
		status.State.Running = &corev1.ContainerStateRunning{StartedAt: timeOf(c.startedAt)}
	case c.waiting != nil:
		status.State.Waiting = c.waiting
		if c.exit != nil {
			status.LastTerminationState.Terminated = c.exit
		}
	case c.exit != nil:
		status.State.Terminated = c.exit
	default:
		status.State.Waiting = p.notYet(c)
	}
	return status
}

func (p *Pod) notYet(c *container) *corev1.ContainerStateWaiting {
	if !c.init && !p.initialized() {
		return &corev1.ContainerStateWaiting{Reason: "PodInitializing"}
	}
	if c.init && p.initTurn() != c {
		return &corev1.ContainerStateWaiting{Reason: "PodInitializing"}
	}
	return &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}
}

// initTurn returns the init container that the others wait for.
func (p *Pod) initTurn() *container {
	for _, c := range p.containers {
		if c.init && !c.passed() {
			return c
		}
	}
	return nil
}

func (p *Pod) containerReady(c *container) bool {
	if c.init && !c.sidecar {
		return c.run == nil && c.exit != nil && c.exit.ExitCode == 0
	}
	return c.run != nil && c.health.Ready && !p.markedUnready()
}

// containerID and imageID look like containerd's and are the same every time.
func containerID(pod *corev1.Pod, name string, attempt int32) string {
	return "containerd://" + digest(fmt.Sprintf("%s/%s/%d", pod.UID, name, attempt))
}

func imageID(image string) string {
	repository := image
	if at := strings.Index(repository, "@"); at >= 0 {
		return image
	}
	if colon := strings.LastIndex(repository, ":"); colon > strings.LastIndex(repository, "/") {
		repository = repository[:colon]
	}
	return repository + "@sha256:" + digest(image)
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
