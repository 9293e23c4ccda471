package userdata

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"

	"github.com/spf13/pflag"
	"mvdan.cc/sh/v3/shell"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/nodes/shellbox"
)

// parseScripts interprets the scripts without running anything. What they pass to bootstrap.sh is the result,
// so that variables, conditions and quotes count as they do on the machine.
func parseScripts(scripts [][]byte, m machine.Machine) (Config, error) {
	for i, script := range scripts {
		arguments, err := bootstrapArguments(script, m)
		if err != nil {
			return Config{}, fmt.Errorf("script %d in user data: %w", i+1, err)
		}
		if arguments != nil {
			return parseBootstrap(arguments)
		}
	}
	return Config{}, errors.New("user data neither holds a NodeConfig nor calls /etc/eks/bootstrap.sh, so the kubelet is never started")
}

// bootstrapArguments returns nil when the script does not call bootstrap.sh.
func bootstrapArguments(script []byte, m machine.Machine) ([]string, error) {
	boot := &bootScript{machine: m}
	err := shellbox.Box{Exec: boot.exec}.Run(script)
	boot.mu.Lock()
	defer boot.mu.Unlock()
	var exit shellbox.Exit
	if boot.bootstrap != nil || err == nil || errors.As(err, &exit) {
		return boot.bootstrap, nil
	}
	return nil, err
}

// bootScript answers the programs that a script starts on a machine.
type bootScript struct {
	machine machine.Machine

	mu        sync.Mutex
	bootstrap []string
	signals   []machine.Signal
}

func (s *bootScript) bootstrapped(arguments []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bootstrap = append([]string{}, arguments...)
}

func (s *bootScript) exec(words []string, stdin io.Reader, stdout io.Writer) error {
	line := strings.Join(words, " ")
	var err error
	switch path.Base(words[0]) {
	case "bootstrap.sh":
		s.bootstrapped(words[1:])
	case "bash", "sh":
		if len(words) > 1 && path.Base(words[1]) == "bootstrap.sh" {
			s.bootstrapped(words[2:])
		}
	case "cfn-signal":
		err = s.signalled(words[1:])
	case "cat", "tee":
		if stdin != nil {
			_, err = io.Copy(stdout, stdin)
		}
	case "curl", "wget", "ec2-metadata":
		_, err = io.WriteString(stdout, s.metadata(line))
	case "aws":
		if strings.Contains(line, "InstanceLifecycle") {
			_, err = io.WriteString(stdout, s.lifecycle()+"\n")
		}
	}
	return err
}

func (s *bootScript) lifecycle() string {
	if s.machine.Spot {
		return "spot"
	}
	return "None"
}

// metadata answers the paths of the instance metadata service that boot scripts
// ask for.
func (s *bootScript) metadata(line string) string {
	answers := []struct{ path, value string }{
		{"placement/availability-zone", s.machine.Zone},
		{"placement/region", s.machine.Region},
		{"instance-life-cycle", map[bool]string{true: "spot", false: "on-demand"}[s.machine.Spot]},
		{"instance-type", s.machine.Type},
		{"instance-id", s.machine.ID},
		{"local-ipv4", s.machine.PrivateIP},
		{"local-hostname", s.machine.PrivateDNSName},
		{"ami-id", s.machine.ImageID},
	}
	for _, answer := range answers {
		if strings.Contains(line, answer.path) {
			return answer.value
		}
	}
	return ""
}

// parseBootstrap reads the arguments of Amazon Linux 2's bootstrap.sh.
func parseBootstrap(arguments []string) (Config, error) {
	var config Config
	var extra, ca, useMaxPods string
	flags := pflag.NewFlagSet("bootstrap.sh", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	flags.Usage = func() {}
	flags.StringVar(&config.Endpoint, "apiserver-endpoint", "", "")
	flags.StringVar(&ca, "b64-cluster-ca", "", "")
	flags.StringVar(&extra, "kubelet-extra-args", "", "")
	flags.StringVar(&useMaxPods, "use-max-pods", "true", "")
	if err := flags.Parse(trimSpaces(arguments)); err != nil {
		return Config{}, fmt.Errorf("bootstrap.sh arguments: %w", err)
	}
	if flags.NArg() == 0 {
		return Config{}, errors.New("bootstrap.sh is called without the cluster's name, its first argument")
	}
	config.ClusterName = flags.Arg(0)
	pem, err := base64.StdEncoding.DecodeString(ca)
	if err != nil {
		return Config{}, fmt.Errorf("bootstrap.sh --b64-cluster-ca is not base64: %w", err)
	}
	config.CA = pem
	if useMaxPods == "false" {
		config.MaxPods = kubeletDefaultMaxPods
	}
	words, err := shell.Fields(extra, func(string) string { return "" })
	if err != nil {
		return Config{}, fmt.Errorf("bootstrap.sh --kubelet-extra-args %q: %w", extra, err)
	}
	return config, config.applyFlags(words)
}

// kubeletDefaultMaxPods is what a kubelet takes when nobody tells it.
const kubeletDefaultMaxPods = 110

// trimSpaces absorbs the spaces that come with pasted parameters.
func trimSpaces(arguments []string) []string {
	var trimmed []string
	for _, argument := range arguments {
		if text := strings.TrimSpace(argument); text != "" {
			trimmed = append(trimmed, text)
		}
	}
	return trimmed
}
