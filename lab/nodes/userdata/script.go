package userdata

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/shell"
	"mvdan.cc/sh/v3/syntax"

	"github.com/drover-project/drover/lab/machine"
)

// These bound a script that loops; nothing in it really waits.
const (
	scriptCommands = 10_000
	scriptTime     = 5 * time.Second
)

var errEndless = fmt.Errorf("the script goes on after %d commands; a loop that waits for something on the machine never ends here", scriptCommands)

// parseScripts interprets the scripts without touching the host: no program is
// started and no file is opened. What they pass to bootstrap.sh is the result,
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
	file, err := syntax.NewParser().Parse(bytes.NewReader(script), "user-data")
	if err != nil {
		return nil, err
	}
	box := &sandbox{machine: m}
	runner, err := interp.New(
		interp.Env(expand.ListEnviron("PATH=/usr/bin", "HOME=/root")),
		interp.StdIO(nil, io.Discard, io.Discard),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return box.exec }),
		interp.CallHandler(box.count),
		interp.OpenHandler(box.open),
		interp.ReadDirHandler2(func(context.Context, string) ([]fs.DirEntry, error) { return nil, fs.ErrNotExist }),
		interp.StatHandler(func(context.Context, string, bool) (fs.FileInfo, error) { return nil, fs.ErrNotExist }),
	)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), scriptTime)
	defer cancel()
	err = runner.Run(ctx, file)
	var status interp.ExitStatus
	switch {
	case box.bootstrap != nil, err == nil, errors.As(err, &status):
		return box.bootstrap, nil
	}
	return nil, err
}

// sandbox answers a script's commands.
type sandbox struct {
	machine   machine.Machine
	bootstrap []string
	commands  int
}

func (s *sandbox) count(_ context.Context, arguments []string) ([]string, error) {
	s.commands++
	if s.commands > scriptCommands {
		return nil, errEndless
	}
	return arguments, nil
}

func (s *sandbox) exec(ctx context.Context, arguments []string) error {
	handler := interp.HandlerCtx(ctx)
	line := strings.Join(arguments, " ")
	switch path.Base(arguments[0]) {
	case "bootstrap.sh":
		s.bootstrap = append([]string{}, arguments[1:]...)
	case "bash", "sh":
		if len(arguments) > 1 && path.Base(arguments[1]) == "bootstrap.sh" {
			s.bootstrap = append([]string{}, arguments[2:]...)
		}
	case "cat":
		if handler.Stdin != nil && len(arguments) == 1 {
			_, err := io.Copy(handler.Stdout, handler.Stdin)
			return err
		}
	case "curl", "wget", "ec2-metadata":
		fmt.Fprint(handler.Stdout, s.metadata(line))
	case "aws":
		if strings.Contains(line, "InstanceLifecycle") {
			fmt.Fprintln(handler.Stdout, s.lifecycle())
		}
	}
	return nil
}

func (s *sandbox) lifecycle() string {
	if s.machine.Spot {
		return "spot"
	}
	return "None"
}

// metadata answers the paths of the instance metadata service that boot scripts
// ask for.
func (s *sandbox) metadata(line string) string {
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

// open lets a script write wherever it likes, to nowhere; there is nothing to
// read.
func (s *sandbox) open(_ context.Context, name string, flag int, _ os.FileMode) (io.ReadWriteCloser, error) {
	if flag&(os.O_WRONLY|os.O_RDWR) == 0 {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return nowhere{}, nil
}

type nowhere struct{}

func (nowhere) Read([]byte) (int, error)    { return 0, io.EOF }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) Close() error                { return nil }

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
