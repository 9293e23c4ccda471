package podenv

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// defaultExpiration is what a projected token lasts that does not say.
const defaultExpiration = 3600

// WriteTokens writes the tokens of a pod's projected volumes below dir, each
// where TokenPath finds it, and says when to do so again: the zero time when
// the pod has none.
func WriteTokens(ctx context.Context, client kubernetes.Interface, pod *corev1.Pod, dir string) (renewAt time.Time, err error) {
	for _, volume := range pod.Spec.Volumes {
		if volume.Projected == nil {
			continue
		}
		for _, source := range volume.Projected.Sources {
			if source.ServiceAccountToken == nil || source.ServiceAccountToken.Audience == "" {
				continue // that of the API server is in Credentials
			}
			due, err := writeToken(ctx, client, pod, source.ServiceAccountToken, filepath.Join(dir, volume.Name))
			if err != nil {
				return renewAt, err
			}
			if renewAt.IsZero() || due.Before(renewAt) {
				renewAt = due
			}
		}
	}
	return renewAt, nil
}

func writeToken(ctx context.Context, client kubernetes.Interface, pod *corev1.Pod, wanted *corev1.ServiceAccountTokenProjection, dir string) (due time.Time, err error) {
	seconds := int64(defaultExpiration)
	if wanted.ExpirationSeconds != nil {
		seconds = *wanted.ExpirationSeconds
	}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		Audiences: []string{wanted.Audience}, ExpirationSeconds: &seconds,
		BoundObjectRef: &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID},
	}}
	account := accountOf(pod)
	token, err := client.CoreV1().ServiceAccounts(pod.Namespace).CreateToken(ctx, account, request, metav1.CreateOptions{})
	if err != nil {
		return due, fmt.Errorf("token of service account %s/%s for %s: %w", pod.Namespace, account, wanted.Audience, err)
	}
	file := filepath.Join(dir, filepath.FromSlash(filepath.Clean("/"+wanted.Path)))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return due, err
	}
	life := time.Duration(seconds) * time.Second
	return time.Now().Add(life * 8 / 10), replaceFile(file, []byte(token.Status.Token))
}

// HostPaths makes variables that name a file in a mounted volume of tokens
// name it where it is on this machine, below dir: a process of the host has no
// mounts.
func HostPaths(env map[string]string, pod *corev1.Pod, container *corev1.Container, dir string) {
	for _, mount := range container.VolumeMounts {
		if !isTokens(pod, mount.Name) {
			continue
		}
		for name, value := range env {
			if rest, inside := strings.CutPrefix(value, strings.TrimSuffix(mount.MountPath, "/")+"/"); inside {
				env[name] = filepath.Join(dir, mount.Name, filepath.FromSlash(filepath.Clean("/"+rest)))
			}
		}
	}
}

// isTokens reports whether WriteTokens fills a volume.
func isTokens(pod *corev1.Pod, name string) bool {
	for _, volume := range pod.Spec.Volumes {
		if volume.Name != name || volume.Projected == nil {
			continue
		}
		for _, source := range volume.Projected.Sources {
			if source.ServiceAccountToken != nil && source.ServiceAccountToken.Audience != "" {
				return true
			}
		}
	}
	return false
}

// PreferRole takes the machine's own keys out of the variables of a container
// that has a role: AWS's SDKs would use them instead.
func PreferRole(env map[string]string, container *corev1.Container) {
	for _, variable := range container.Env {
		if variable.Name == "AWS_WEB_IDENTITY_TOKEN_FILE" {
			delete(env, "AWS_ACCESS_KEY_ID")
			delete(env, "AWS_SECRET_ACCESS_KEY")
			delete(env, "AWS_SESSION_TOKEN")
		}
	}
}
