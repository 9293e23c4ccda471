package kubelet

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drover-project/drover/lab/nodes/podlog"
)

type handler struct{ pods Pods }

func (h handler) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
	mux.HandleFunc("GET /pods", h.list)
	mux.HandleFunc("GET /metrics/resource", h.metrics)
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", h.logs)
	for _, prefix := range []string{"/exec/", "/attach/", "/run/", "/portForward/"} {
		mux.HandleFunc(prefix, refuse)
	}
	return mux
}

// refuse says why there is nothing to run a command in.
func refuse(w http.ResponseWriter, r *http.Request) {
	http.Error(w, r.URL.Path+": the containers of simulated nodes have no shell or network to connect to; logs work", http.StatusNotImplemented)
}

func (h handler) list(w http.ResponseWriter, r *http.Request) {
	list := corev1.PodList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodList"}, Items: h.pods.Pods(nodeOf(r))}
	w.Header().Set("Content-Type", "application/json")
	// An error means that the caller has gone.
	_ = json.NewEncoder(w).Encode(list)
}

// metrics has the start times only: there is no usage to report.
func (h handler) metrics(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	fmt.Fprintln(w, "# HELP container_start_time_seconds [STABLE] Start time of the container since unix epoch in seconds")
	fmt.Fprintln(w, "# TYPE container_start_time_seconds gauge")
	for _, pod := range h.pods.Pods(nodeOf(r)) {
		for _, container := range pod.Status.ContainerStatuses {
			if running := container.State.Running; running != nil {
				fmt.Fprintf(w, "container_start_time_seconds{container=%q,namespace=%q,pod=%q} %d\n", container.Name, pod.Namespace, pod.Name, running.StartedAt.Unix())
			}
		}
	}
	fmt.Fprintln(w, "# HELP resource_scrape_error [STABLE] 1 if there was an error while getting container metrics, 0 otherwise")
	fmt.Fprintln(w, "# TYPE resource_scrape_error gauge")
	fmt.Fprintln(w, "resource_scrape_error 0")
}

func (h handler) logs(w http.ResponseWriter, r *http.Request) {
	node, namespace, name, container := nodeOf(r), r.PathValue("namespace"), r.PathValue("pod"), r.PathValue("container")
	options, err := logOptions(r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	pod := h.pods.Pod(node, namespace, name)
	if pod == nil {
		http.Error(w, fmt.Sprintf("pod %q not found in namespace %q", name, namespace), http.StatusNotFound)
		return
	}
	status := statusOf(pod, container)
	if status == nil {
		http.Error(w, fmt.Sprintf("container %q not found in pod %q", container, name), http.StatusNotFound)
		return
	}
	attempt, err := runToRead(status, options.Previous, name)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(http.StatusOK)
	out := flusher{writer: w, control: http.NewResponseController(w)}
	out.flush()
	running := func() bool { return h.runs(node, pod, status) }
	if err := podlog.Read(r.Context(), h.pods.LogFile(pod, container, attempt), options, running, out); err != nil {
		fmt.Fprintln(w, err)
	}
}

func statusOf(pod *corev1.Pod, container string) *corev1.ContainerStatus {
	for _, list := range [][]corev1.ContainerStatus{pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses} {
		for i := range list {
			if list[i].Name == container {
				return &list[i]
			}
		}
	}
	return nil
}

// runToRead chooses the run of a container whose log is meant.
func runToRead(status *corev1.ContainerStatus, previous bool, pod string) (attempt int32, err error) {
	waiting, last := status.State.Waiting, status.LastTerminationState.Terminated
	switch {
	case previous && (last == nil || last.ContainerID == ""):
		return 0, fmt.Errorf("previous terminated container %q in pod %q not found", status.Name, pod)
	case previous && waiting == nil:
		return max(0, status.RestartCount-1), nil
	case waiting != nil && last == nil:
		return 0, fmt.Errorf("container %q in pod %q is waiting to start: %s", status.Name, pod, waiting.Reason)
	}
	// A container that waits for its restart shows the log of the run before.
	return status.RestartCount, nil
}

// runs reports whether the run that is being read still goes on.
func (h handler) runs(node Node, pod *corev1.Pod, status *corev1.ContainerStatus) bool {
	now := h.pods.Pod(node, pod.Namespace, pod.Name)
	if now == nil || now.UID != pod.UID {
		return false
	}
	current := statusOf(now, status.Name)
	return current != nil && current.State.Running != nil && current.ContainerID == status.ContainerID
}

// flusher sends each line at once, for kubectl logs -f.
type flusher struct {
	writer  http.ResponseWriter
	control *http.ResponseController
}

func (f flusher) Write(p []byte) (int, error) {
	n, err := f.writer.Write(p)
	if err == nil {
		f.flush()
	}
	return n, err
}

func (f flusher) flush() { _ = f.control.Flush() }

// logOptions reads the query of /containerLogs.
func logOptions(query url.Values) (*corev1.PodLogOptions, error) {
	options := &corev1.PodLogOptions{}
	var problems []error
	flag := func(name string, into *bool) {
		if text := query.Get(name); text != "" {
			value, err := strconv.ParseBool(text)
			*into = value
			problems = append(problems, named(name, err))
		}
	}
	number := func(name string, into **int64) {
		if text := query.Get(name); text != "" {
			value, err := strconv.ParseInt(text, 10, 64)
			if err == nil && value < 0 {
				err = fmt.Errorf("%d is negative", value)
			}
			*into = &value
			problems = append(problems, named(name, err))
		}
	}
	flag("follow", &options.Follow)
	flag("timestamps", &options.Timestamps)
	flag("previous", &options.Previous)
	number("tailLines", &options.TailLines)
	number("limitBytes", &options.LimitBytes)
	number("sinceSeconds", &options.SinceSeconds)
	if text := query.Get("sinceTime"); text != "" {
		at, err := time.Parse(time.RFC3339, text)
		since := metav1.NewTime(at)
		options.SinceTime = &since
		problems = append(problems, named("sinceTime", err))
	}
	return options, errors.Join(problems...)
}

func named(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("parameter %s: %w", name, err)
}
