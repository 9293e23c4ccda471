package nodes_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	authenticationv1 "k8s.io/api/authentication/v1"

	"github.com/drover-project/drover/lab/clock"
	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/nodes"
)

const programImage = "example.com/program"

// TestMain lets the test binary be the program behind an image.
func TestMain(m *testing.M) {
	if os.Getenv("PLAY") != "program" {
		os.Exit(m.Run())
	}
	token, err := os.ReadFile(os.Getenv("TOKEN_FILE"))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Printf("args=%s pod=%s node=%s token=%s metadata=%s,%s pid=%d\n",
		strings.Join(os.Args[1:], " "), os.Getenv("POD_NAME"), os.Getenv("NODE"), token,
		os.Getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT"), os.Getenv("INSTANCE_METADATA_URL"), os.Getpid())
	http.HandleFunc("/hello", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello from the pod") })
	fmt.Println(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}

// realLab runs in wall time, a hundred times as fast, since real processes do.
type realLab struct {
	t         *testing.T
	client    *fake.Clientset
	simulator *nodes.Simulator
	authority tls.Certificate
}

func newRealLab(t *testing.T, change ...func(*machine.Machine)) *realLab {
	t.Helper()
	l := &realLab{t: t, client: fake.NewClientset(), authority: newAuthority(t)}
	l.client.PrependReactor("create", "serviceaccounts", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, &authenticationv1.TokenRequest{Status: authenticationv1.TokenRequestStatus{Token: "secret-token"}}, nil
	})
	region := newRegion()
	fast, err := clock.NewWall(100)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	l.simulator, err = nodes.New(nodes.Options{
		Client: l.client, Source: region, Clock: fast, DataDir: dir, ServingCA: &l.authority,
		Cluster:   nodes.Cluster{Name: "test", Version: "1.37.2", Endpoint: endpoint, CA: clusterCA},
		Processes: map[string]nodes.Process{programImage + ":*": {Path: os.Args[0], Env: []string{"PLAY=program"}}},
		Metadata:  func(id string) (string, error) { return "http://metadata.of/" + id, nil },
		Log:       slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.simulator.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	m := newMachine(1)
	for _, c := range change {
		c(&m)
	}
	region.set(m, machine.Running)
	return l
}

func newAuthority(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// eventually checks until the condition holds.
func (l *realLab) eventually(what string, holds func() bool) {
	l.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			l.t.Fatalf("%s: not within 30 s; pod %+v", what, l.status())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (l *realLab) status() corev1.PodStatus {
	pod, err := l.client.CoreV1().Pods("default").Get(l.t.Context(), "p", metav1.GetOptions{})
	if err != nil {
		return corev1.PodStatus{}
	}
	return pod.Status
}

func (l *realLab) running(restarts int32) func() bool {
	return func() bool {
		statuses := l.status().ContainerStatuses
		return len(statuses) == 1 && statuses[0].State.Running != nil && statuses[0].RestartCount == restarts
	}
}

func (l *realLab) create(port int) {
	l.t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "p", UID: types.UID("uid")},
		Spec: corev1.PodSpec{
			NodeName: newMachine(1).PrivateDNSName, RestartPolicy: corev1.RestartPolicyAlways,
			Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
			Containers: []corev1.Container{{
				Name: "app", Image: programImage + ":v1", Command: []string{"/program"}, Args: []string{strconv.Itoa(port), "$(POD_NAME)"},
				Ports: []corev1.ContainerPort{{ContainerPort: int32(port)}},
				Env: []corev1.EnvVar{
					{Name: "POD_NAME", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}},
					{Name: "NODE", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "spec.nodeName"}}},
					{Name: "TOKEN_FILE", Value: "../../serviceaccount/token"},
				},
			}},
		},
		Status: corev1.PodStatus{Phase: corev1.PodPending},
	}
	if _, err := l.client.CoreV1().Pods("default").Create(l.t.Context(), pod, metav1.CreateOptions{}); err != nil {
		l.t.Fatal(err)
	}
}

// kubelet is an HTTPS client whose connections go through DialNode.
func (l *realLab) kubelet() *http.Client {
	pool := x509.NewCertPool()
	authority, err := x509.ParseCertificate(l.authority.Certificate[0])
	if err != nil {
		l.t.Fatal(err)
	}
	pool.AddCert(authority)
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			host, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return l.simulator.DialNode(ctx, host, port)
		},
	}
	l.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (l *realLab) get(path string) (int, string) {
	l.t.Helper()
	response, err := l.kubelet().Get("https://" + net.JoinHostPort(newMachine(1).PrivateIP, nodes.KubeletPort) + path)
	if err != nil {
		l.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func (l *realLab) logs(query string) string {
	l.t.Helper()
	code, body := l.get("/containerLogs/default/p/app" + query)
	if code != http.StatusOK {
		l.t.Fatalf("logs%s: %d %s", query, code, body)
	}
	return body
}

func pidOf(t *testing.T, log string) int {
	t.Helper()
	_, text, found := strings.Cut(log, "pid=")
	pid, err := strconv.Atoi(strings.TrimSpace(text))
	if !found || err != nil {
		t.Fatalf("log %q has no pid", log)
	}
	return pid
}

func TestProcessPod(t *testing.T) {
	l := newRealLab(t)
	port := freePort(t)
	l.create(port)
	l.eventually("running", l.running(0))
	l.eventually("log", func() bool { return strings.Contains(l.logs(""), "pid=") })
	log := l.logs("")
	if want := fmt.Sprintf("args=%d p pod=p node=%s token=secret-token metadata=http://metadata.of/%[3]s,http://metadata.of/%[3]s ", port, newMachine(1).PrivateDNSName, newMachine(1).ID); !strings.Contains(log, want) {
		t.Errorf("log %q lacks %q", log, want)
	}

	l.eventually("port of the pod", func() bool {
		conn, err := l.simulator.DialNode(t.Context(), l.status().PodIP, strconv.Itoa(port))
		if err != nil {
			return false
		}
		defer conn.Close()
		fmt.Fprint(conn, "GET /hello HTTP/1.0\r\n\r\n")
		answer, _ := io.ReadAll(conn)
		return strings.Contains(string(answer), "hello from the pod")
	})

	if err := syscall.Kill(pidOf(t, log), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	l.eventually("restart", l.running(1))
	last := l.status().ContainerStatuses[0].LastTerminationState.Terminated
	if last == nil || last.ExitCode != 137 {
		t.Errorf("last termination %+v, want exit code 137", last)
	}
	if previous := l.logs("?previous=true"); previous != log {
		t.Errorf("previous log %q, want %q", previous, log)
	}

	zero := int64(0)
	l.eventually("log of the second run", func() bool { return strings.Contains(l.logs(""), "pid=") })
	second := pidOf(t, l.logs(""))
	if err := l.client.CoreV1().Pods("default").Delete(t.Context(), "p", metav1.DeleteOptions{GracePeriodSeconds: &zero}); err != nil {
		t.Fatal(err)
	}
	l.eventually("end of the process", func() bool { return syscall.Kill(second, 0) != nil })
}

// TestAHopLimitOf1KeepsPodsAway: as on EC2, where only pods with the host's
// network then reach the metadata service.
func TestAHopLimitOf1KeepsPodsAway(t *testing.T) {
	l := newRealLab(t, func(m *machine.Machine) { m.Metadata.HopLimit = 1 })
	l.create(freePort(t))
	l.eventually("running", l.running(0))
	l.eventually("log", func() bool { return strings.Contains(l.logs(""), "pid=") })
	if log := l.logs(""); !strings.Contains(log, "metadata=, ") {
		t.Errorf("log %q names a metadata service", log)
	}
}

func TestFollowedLogEndsWithItsProcess(t *testing.T) {
	l := newRealLab(t)
	l.create(freePort(t))
	l.eventually("running", l.running(0))
	response, err := l.kubelet().Get("https://" + net.JoinHostPort(newMachine(1).PrivateIP, nodes.KubeletPort) + "/containerLogs/default/p/app?follow=true")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	reader := bufio.NewReader(response.Body)
	line, err := reader.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pidOf(t, line), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(reader); err != nil || len(rest) != 0 {
		t.Errorf("after the process: %q, %v", rest, err)
	}
}

func TestKubeletAnswers(t *testing.T) {
	l := newRealLab(t)
	l.create(freePort(t))
	l.eventually("running", l.running(0))
	for path, want := range map[string]struct {
		code int
		text string
	}{
		"/healthz":                                  {http.StatusOK, "ok"},
		"/pods":                                     {http.StatusOK, `"name":"p"`},
		"/metrics/resource":                         {http.StatusOK, `container_start_time_seconds{container="app",namespace="default",pod="p"}`},
		"/containerLogs/default/none/app":           {http.StatusNotFound, `pod "none" not found`},
		"/containerLogs/default/p/none":             {http.StatusNotFound, `container "none" not found in pod "p"`},
		"/containerLogs/default/p/app?previous=1":   {http.StatusBadRequest, "previous terminated container"},
		"/containerLogs/default/p/app?tailLines=-1": {http.StatusBadRequest, "tailLines"},
		"/exec/default/p/app?command=sh":            {http.StatusNotImplemented, "no shell"},
	} {
		if code, body := l.get(path); code != want.code || !strings.Contains(body, want.text) {
			t.Errorf("%s: %d %q, want %d and %q", path, code, body, want.code, want.text)
		}
	}
}

// TestKubeletKnowsItsPodsBeforeTheWatch: whoever reads a status from the API
// server and asks the kubelet at once finds the same there.
func TestKubeletKnowsItsPodsBeforeTheWatch(t *testing.T) {
	l := newRealLab(t)
	reported, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	l.client.PrependReactor("update", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
		pod, ok := action.(clienttesting.UpdateAction).GetObject().(*corev1.Pod)
		if ok && pod.Status.Phase == corev1.PodRunning {
			once.Do(func() { close(reported) })
			<-release
		}
		return false, nil, nil
	})
	defer close(release)
	l.create(freePort(t))
	<-reported
	if _, body := l.get("/pods"); !strings.Contains(body, `"startedAt"`) {
		t.Errorf("the kubelet does not know of the start that it is reporting: %s", body)
	}
}

func TestDialNodeRefusesOtherTargets(t *testing.T) {
	l := newRealLab(t)
	l.create(freePort(t))
	l.eventually("running", l.running(0))
	for _, target := range [][2]string{{"192.168.77.77", nodes.KubeletPort}, {l.status().PodIP, "1"}, {"127.0.0.1", "22"}} {
		if conn, err := l.simulator.DialNode(t.Context(), target[0], target[1]); err == nil {
			conn.Close()
			t.Errorf("%v is connected", target)
		}
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}
