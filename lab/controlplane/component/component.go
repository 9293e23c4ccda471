// Package component is what runs inside the control plane's child processes:
// the Kubernetes components themselves, compiled in.
package component

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"
	"k8s.io/apiserver/pkg/util/compatibility"
	"k8s.io/client-go/rest"
	cliflag "k8s.io/component-base/cli/flag"
	basecompatibility "k8s.io/component-base/compatibility"
	"k8s.io/component-base/logs"
	logsapi "k8s.io/component-base/logs/api/v1"

	"github.com/drover-project/drover/lab/process"
)

// Names of the components that Run knows.
const (
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Scheduler         = "kube-scheduler"
)

// Separator stands between the arguments of two components that share a
// process.
const Separator = "--"

// component has its flags parsed and is ready to run.
type component struct {
	name string
	logs *logs.Options
	run  func(ctx context.Context) error
}

// Run becomes the components that the arguments name, until one of them fails
// or SIGTERM arrives. The arguments are a component's name and its own flags,
// then Separator and the next. The first serves on the listener inherited as
// descriptor process.FirstFileFD, the second on the next: the parent keeps them
// open, so while a component restarts its clients wait instead of being
// refused.
func Run(args []string) error {
	if err := process.ExitWithParent(); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	components, err := parseAll(args)
	if err != nil {
		return err
	}
	if err := applyGlobals(components); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, c := range components {
		group.Go(func() error {
			err := c.run(ctx)
			if err == nil && ctx.Err() == nil {
				err = errors.New("ended without being asked to")
			}
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			return nil
		})
	}
	return group.Wait()
}

func parseAll(args []string) ([]component, error) {
	parsers := map[string]func(flags []string, listener net.Listener) (component, error){
		APIServer:         apiServer,
		ControllerManager: controllerManager,
		Scheduler:         scheduler,
	}
	var components []component
	for len(args) > 0 {
		var own []string
		own, args = cut(args)
		parse, known := parsers[own[0]]
		if !known {
			return nil, fmt.Errorf("no component is called %q", own[0])
		}
		listener, err := inheritedListener(uintptr(process.FirstFileFD + len(components)))
		if err != nil {
			return nil, err
		}
		c, err := parse(own[1:], listener)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", own[0], err)
		}
		components = append(components, c)
	}
	if len(components) == 0 {
		return nil, errors.New("no component is named")
	}
	return components, nil
}

// cut splits off the first component's arguments.
func cut(args []string) (own, rest []string) {
	if i := slices.Index(args, Separator); i > 0 {
		return args[:i], args[i+1:]
	}
	return args, nil
}

// applyGlobals sets what Kubernetes keeps once per process: feature gates and
// logging.
func applyGlobals(components []component) error {
	registry := compatibility.DefaultComponentGlobalsRegistry
	if err := registry.Set(); err != nil {
		return fmt.Errorf("setting feature gates: %w", err)
	}
	// Components watch deprecated APIs on purpose.
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	gates := registry.FeatureGateFor(basecompatibility.DefaultKubeComponent)
	if err := logsapi.ValidateAndApply(components[0].logs, gates); err != nil {
		return fmt.Errorf("setting up logging: %w", err)
	}
	return nil
}

func inheritedListener(fd uintptr) (net.Listener, error) {
	file := os.NewFile(fd, "listener")
	defer file.Close()
	listener, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("taking over the listener of the lab: %w", err)
	}
	return listener, nil
}

func parse(name string, sets cliflag.NamedFlagSets, flags []string) error {
	all := pflag.NewFlagSet(name, pflag.ContinueOnError)
	for _, set := range sets.FlagSets {
		all.AddFlagSet(set)
	}
	return all.Parse(flags)
}
