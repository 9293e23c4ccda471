// Package assemble puts the parts of the lab together: the control plane, the
// simulated region behind the AWS endpoint, the nodes, the add-ons and drover.
package assemble

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/drover-project/drover/lab/clock"
	"github.com/drover-project/drover/lab/controlplane"
	"github.com/drover-project/drover/lab/datadir"
	"github.com/drover-project/drover/lab/imds"
	"github.com/drover-project/drover/lab/nodes"
	"github.com/drover-project/drover/lab/region"
)

const (
	// DefaultCluster is the cluster of a new lab unless told otherwise.
	DefaultCluster = "eksworkshop-eksctl"
	// Account is the lab's AWS account.
	Account = "111122223333"
	// DefaultRegion is where a new lab is unless told otherwise.
	DefaultRegion = "us-west-2"
)

// Options say how to run a lab. Dir and ComponentCommand are required.
type Options struct {
	Dir *datadir.Dir
	// Region is empty for the one that Dir already has, or DefaultRegion.
	Region string
	// Cluster is empty for the one that Dir already has, or DefaultCluster.
	Cluster string
	// APIPort and AWSPort on 127.0.0.1; 0 takes any free port.
	APIPort, AWSPort int
	// TimeScale divides how long simulated work takes; 1 is realistic.
	TimeScale float64
	// BaseNodes is how many nodes a new lab begins with.
	BaseNodes int
	// Ephemeral says that Dir is deleted after the run.
	Ephemeral bool
	// DroverBinary is the program to run as drover; empty runs none.
	DroverBinary string
	// NotDeployed leaves it to pods that name an image of drover's to run it.
	NotDeployed bool
	// ComponentCommand: see controlplane.Config.
	ComponentCommand []string
	// Audit has the API server write down every request.
	Audit bool
	// Progress is called as each part becomes ready; may be nil.
	Progress func(part string)
	// Log receives what is worth telling.
	Log *slog.Logger
}

// Lab is a running lab.
type Lab struct {
	options Options
	state   datadir.State
	clock   clock.Wall
	started time.Time

	plane  *controlplane.ControlPlane
	region *region.Region
	// opened is the region for those who may ask before there is one.
	opened atomic.Pointer[region.Region]
	aws    *http.Server
	awsURL string
	calls  *lumberjack.Logger
	// metadata is what the software on instances asks for itself.
	metadata *imds.Service
	nodes    atomic.Pointer[nodes.Simulator]
	// cluster is how EKS works in the cluster; nil until there is a region.
	cluster atomic.Pointer[clusterOfRegion]
	// background is what Stop waits for after cancelling.
	background sync.WaitGroup
	cancel     context.CancelFunc
	failed     chan error
	ready      atomic.Bool
	// publishing keeps the order of what other commands are told.
	publishing sync.Mutex
}

// Start runs a lab until Stop and returns when all of it is ready. SetReady
// tells other commands so.
func Start(ctx context.Context, options Options) (*Lab, error) {
	wall, err := clock.NewWall(options.TimeScale)
	if err != nil {
		return nil, err
	}
	if options.Progress == nil {
		options.Progress = func(string) {}
	}
	if err := errors.Join(checkRegion(options.Region), checkCluster(options.Cluster)); err != nil {
		return nil, err
	}
	state, err := options.Dir.LoadState(datadir.Place{Region: options.Region, Cluster: options.Cluster}, datadir.Place{Region: DefaultRegion, Cluster: DefaultCluster})
	if err != nil {
		return nil, err
	}
	lab := &Lab{options: options, state: state, clock: wall, started: time.Now().UTC(), failed: make(chan error, 1)}
	background, cancel := context.WithCancel(context.Background())
	lab.cancel = cancel
	if err := lab.run(ctx, background); err != nil {
		return nil, errors.Join(err, lab.Stop())
	}
	return lab, nil
}

// SetReady tells other commands that the lab can be used.
func (l *Lab) SetReady() {
	l.ready.Store(true)
	l.publish()
}

func (l *Lab) run(ctx, background context.Context) error {
	listener, err := listenAWS(l.options.AWSPort)
	if err != nil {
		return err
	}
	if err := l.startControlPlane(ctx); err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := l.startRegion(listener); err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := l.startNodes(background); err != nil {
		return err
	}
	if err := l.applyObjects(ctx, background); err != nil {
		return err
	}
	return l.writeOwnKubeconfig()
}

// Failed delivers the error of a part that cannot be restarted. The lab is of
// no use after that.
func (l *Lab) Failed() <-chan error { return l.failed }

// Stop ends everything, clients before servers, and returns when no process is
// left.
func (l *Lab) Stop() error {
	l.ready.Store(false)
	l.cancel()
	l.background.Wait()
	if l.plane != nil {
		l.plane.Stop()
	}
	var errs []error
	if l.aws != nil {
		errs = append(errs, l.aws.Close())
	}
	if l.calls != nil {
		errs = append(errs, l.calls.Close())
	}
	if l.metadata != nil {
		errs = append(errs, l.metadata.Close())
	}
	if l.region != nil {
		errs = append(errs, l.region.Close())
	}
	errs = append(errs, l.options.Dir.ClearRun())
	return errors.Join(errs...)
}

func (l *Lab) startControlPlane(ctx context.Context) (err error) {
	l.plane, err = controlplane.Start(ctx, controlplane.Config{
		Dir:                  l.options.Dir.Path(),
		Port:                 l.options.APIPort,
		Ephemeral:            l.options.Ephemeral,
		Audit:                l.options.Audit,
		ClusterName:          l.state.Cluster,
		ServiceAccountIssuer: l.issuer(),
		Keys:                 l.tokenKeys,
		Identify:             l.identify,
		Policies:             l.policies,
		DialNode:             l.dialNode,
		ComponentCommand:     l.options.ComponentCommand,
		Progress:             l.options.Progress,
		Changed:              l.publish,
		Log:                  l.options.Log,
	})
	return err
}

func (l *Lab) issuer() string {
	return fmt.Sprintf("https://oidc.eks.%s.amazonaws.com/id/%s", l.state.Region, l.state.OIDCID)
}

// dialNode waits for no one: before there are nodes nothing is reachable.
func (l *Lab) dialNode(ctx context.Context, host, port string) (net.Conn, error) {
	simulator := l.nodes.Load()
	if simulator == nil {
		return nil, fmt.Errorf("connect to %s: the nodes have not started yet", net.JoinHostPort(host, port))
	}
	return simulator.DialNode(ctx, host, port)
}

// publish tells other commands how the lab is. It is called from several
// goroutines.
func (l *Lab) publish() {
	l.publishing.Lock()
	defer l.publishing.Unlock()
	if err := l.options.Dir.WriteRun(l.describe()); err != nil {
		l.options.Log.Error("cannot tell other commands how the lab is", "error", err)
	}
}

func (l *Lab) describe() datadir.Run {
	run := datadir.Run{
		PID: os.Getpid(), Ready: l.ready.Load(), Started: l.started,
		Cluster: l.state.Cluster, Version: controlplane.Version, Region: l.state.Region,
		Kubeconfig: l.Kubeconfig(), TimeScale: l.options.TimeScale, AWSEndpoint: l.awsURL,
		Components: []datadir.Component{
			{Name: "drover-lab", PID: os.Getpid(), Since: l.started},
		},
	}
	if l.plane == nil {
		return run
	}
	run.APIServer = l.plane.Endpoint()
	for _, status := range l.plane.Statuses() {
		run.Components = append(run.Components, datadir.Component{
			Name: status.Name, PID: status.PID, Since: status.Since, Restarts: status.Restarts, LastExit: status.LastExit,
		})
	}
	return run
}
