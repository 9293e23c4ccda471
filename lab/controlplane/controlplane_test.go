package controlplane_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/drover-project/drover/lab/addons"
	"github.com/drover-project/drover/lab/controlplane"
	"github.com/drover-project/drover/lab/controlplane/component"
	"github.com/drover-project/drover/lab/controlplane/tokenreview"
)

const (
	componentArgument = "component"
	nodeName          = "ip-192-168-9-9.us-west-2.compute.internal"
	nodeIP            = "192.168.9.9"
	accessKey         = "LAB0123456789ABCDEF0"
	secretKey         = "not a secret"
	callerARN         = "arn:aws:iam::111122223333:user/lab"
	deadline          = 60 * time.Second
)

// TestMain is also the component that the control plane starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == componentArgument {
		if err := component.Run(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// lab is a control plane under test with one kubelet, which knows one log.
type lab struct {
	plane  *controlplane.ControlPlane
	client kubernetes.Interface
}

func startLab(t *testing.T, dir string) *lab {
	t.Helper()
	l := &lab{}
	kubelet := newKubelet()
	plane, err := controlplane.Start(t.Context(), controlplane.Config{
		Dir: dir, ClusterName: "blue", ComponentCommand: []string{componentArgument},
		Keys: func(id string) (string, tokenreview.Caller, bool) {
			return secretKey, tokenreview.Caller{ARN: callerARN, Groups: []string{"system:masters"}}, id == accessKey
		},
		DialNode: func(_ context.Context, host, port string) (net.Conn, error) {
			if host != nodeIP || port != "10250" {
				return nil, errors.New("no such node")
			}
			return kubelet.connect(), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(plane.Stop)
	l.plane = plane
	if err := kubelet.serve(plane); err != nil {
		t.Fatal(err)
	}
	if l.client, err = kubernetes.NewForConfig(plane.AdminConfig()); err != nil {
		t.Fatal(err)
	}
	return l
}

// kubelet is a TLS server in this process, reached without any network.
type kubelet struct {
	connections chan net.Conn
}

func newKubelet() *kubelet { return &kubelet{connections: make(chan net.Conn)} }

func (k *kubelet) connect() net.Conn {
	near, far := net.Pipe()
	k.connections <- far
	return near
}

func (k *kubelet) Accept() (net.Conn, error) { return <-k.connections, nil }
func (k *kubelet) Close() error              { return nil }
func (k *kubelet) Addr() net.Addr            { return &net.TCPAddr{IP: net.ParseIP(nodeIP), Port: 10250} }

func (k *kubelet) serve(plane *controlplane.ControlPlane) error {
	pair, err := plane.Authority().IssueServer("system:node:"+nodeName, nodeIP)
	if err != nil {
		return err
	}
	serving, err := pair.TLS()
	if err != nil {
		return err
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{serving}, MinVersion: tls.VersionTLS12,
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: plane.Authority().Pool(),
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "log of %s\n", r.URL.Path) })
	go func() { _ = http.Serve(tls.NewListener(k, config), handler) }()
	return nil
}

func eventually(t *testing.T, what string, condition func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	for {
		err := condition(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("not in time: %s: %v", what, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// TestControlPlane starts the real components twice on one folder; they are too
// slow to start for each of these questions.
func TestControlPlane(t *testing.T) {
	dir := t.TempDir()
	first := startLab(t, dir)
	t.Run("version", first.testVersion)
	t.Run("rights", first.testRights)
	t.Run("token", first.testToken)
	t.Run("add-ons", first.testAddons)
	t.Run("workload and kubelet", first.testWorkload)
	t.Run("kill -9 of the API server", first.testKill)
	first.testStop(t)

	second := startLab(t, dir)
	if string(first.plane.Authority().CertPEM()) != string(second.plane.Authority().CertPEM()) {
		t.Error("another authority after a restart")
	}
	if _, err := second.client.CoreV1().Nodes().Get(t.Context(), nodeName, metav1.GetOptions{}); err != nil {
		t.Errorf("after a restart: %v", err)
	}
}

func (l *lab) testVersion(t *testing.T) {
	version, err := l.client.Discovery().ServerVersion()
	if err != nil {
		t.Fatal(err)
	}
	if version.GitVersion != "v1.37.2-eks-lab" || version.Major+"."+version.Minor != controlplane.Version {
		t.Errorf("version %+v", version)
	}
}

func (l *lab) testRights(t *testing.T) {
	config, err := l.plane.ClientConfig("someone", "a-group")
	if err != nil {
		t.Fatal(err)
	}
	someone := kubernetes.NewForConfigOrDie(config)
	if _, err := someone.CoreV1().Secrets("default").List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("a user without rights: %v", err)
	}
	anonymous := kubernetes.NewForConfigOrDie(rest.AnonymousClientConfig(l.plane.AdminConfig()))
	if _, err := anonymous.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("nobody: %v", err)
	}
	// Only the node authorizer and NodeRestriction together forbid this.
	if config, err = l.plane.ClientConfig("system:node:one", "system:nodes"); err != nil {
		t.Fatal(err)
	}
	node := kubernetes.NewForConfigOrDie(config)
	if _, err := node.CoreV1().Nodes().Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "two"}}, metav1.CreateOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("a node that makes another: %v", err)
	}
}

func (l *lab) testToken(t *testing.T) {
	for name, test := range map[string]struct {
		cluster string
		good    bool
	}{"this cluster": {"blue", true}, "another cluster": {"green", false}} {
		t.Run(name, func(t *testing.T) {
			config := rest.AnonymousClientConfig(l.plane.AdminConfig())
			config.BearerToken = presign(t, test.cluster)
			client := kubernetes.NewForConfigOrDie(config)
			review, err := client.AuthenticationV1().SelfSubjectReviews().Create(t.Context(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
			if !test.good {
				if !apierrors.IsUnauthorized(err) {
					t.Errorf("%+v, %v", review, err)
				}
				return
			}
			if err != nil || review.Status.UserInfo.Username != callerARN {
				t.Errorf("%+v, %v", review, err)
			}
		})
	}
}

func (l *lab) testAddons(t *testing.T) {
	objects, err := addons.Objects(addons.Cluster{Region: "eu-west-1", ClusterName: "blue"})
	if err != nil {
		t.Fatal(err)
	}
	apply := func() {
		t.Helper()
		applier, err := addons.NewApplier(l.plane.AdminConfig(), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := applier.Apply(t.Context(), objects); err != nil {
			t.Fatal(err)
		}
	}
	apply()
	system := l.client.AppsV1().Deployments("kube-system")
	dns, err := system.Get(t.Context(), "coredns", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if image := dns.Spec.Template.Spec.Containers[0].Image; !strings.Contains(image, ".eu-west-1.") {
		t.Errorf("image %s", image)
	}
	l.changeAddons(t, dns)
	apply()
	if dns, err = system.Get(t.Context(), "coredns", metav1.GetOptions{}); err != nil || *dns.Spec.Replicas != 5 {
		t.Errorf("the user's replicas are gone: %v, %v", dns.Spec.Replicas, err)
	}
	if _, err := l.client.AppsV1().DaemonSets("kube-system").Get(t.Context(), "kube-proxy", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("what the user deleted is back: %v", err)
	}
	// A new version of the lab brings new manifests.
	for _, object := range objects {
		object.SetAnnotations(map[string]string{"new": "yes"})
	}
	apply()
	if dns, err = system.Get(t.Context(), "coredns", metav1.GetOptions{}); err != nil || *dns.Spec.Replicas != 5 {
		t.Errorf("new manifests undo the user's change: %v, %v", dns.Spec.Replicas, err)
	}
	service, err := l.client.CoreV1().Services("kube-system").Get(t.Context(), "kube-dns", metav1.GetOptions{})
	if err != nil || service.Annotations["new"] != "yes" || service.Spec.ClusterIP != addons.ClusterDNS {
		t.Errorf("service %+v, %v", service, err)
	}
}

func (l *lab) changeAddons(t *testing.T, dns *appsv1.Deployment) {
	t.Helper()
	replicas := int32(5)
	dns.Spec.Replicas = &replicas
	if _, err := l.client.AppsV1().Deployments("kube-system").Update(t.Context(), dns, metav1.UpdateOptions{FieldManager: "kubectl-edit"}); err != nil {
		t.Fatal(err)
	}
	if err := l.client.AppsV1().DaemonSets("kube-system").Delete(t.Context(), "kube-proxy", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// testWorkload needs the controller manager to make the pod, the scheduler to
// place it and the tunnel to reach the kubelet.
func (l *lab) testWorkload(t *testing.T) {
	l.addNode(t)
	labels := map[string]string{"app": "web"}
	_, err := l.client.AppsV1().Deployments("default").Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "web"}}},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var pod string
	eventually(t, "a pod on the node", func(ctx context.Context) error {
		pods, err := l.client.CoreV1().Pods("default").List(ctx, metav1.ListOptions{LabelSelector: "app=web"})
		if err != nil {
			return err
		}
		if len(pods.Items) != 1 || pods.Items[0].Spec.NodeName != nodeName {
			return fmt.Errorf("%d pods, %+v", len(pods.Items), pods.Items)
		}
		pod = pods.Items[0].Name
		return nil
	})
	stream, err := l.client.CoreV1().Pods("default").GetLogs(pod, &corev1.PodLogOptions{}).Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if log, err := io.ReadAll(stream); err != nil || string(log) != "log of /containerLogs/default/"+pod+"/web\n" {
		t.Errorf("log %q, %v", log, err)
	}
}

func (l *lab) addNode(t *testing.T) {
	t.Helper()
	node, err := l.client.CoreV1().Nodes().Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: nodeName}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	node.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: nodeIP}}
	node.Status.DaemonEndpoints.KubeletEndpoint.Port = 10250
	node.Status.Capacity = corev1.ResourceList{corev1.ResourcePods: *podCount(10)}
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue, LastHeartbeatTime: metav1.Now()}}
	if _, err := l.client.CoreV1().Nodes().UpdateStatus(t.Context(), node, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (l *lab) pid(t *testing.T, name string) (pid, restarts int) {
	t.Helper()
	for _, status := range l.plane.Statuses() {
		if status.Name == name {
			return status.PID, status.Restarts
		}
	}
	t.Fatalf("no component %s in %+v", name, l.plane.Statuses())
	return 0, 0
}

func (l *lab) testKill(t *testing.T) {
	if _, err := l.client.CoreV1().ConfigMaps("default").Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "kept"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	before, _ := l.pid(t, component.APIServer)
	manager, _ := l.pid(t, component.ControllerManager)
	if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the API server is back with its state", func(ctx context.Context) error {
		_, err := l.client.CoreV1().ConfigMaps("default").Get(ctx, "kept", metav1.GetOptions{})
		return err
	})
	after, restarts := l.pid(t, component.APIServer)
	if after == before || restarts != 1 {
		t.Errorf("pid %d, was %d; %d restarts", after, before, restarts)
	}
	if now, restarts := l.pid(t, component.ControllerManager); now != manager || restarts != 0 {
		t.Errorf("the controller manager did not survive: pid %d, was %d; %d restarts", now, manager, restarts)
	}
	// The controllers work on.
	eventually(t, "a namespace gets its service account", func(ctx context.Context) error {
		_, err := l.client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "later"}}, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
		_, err = l.client.CoreV1().ServiceAccounts("later").Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}

func (l *lab) testStop(t *testing.T) {
	statuses := l.plane.Statuses()
	l.plane.Stop()
	for _, status := range statuses {
		if status.PID == 0 || syscall.Kill(status.PID, 0) == nil {
			t.Errorf("%s is left: pid %d", status.Name, status.PID)
		}
	}
	listener, err := net.Listen("tcp", strings.TrimPrefix(l.plane.Endpoint(), "https://"))
	if err != nil {
		t.Fatalf("the port is left open: %v", err)
	}
	_ = listener.Close()
}

func TestStartSaysWhichPortIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	_, err = controlplane.Start(t.Context(), controlplane.Config{
		Dir: t.TempDir(), ClusterName: "blue", Port: port, ComponentCommand: []string{componentArgument},
		DialNode: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no such node") },
	})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprint(port)) || !strings.Contains(err.Error(), "--api-port") {
		t.Errorf("error %v", err)
	}
}

func TestStartSaysWhatIsMissing(t *testing.T) {
	_, err := controlplane.Start(t.Context(), controlplane.Config{Dir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "ClusterName") || !strings.Contains(err.Error(), "DialNode") {
		t.Errorf("error %v", err)
	}
}

func TestStartOnDamagedStateSaysHowToGoOn(t *testing.T) {
	dir := t.TempDir()
	config := controlplane.Config{
		Dir: dir, ClusterName: "blue", ComponentCommand: []string{componentArgument},
		DialNode: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no such node") },
	}
	if err := os.MkdirAll(dir+"/etcd/member/snap", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/etcd/member/snap/db", []byte("this is no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := controlplane.Start(t.Context(), config)
	if err == nil || !strings.Contains(err.Error(), "failed to open database") || !strings.Contains(err.Error(), "drover-lab reset") {
		t.Errorf("error %v", err)
	}
}
