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
	Etcd              = "etcd"
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Scheduler         = "kube-scheduler"
)

// Separator stands between the arguments of two components that share a
// process.
const Separator = "--"

// component has its flags parsed. Those that share a process are prepared one
// after the other and then run side by side.
type component struct {
	name string
	// logs is nil for what is not of Kubernetes.
	logs *logs.Options
	// prepare may be nil.
	prepare func(ctx context.Context) error
	run     func(ctx context.Context) error
}

// Run becomes the components that the arguments name, until one of them fails
// or SIGTERM arrives. The arguments are a component's name and its own flags,
// then Separator and the next. The first of Kubernetes serves on the listener
// inherited as descriptor process.FirstFileFD, the second on the next: the
// parent keeps them open, so while a component restarts its clients wait
// instead of being refused.
func Run(args []string) error {
	if err := process.ExitWithParent(); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go governHeap(ctx)
	components, err := parseAll(args)
	if err != nil {
		return err
	}
	if err := applyGlobals(components); err != nil {
		return err
	}
	for _, c := range components {
		if c.prepare == nil {
			continue
		}
		if err := c.prepare(ctx); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return runAll(ctx, components)
}

// runAll returns as soon as one component fails, since the process is of no use
// then. When ctx ends they stop one after the other, the last one first: what
// it needs is still there.
func runAll(ctx context.Context, components []component) error {
	ended := make(chan error, len(components))
	stop := ctx
	for _, c := range slices.Backward(components) {
		own, next := stop, make(chan struct{})
		go func() {
			defer close(next)
			err := c.run(own)
			if err == nil && own.Err() == nil {
				err = errors.New("ended without being asked to")
			}
			if err != nil {
				err = fmt.Errorf("%s: %w", c.name, err)
			}
			ended <- err
		}()
		stop = until(next)
	}
	for range components {
		if err := <-ended; err != nil {
			return err
		}
	}
	return nil
}

// until is a context that ends when the channel is closed.
func until(closed <-chan struct{}) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-closed
		cancel()
	}()
	return ctx
}

func parseAll(args []string) ([]component, error) {
	var components []component
	fd := uintptr(process.FirstFileFD)
	for len(args) > 0 {
		var own []string
		own, args = cut(args)
		c, err := parseOne(own[0], own[1:], &fd)
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

// parseOne takes the next inherited listener for a component that needs one.
func parseOne(name string, flags []string, fd *uintptr) (component, error) {
	if name == Etcd {
		return etcd(flags)
	}
	parse, known := map[string]func(flags []string, listener net.Listener) (component, error){
		APIServer:         apiServer,
		ControllerManager: controllerManager,
		Scheduler:         scheduler,
	}[name]
	if !known {
		return component{}, errors.New("there is no such component")
	}
	listener, err := inheritedListener(*fd)
	if err != nil {
		return component{}, err
	}
	*fd++
	return parse(flags, listener)
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
	i := slices.IndexFunc(components, func(c component) bool { return c.logs != nil })
	if i < 0 {
		return nil
	}
	if err := logsapi.ValidateAndApply(components[i].logs, gates); err != nil {
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
