package images_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/drover-project/drover/lab/nodes/images"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func store() *images.Store {
	return images.New(func(d time.Duration) time.Duration { return d / 10 })
}

func TestWishesShareAPull(t *testing.T) {
	s := store()
	first := s.Want("nginx", corev1.PullIfNotPresent, noon)
	second := s.Want("nginx", corev1.PullAlways, noon.Add(time.Millisecond))
	if !first.Pulled || !second.Pulled || !first.ReadyAt.Equal(second.ReadyAt) {
		t.Errorf("first %+v, second %+v: want one pull", first, second)
	}
	if want := images.PullTime("nginx") / 10; first.ReadyAt.Sub(noon) != want {
		t.Errorf("pull takes %v, want %v scaled", first.ReadyAt.Sub(noon), want)
	}
	if third := s.Want("nginx", corev1.PullIfNotPresent, first.ReadyAt); third.Pulled || third.ReadyAt.After(first.ReadyAt) {
		t.Errorf("an image that is there is pulled again: %+v", third)
	}
}

func TestPullPolicies(t *testing.T) {
	s := store()
	if got := s.Want("nginx", corev1.PullNever, noon); got.Problem != "ErrImageNeverPull" {
		t.Errorf("problem %q", got.Problem)
	}
	s.Has("nginx", noon)
	if got := s.Want("nginx", corev1.PullNever, noon); got.Problem != "" {
		t.Errorf("problem %q with an image that is there", got.Problem)
	}
	if got := s.Want("nginx", corev1.PullAlways, noon); !got.Pulled || !got.ReadyAt.After(noon) {
		t.Errorf("policy Always does not ask the registry: %+v", got)
	}
}

func TestInvalidName(t *testing.T) {
	if got := store().Want("Not An Image", corev1.PullAlways, noon); got.Problem != "InvalidImageName" {
		t.Errorf("problem %q", got.Problem)
	}
}

func TestPullTimesArePlausible(t *testing.T) {
	for _, image := range []string{"nginx", "public.ecr.aws/eks-distro/kubernetes/pause:3.2", "busybox:1.36"} {
		if took := images.PullTime(image); took < 700*time.Millisecond || took > 4*time.Second {
			t.Errorf("%s takes %v", image, took)
		}
	}
}
