package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/drover-project/drover/internal/agent"
	"github.com/drover-project/drover/internal/evacuate"
)

// parseAgent completes the agent's options from arguments and an environment.
func parseAgent(t *testing.T, env map[string]string, args ...string) (agentOptions, agent.Options, error) {
	t.Helper()
	var options agentOptions
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	options.register(flags)
	if err := flags.Parse(args); err != nil {
		return options, agent.Options{}, err
	}
	err := options.complete(flags, func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	})
	return options, options.settings(flags), err
}

// chart is the environment that aws-node-termination-handler's chart gives its
// DaemonSet unless told otherwise.
func chart() map[string]string {
	return map[string]string{
		"NODE_NAME": "node-1", "POD_NAME": "aws-node-termination-handler-x", "NAMESPACE": "kube-system", "SPOT_POD_IP": "192.168.1.2",
		"ENABLE_PROBES_SERVER": "false", "PROBES_SERVER_PORT": "8080", "PROBES_SERVER_ENDPOINT": "/healthz",
		"LOG_LEVEL": "INFO", "JSON_LOGGING": "false", "LOG_FORMAT_VERSION": "1", "ENABLE_PROMETHEUS_SERVER": "false", "PROMETHEUS_SERVER_PORT": "9092",
		"METADATA_TRIES": "3", "DRY_RUN": "false", "CORDON_ONLY": "false", "TAINT_NODE": "false", "EXCLUDE_FROM_LOAD_BALANCERS": "false",
		"DELETE_LOCAL_DATA": "true", "IGNORE_DAEMON_SETS": "true", "POD_TERMINATION_GRACE_PERIOD": "-1", "NODE_TERMINATION_GRACE_PERIOD": "120",
		"EMIT_KUBERNETES_EVENTS": "false", "COMPLETE_LIFECYCLE_ACTION_DELAY_SECONDS": "-1", "ENABLE_SQS_TERMINATION_DRAINING": "false",
		"UPTIME_FROM_FILE": "", "ENABLE_SPOT_INTERRUPTION_DRAINING": "true", "ENABLE_SCHEDULED_EVENT_DRAINING": "true",
		"ENABLE_REBALANCE_MONITORING": "false", "ENABLE_REBALANCE_DRAINING": "false", "ENABLE_ASG_LIFECYCLE_DRAINING": "false",
		"INSTANCE_METADATA_URL": "", "WEBHOOK_URL": "", "KUBERNETES_SERVICE_HOST": "10.100.0.1", "KUBERNETES_SERVICE_PORT": "443",
	}
}

func TestTheHandlersChartRunsAsItIs(t *testing.T) {
	options, settings, err := parseAgent(t, chart())
	if err != nil {
		t.Fatal(err)
	}
	only := agent.Kinds{Spot: true, Scheduled: true}
	if settings.Node != "node-1" || settings.Mode != agent.Auto || settings.Interval != 2*time.Second || settings.Watch != only || settings.Rules.Act != only {
		t.Errorf("settings %+v", settings)
	}
	if settings.Rules.DrainBefore != 2*time.Minute || settings.Rules.CordonOnly || settings.Rules.RebalanceDrain || settings.Marks.Taint {
		t.Errorf("settings %+v", settings)
	}
	if options.emitEvents || options.probes || options.prometheus || options.dryRun || options.logLevel != "info" || options.metadataURL != "" || options.serviceHost != "" {
		t.Errorf("options %+v", options)
	}
}

// TestWhatIsNotSaidIsTheControllers: without a word about a kind it is recorded.
func TestWhatIsNotSaidIsTheControllers(t *testing.T) {
	_, settings, err := parseAgent(t, map[string]string{"NODE_NAME": "node-1"})
	if err != nil {
		t.Fatal(err)
	}
	if all := (agent.Kinds{Spot: true, Scheduled: true, Rebalance: true, Group: true}); settings.Watch != all {
		t.Errorf("watches %+v", settings.Watch)
	}
	if some := (agent.Kinds{Spot: true, Scheduled: true}); settings.Rules.Act != some {
		t.Errorf("acts on %+v", settings.Rules.Act)
	}
}

func TestTheHandlersFlags(t *testing.T) {
	options, settings, err := parseAgent(t, map[string]string{"TAINT_NODE": "true", "ENABLE_REBALANCE_DRAINING": "true", "WORKERS": "10", "AWS_REGION": "us-west-2"},
		"--node-name", "node-1", "--metadata-url=http://127.0.0.1:1338", "--cordon-only", "--taint-effect=NoExecute", "--enable-out-of-service-taint",
		"--exclude-from-load-balancers", "--enable-asg-lifecycle-draining", "--enable-spot-interruption-draining=false", "--node-termination-grace-period=60",
		"--drain=always", "--workers=5", "--use-apiserver-cache", "--heartbeat-interval=30", "--emit-kubernetes-events=false", "--interruption-force=delete")
	if err != nil {
		t.Fatal(err)
	}
	if all := (agent.Kinds{Scheduled: true, Rebalance: true, Group: true}); settings.Watch != all || settings.Rules.Act != all {
		t.Errorf("settings %+v", settings)
	}
	if marks := (agent.Marks{Taint: true, Effect: corev1.TaintEffectNoExecute, OutOfService: true, NoLoadBalancers: true}); settings.Marks != marks {
		t.Errorf("marks %+v", settings.Marks)
	}
	if r := settings.Rules; !r.CordonOnly || !r.RebalanceDrain || r.DrainBefore != time.Minute || settings.Mode != agent.Always || settings.Evacuation.Force != evacuate.ForceDelete {
		t.Errorf("settings %+v", settings)
	}
	if options.metadataURL != "http://127.0.0.1:1338" || options.emitEvents {
		t.Errorf("options %+v", options)
	}
}

func TestTheAgentRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		args []string
		says string
	}{
		"no node":           {nil, nil, "--node-name is required"},
		"queue mode":        {map[string]string{"ENABLE_SQS_TERMINATION_DRAINING": "true"}, nil, "--interruption-queue"},
		"no word":           {map[string]string{"TAINT_NODE": "perhaps"}, nil, "$TAINT_NODE"},
		"local data":        {nil, []string{"--delete-local-data=false"}, "emptyDir"},
		"DaemonSets":        {nil, []string{"--ignore-daemon-sets=false"}, "DaemonSet's pod"},
		"a grace period":    {nil, []string{"--pod-termination-grace-period=30"}, "shortened"},
		"another mode":      {nil, []string{"--drain=sometimes"}, "auto, always or never"},
		"another effect":    {nil, []string{"--taint-effect=Evict"}, "NoExecute"},
		"no tries":          {nil, []string{"--metadata-tries=0"}, "above zero"},
		"a port":            {nil, []string{"--prometheus-server-port=99999"}, "65535"},
		"a path":            {nil, []string{"--probes-server-endpoint=healthz"}, "begin with /"},
		"a level":           {map[string]string{"LOG_LEVEL": "LOUD"}, nil, "debug, info"},
		"a template":        {nil, []string{"--webhook-url=https://h/", "--webhook-template={{"}, "template"},
		"a missing file":    {nil, []string{"--webhook-template-file=/nowhere/t"}, "--webhook-template-file"},
		"too often":         {nil, []string{"--poll-interval=1ms"}, "100ms"},
		"an unknown flag":   {nil, []string{"--drain-quickly"}, "unknown flag"},
		"a negative period": {nil, []string{"--node-termination-grace-period=-5"}, "negative"},
	} {
		args := c.args
		if name != "no node" {
			args = append([]string{"--node-name=node-1"}, args...)
		}
		if _, _, err := parseAgent(t, c.env, args...); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

func TestATemplateFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "template")
	if err := os.WriteFile(file, []byte("{{ .NodeName }}"), 0o600); err != nil {
		t.Fatal(err)
	}
	options, _, err := parseAgent(t, map[string]string{"NODE_NAME": "n", "WEBHOOK_URL": "https://h/", "WEBHOOK_TEMPLATE_FILE": file})
	if err != nil || options.hook.Template != "{{ .NodeName }}" {
		t.Errorf("%+v, %v", options.hook, err)
	}
}

func TestTheHandlersProgramName(t *testing.T) {
	if got := byProgramName([]string{"/node-termination-handler", "--dry-run"}); strings.Join(got, " ") != "agent --dry-run" {
		t.Errorf("%v", got)
	}
}

func TestHealth(t *testing.T) {
	now := clocktesting.NewFakeClock(time.Now())
	watcher := &agent.Agent{Clock: now}
	answer := httptest.NewRecorder()
	health(watcher).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/healthz", nil))
	if answer.Code != http.StatusOK || answer.Body.String() != `{"health":"OK"}` {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
}

func TestAgentManifestsArePrinted(t *testing.T) {
	out := said(t, []string{"agent", "manifests", "--node-selector", "lifecycle=Ec2Spot", "--env", "TAINT_NODE=true", "--image", "drover:1"})
	for _, part := range []string{"kind: DaemonSet", "lifecycle: Ec2Spot", "kubernetes.io/os: linux", "name: TAINT_NODE", "image: drover:1", "namespace: kube-system"} {
		if !strings.Contains(out, part) {
			t.Errorf("%q is not in\n%s", part, out)
		}
	}
}
