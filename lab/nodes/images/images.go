// Package images imitates a node's image store: how long pulls take and what
// is already there.
package images

import (
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/lab/nodes/podrun"
)

// A pull takes a fixed time for its requests and moves this much per second.
const (
	pullOverhead   = 600 * time.Millisecond
	bytesPerSecond = 80 << 20
	smallest       = 10 << 20
	spread         = 200 << 20
	checkTime      = 300 * time.Millisecond
)

// Store is the images of one node. It is safe for concurrent use.
type Store struct {
	scaled func(time.Duration) time.Duration

	mu    sync.Mutex
	ready map[string]time.Time
}

// New makes an empty store; scaled turns realistic durations into the lab's.
func New(scaled func(time.Duration) time.Duration) *Store {
	return &Store{scaled: scaled, ready: map[string]time.Time{}}
}

// Has marks an image as present.
func (s *Store) Has(image string, since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready[image] = since
}

// Want says when an image will be there and starts to pull it where needed.
// Several wishes for one image share a pull.
func (s *Store) Want(image string, policy corev1.PullPolicy, now time.Time) podrun.Image {
	if _, err := reference.ParseNormalizedNamed(image); err != nil {
		return podrun.Image{Problem: "InvalidImageName", Message: fmt.Sprintf("Failed to apply default image tag %q: couldn't parse image name %q: %v", image, image, err)}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ready, known := s.ready[image]
	present := known && !now.Before(ready)
	switch {
	case present && policy == corev1.PullAlways:
		took := s.scaled(checkTime)
		return podrun.Image{ReadyAt: now.Add(took), Pulled: true, PullTime: took, SizeBytes: Size(image)}
	case present:
		return podrun.Image{ReadyAt: now}
	case policy == corev1.PullNever:
		return podrun.Image{Problem: "ErrImageNeverPull", Message: fmt.Sprintf("Container image %q is not present with pull policy of Never", image)}
	case !known:
		ready = now.Add(s.scaled(PullTime(image)))
		s.ready[image] = ready
	}
	return podrun.Image{ReadyAt: ready, Pulled: true, PullTime: ready.Sub(now), SizeBytes: Size(image)}
}

// Size is 10 to 210 MiB by a hash of the image's name, the same every time.
func Size(image string) int64 {
	hash := fnv.New64a()
	hash.Write([]byte(image))
	return smallest + int64(hash.Sum64()%spread)
}

// PullTime is realistic, unscaled.
func PullTime(image string) time.Duration {
	return pullOverhead + time.Duration(float64(Size(image))/bytesPerSecond*float64(time.Second))
}
