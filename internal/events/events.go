// Package events publishes Kubernetes events with Karpenter's reasons. The same
// words about the same object are said once in a while, not in every loop.
package events

import (
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	clientevents "k8s.io/client-go/tools/events"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Reasons, with Karpenter's spelling.
const (
	Nominated                 = "Nominated"
	Launching                 = "Launching"
	FailedScheduling          = "FailedScheduling"
	NoCompatibleInstanceTypes = "NoCompatibleInstanceTypes"
	InsufficientCapacityError = "InsufficientCapacityError"
	NodeClassNotReady         = "NodeClassNotReady"
	UnregisteredTaintMissing  = "UnregisteredTaintMissing"
	FailedLaunch              = "FailedLaunch"
	DisruptionTerminating     = "DisruptionTerminating"
	DisruptionLaunching       = "DisruptionLaunching"
	DisruptionBlocked         = "DisruptionBlocked"
	Evicted                   = "Evicted"
	FailedDraining            = "FailedDraining"
	TerminationGracePeriod    = "TerminationGracePeriodExpiring"
	FailedTermination         = "FailedTermination"
	WaitingOnNodeClaims       = "WaitingOnNodeClaimTermination"

	// Reasons about nodes that AWS takes back. The last three are drover's own.
	SpotInterrupted                = "SpotInterrupted"
	SpotRebalanceRecommendation    = "SpotRebalanceRecommendation"
	CapacityReservationInterrupted = "CapacityReservationInterrupted"
	InstanceStopping               = "InstanceStopping"
	InstanceTerminating            = "InstanceTerminating"
	InstanceUnhealthy              = "InstanceUnhealthy"
	TerminatingOnInterruption      = "TerminatingOnInterruption"
	InterruptionOver               = "InterruptionOver"
	InterruptionDrained            = "InterruptionDrained"
	InterruptionQueueFailed        = "InterruptionQueueFailed"

	// Reasons of cluster-autoscaler, about node groups.
	TriggeredScaleUp     = "TriggeredScaleUp"
	NotTriggerScaleUp    = "NotTriggerScaleUp"
	ScaledUpGroup        = "ScaledUpGroup"
	FailedToScaleUpGroup = "FailedToScaleUpGroup"
	ScaleUpTimedOut      = "ScaleUpTimedOut"
	ScaleDown            = "ScaleDown"
	ScaleDownEmpty       = "ScaleDownEmpty"
	ScaleDownFailed      = "ScaleDownFailed"
	DeleteUnregistered   = "DeleteUnregistered"
	NodeGroupGone        = "NodeGroupGone" // drover's own: cluster-autoscaler says nothing

	quietPeriod     = 5 * time.Minute
	maxNote         = 1000 // events.k8s.io refuses notes of 1 KiB and more
	forgetAfter     = 2 * quietPeriod
	reportingAction = "Reconcile"
	ellipsis        = "…"
)

// Recorder publishes events. It may be used concurrently.
type Recorder struct {
	say   func(object client.Object, eventType, reason, note string)
	clock clock.PassiveClock

	mu   sync.Mutex
	said map[statement]time.Time
	next time.Time // when to forget old statements
}

type statement struct {
	uid    types.UID
	reason string
	note   string
}

// New returns a Recorder that publishes to sink.
func New(sink clientevents.EventRecorder, clock clock.PassiveClock) *Recorder {
	return &Recorder{clock: clock, said: map[statement]time.Time{}, say: func(object client.Object, eventType, reason, note string) {
		sink.Eventf(object, nil, eventType, reason, actionOf(note), "%s", note)
	}}
}

// actionOf differs from note to note: the API takes events that differ in their note
// only for one that is repeated, and keeps the first note.
func actionOf(note string) string {
	hash := fnv.New32a()
	hash.Write([]byte(note))
	return fmt.Sprintf("%s-%08x", reportingAction, hash.Sum32())
}

// NewLegacy returns a Recorder that publishes events of the core API, which is
// all that some installations allow.
func NewLegacy(sink record.EventRecorder, clock clock.PassiveClock) *Recorder {
	return &Recorder{clock: clock, said: map[statement]time.Time{}, say: func(object client.Object, eventType, reason, note string) {
		sink.Event(object, eventType, reason, note)
	}}
}

// Normal tells what happened to an object.
func (r *Recorder) Normal(object client.Object, reason, note string) {
	r.publish(object, corev1.EventTypeNormal, reason, note)
}

// Warning tells what is wrong with an object.
func (r *Recorder) Warning(object client.Object, reason, note string) {
	r.publish(object, corev1.EventTypeWarning, reason, note)
}

// NormalOnce tells an object of one thing once in a while, however the note
// changes: where very many objects are told, that is what an API server can take.
func (r *Recorder) NormalOnce(object client.Object, reason, note string) {
	r.publishOnce(object, corev1.EventTypeNormal, reason, note)
}

// WarningOnce is NormalOnce for what is wrong.
func (r *Recorder) WarningOnce(object client.Object, reason, note string) {
	r.publishOnce(object, corev1.EventTypeWarning, reason, note)
}

func (r *Recorder) publishOnce(object client.Object, eventType, reason, note string) {
	if r.isNew(statement{object.GetUID(), reason, ""}) {
		r.say(object, eventType, reason, shorten(note))
	}
}

func (r *Recorder) publish(object client.Object, eventType, reason, note string) {
	note = shorten(note)
	if r.isNew(statement{object.GetUID(), reason, note}) {
		r.say(object, eventType, reason, note)
	}
}

func (r *Recorder) isNew(s statement) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock.Now()
	if last, ok := r.said[s]; ok && now.Sub(last) < quietPeriod {
		return false
	}
	if now.After(r.next) {
		for old, last := range r.said {
			if now.Sub(last) >= quietPeriod {
				delete(r.said, old)
			}
		}
		r.next = now.Add(forgetAfter)
	}
	r.said[s] = now
	return true
}

// shorten cuts a note at a character boundary.
func shorten(note string) string {
	if len(note) <= maxNote {
		return note
	}
	end := 0
	for i := range note {
		if i > maxNote-len(ellipsis) {
			break
		}
		end = i
	}
	return note[:end] + ellipsis
}
