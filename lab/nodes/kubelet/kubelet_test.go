package kubelet_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drover-project/drover/lab/nodes/kubelet"
	"github.com/drover-project/drover/lab/nodes/podlog"
)

// onePod is a node whose only pod is in a given state.
type onePod struct {
	pod *corev1.Pod
	dir string
}

func (o onePod) Pod(node kubelet.Node, namespace, name string) *corev1.Pod {
	if node.Name != o.pod.Spec.NodeName || namespace != o.pod.Namespace || name != o.pod.Name {
		return nil
	}
	return o.pod
}

func (o onePod) Pods(kubelet.Node) []corev1.Pod { return []corev1.Pod{*o.pod} }

func (o onePod) LogFile(_ *corev1.Pod, container string, attempt int32) string {
	return filepath.Join(o.dir, container, strconv.Itoa(int(attempt))+".log")
}

func pair(t *testing.T, name string, parent *tls.Certificate) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: parent == nil, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	issuer, signer := template, any(key)
	if parent != nil {
		if issuer, err = x509.ParseCertificate(parent.Certificate[0]); err != nil {
			t.Fatal(err)
		}
		signer = parent.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

type fixture struct {
	t         *testing.T
	authority *tls.Certificate
	server    *kubelet.Server
}

func newFixture(t *testing.T, status corev1.ContainerStatus) *fixture {
	t.Helper()
	pods := onePod{dir: t.TempDir(), pod: &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "p", UID: "u"},
		Spec:       corev1.PodSpec{NodeName: "n"},
		Status:     corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{status}},
	}}
	for _, attempt := range []string{"0", "1"} {
		if err := podlog.Append(filepath.Join(pods.dir, "app", attempt+".log"), time.Now(), "run "+attempt); err != nil {
			t.Fatal(err)
		}
	}
	authority := pair(t, "authority", nil)
	server, err := kubelet.New(kubelet.Options{ServingCA: authority, ClientCAs: pool(t, authority), Pods: pods, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return &fixture{t: t, authority: authority, server: server}
}

func pool(t *testing.T, authority *tls.Certificate) *x509.CertPool {
	t.Helper()
	certificate, err := x509.ParseCertificate(authority.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	return pool
}

// client reaches the kubelet of node n, with a certificate or without.
func (f *fixture) client(certificates ...tls.Certificate) *http.Client {
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool(f.t, f.authority), Certificates: certificates, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return f.server.Dial(ctx, kubelet.Node{Name: "n", IP: "192.168.0.9"})
		},
	}
	f.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (f *fixture) get(path string) (int, string) {
	f.t.Helper()
	response, err := f.client(*pair(f.t, "apiserver", f.authority)).Get("https://192.168.0.9:10250" + path)
	if err != nil {
		f.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestCallersNeedACertificate(t *testing.T) {
	f := newFixture(t, corev1.ContainerStatus{Name: "app"})
	response, err := f.client().Get("https://192.168.0.9:10250/healthz")
	if err == nil {
		response.Body.Close()
		t.Error("a caller without a certificate is served")
	}
	if code, body := f.get("/healthz"); code != http.StatusOK || body != "ok" {
		t.Errorf("with a certificate: %d %q", code, body)
	}
}

func TestTheRightRunIsRead(t *testing.T) {
	ended := &corev1.ContainerStateTerminated{ContainerID: "containerd://0", ExitCode: 1}
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	backOff := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}
	creating := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}
	last := corev1.ContainerState{Terminated: ended}
	for name, test := range map[string]struct {
		status corev1.ContainerStatus
		query  string
		code   int
		want   string
	}{
		"first run":              {corev1.ContainerStatus{State: running}, "", 200, "run 0\n"},
		"second run":             {corev1.ContainerStatus{State: running, LastTerminationState: last, RestartCount: 1}, "", 200, "run 1\n"},
		"run before":             {corev1.ContainerStatus{State: running, LastTerminationState: last, RestartCount: 1}, "?previous=true", 200, "run 0\n"},
		"no run before":          {corev1.ContainerStatus{State: running}, "?previous=true", 400, "previous terminated container \"app\" in pod \"p\" not found\n"},
		"waiting for a restart":  {corev1.ContainerStatus{State: backOff, LastTerminationState: last, RestartCount: 1}, "", 200, "run 1\n"},
		"previous while waiting": {corev1.ContainerStatus{State: backOff, LastTerminationState: last, RestartCount: 1}, "?previous=true", 200, "run 1\n"},
		"never started":          {corev1.ContainerStatus{State: creating}, "", 400, "container \"app\" in pod \"p\" is waiting to start: ContainerCreating\n"},
		"ended":                  {corev1.ContainerStatus{State: last}, "?follow=true", 200, "run 0\n"},
	} {
		t.Run(name, func(t *testing.T) {
			test.status.Name = "app"
			code, body := newFixture(t, test.status).get("/containerLogs/ns/p/app" + test.query)
			if code != test.code || body != test.want {
				t.Errorf("%d %q, want %d %q", code, body, test.code, test.want)
			}
		})
	}
}

func TestServingCAMustBeComplete(t *testing.T) {
	if _, err := kubelet.New(kubelet.Options{ServingCA: &tls.Certificate{}}); err == nil {
		t.Error("an empty serving CA is accepted")
	}
}
