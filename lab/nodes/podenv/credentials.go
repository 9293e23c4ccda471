package podenv

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// tokenLifetime is what a kubelet asks for a projected token.
const tokenLifetime = time.Hour

// Credentials are the files by which a pod's processes reach the API server.
// A container finds them mounted; a process of the host is told by KUBECONFIG.
type Credentials struct {
	Kubeconfig, TokenFile, CAFile string
	// RenewAt is when the token should be written anew.
	RenewAt time.Time
}

// Server is the API server as a process of the host reaches it.
type Server struct {
	URL string
	CA  []byte // PEM
}

// WantsToken reports whether the pod gets its service account's token.
func WantsToken(pod *corev1.Pod) bool {
	return pod.Spec.AutomountServiceAccountToken == nil || *pod.Spec.AutomountServiceAccountToken
}

func accountOf(pod *corev1.Pod) string {
	if pod.Spec.ServiceAccountName == "" {
		return "default"
	}
	return pod.Spec.ServiceAccountName
}

// WriteCredentials asks for a token bound to the pod and writes token, CA and a
// kubeconfig that names them into dir. Calling it again renews the token.
func WriteCredentials(ctx context.Context, client kubernetes.Interface, server Server, pod *corev1.Pod, dir string) (Credentials, error) {
	account := accountOf(pod)
	seconds := int64(tokenLifetime.Seconds())
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		ExpirationSeconds: &seconds,
		BoundObjectRef:    &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID},
	}}
	token, err := client.CoreV1().ServiceAccounts(pod.Namespace).CreateToken(ctx, account, request, metav1.CreateOptions{})
	if err != nil {
		return Credentials{}, fmt.Errorf("token of service account %s/%s: %w", pod.Namespace, account, err)
	}
	c := Credentials{
		Kubeconfig: filepath.Join(dir, "kubeconfig"), TokenFile: filepath.Join(dir, "token"), CAFile: filepath.Join(dir, "ca.crt"),
		RenewAt: time.Now().Add(tokenLifetime * 8 / 10),
	}
	return c, c.write(server, pod.Namespace, token.Status.Token)
}

func (c Credentials) write(server Server, namespace, token string) error {
	if err := os.MkdirAll(filepath.Dir(c.TokenFile), 0o700); err != nil {
		return err
	}
	if err := replaceFile(c.CAFile, server.CA); err != nil {
		return err
	}
	if err := replaceFile(c.TokenFile, []byte(token)); err != nil {
		return err
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["cluster"] = &clientcmdapi.Cluster{Server: server.URL, CertificateAuthority: c.CAFile}
	config.AuthInfos["pod"] = &clientcmdapi.AuthInfo{TokenFile: c.TokenFile}
	config.Contexts["pod"] = &clientcmdapi.Context{Cluster: "cluster", AuthInfo: "pod", Namespace: namespace}
	config.CurrentContext = "pod"
	text, err := clientcmd.Write(*config)
	if err != nil {
		return err
	}
	return replaceFile(c.Kubeconfig, text)
}

// replaceFile never shows a reader half a file.
func replaceFile(name string, content []byte) error {
	next := name + ".next"
	if err := os.WriteFile(next, content, 0o600); err != nil {
		return err
	}
	return os.Rename(next, name)
}
