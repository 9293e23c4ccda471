package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/drover-project/drover/lab/assemble"
	"github.com/drover-project/drover/lab/datadir"
	"github.com/drover-project/drover/lab/kubeconfig"
)

const maxPort = 65535

// upFlags are the flags of up.
type upFlags struct {
	ephemeral    bool
	detach       bool
	noDrover     bool
	audit        bool
	region       string
	cluster      string
	droverBinary string
	kubeconfig   string
	context      string
	apiPort      int
	awsPort      int
	nodes        int
	timeScale    float64
}

func newUp() *cobra.Command {
	var flags upFlags
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start the lab and stay in the foreground until Ctrl-C",
		Args:  cobra.NoArgs,
		Example: `  drover-lab up
  drover-lab up --time-scale 10 --region eu-west-1 --data-dir /tmp/lab-eu --api-port 7443 --aws-port 4567`,
	}
	f := cmd.Flags()
	f.BoolVarP(&flags.detach, "detach", "d", false, "return when the lab is ready, and leave it running until drover-lab down")
	f.BoolVar(&flags.ephemeral, "ephemeral", false, "keep the state in a temporary folder that is deleted at the end")
	f.StringVar(&flags.region, "region", "", "AWS `region`: us-west-2, us-east-1, eu-west-1 or ap-northeast-2 (default us-west-2, or what the data directory holds)")
	f.StringVar(&flags.cluster, "cluster-name", "", "`name` of the cluster (default eksworkshop-eksctl, or what the data directory holds)")
	f.IntVar(&flags.apiPort, "api-port", 6443, "`port` of the Kubernetes API on 127.0.0.1, 0 for any free one")
	f.IntVar(&flags.apiPort, "port", 6443, "the same as --api-port")
	f.IntVar(&flags.awsPort, "aws-port", 4566, "`port` of the AWS endpoint on 127.0.0.1, 0 for any free one")
	f.Float64Var(&flags.timeScale, "time-scale", 1, "how many times faster than in reality machines boot, pods start and so on")
	f.IntVar(&flags.nodes, "nodes", 3, "how many nodes a new lab begins with")
	f.StringVar(&flags.droverBinary, "drover-binary", "", "`program` to run as drover (default: drover beside drover-lab)")
	f.BoolVar(&flags.noDrover, "no-drover", false, "do not run drover in the cluster")
	f.BoolVar(&flags.audit, "audit", false, "write down every request to the Kubernetes API, for drover-lab calls")
	f.StringVar(&flags.kubeconfig, "kubeconfig", "", "`file` to add the cluster to (default: what kubectl uses; none with --ephemeral)")
	f.StringVar(&flags.context, "context", "drover-lab", "`name` of the cluster in that file; its current context is only set when it has none")
	f.Lookup("port").Hidden = true
	cmd.MarkFlagsMutuallyExclusive("detach", "ephemeral")
	cmd.MarkFlagsMutuallyExclusive("drover-binary", "no-drover")
	cmd.MarkFlagsMutuallyExclusive("api-port", "port")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := flags.check(); err != nil {
			return err
		}
		if flags.detach {
			return detach(cmd)
		}
		return flags.run(cmd)
	}
	return cmd
}

// check refuses what cannot be before anything is started, and fills in the
// drover program.
func (f *upFlags) check() error {
	for name, port := range map[string]int{"api-port": f.apiPort, "aws-port": f.awsPort} {
		if port < 0 || port > maxPort {
			return fmt.Errorf("--%s %d: must be between 0 and %d", name, port, maxPort)
		}
	}
	if f.apiPort == f.awsPort && f.apiPort != 0 {
		return fmt.Errorf("--api-port and --aws-port are both %d: they must differ", f.apiPort)
	}
	if f.nodes < 0 {
		return fmt.Errorf("--nodes %d: must not be negative", f.nodes)
	}
	if !(f.timeScale > 0) {
		return fmt.Errorf("--time-scale %v: must be greater than 0, such as 1 (realistic) or 10 (ten times as fast)", f.timeScale)
	}
	return f.findDrover()
}

func (f *upFlags) findDrover() error {
	err := f.lookForDrover()
	if err != nil && f.noDrover {
		f.droverBinary = "" // nobody asked for it
		return nil
	}
	return err
}

func (f *upFlags) lookForDrover() error {
	if f.droverBinary == "" {
		self, err := os.Executable()
		if err != nil {
			return fmt.Errorf("looking for drover beside drover-lab (name it with --drover-binary): %w", err)
		}
		f.droverBinary = filepath.Join(filepath.Dir(self), "drover")
	}
	path, err := filepath.Abs(f.droverBinary)
	if err != nil {
		return fmt.Errorf("--drover-binary: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("drover is not there (build it, name it with --drover-binary, or use --no-drover): %w", err)
	}
	if info.IsDir() || info.Mode()&0o111 == 0 {
		return fmt.Errorf("%s is not a program: name drover with --drover-binary, or use --no-drover", path)
	}
	f.droverBinary = path
	return nil
}

func (f *upFlags) run(cmd *cobra.Command) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	dir, remove, err := f.openDir(cmd)
	if err != nil {
		return err
	}
	defer remove()
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "starting the lab in %s\n", dir.Path())
	begin := time.Now()
	lab, err := f.start(ctx, dir, &progress{out: out, begin: begin})
	if ctx.Err() != nil {
		return errors.New("interrupted while starting")
	}
	if err != nil {
		return err
	}
	if err := f.announce(cmd, lab, dir, time.Since(begin)); err != nil {
		return errors.Join(err, lab.Stop())
	}
	var failure error
	select {
	case <-ctx.Done():
	case failure = <-lab.Failed():
	}
	// From now on a second Ctrl-C ends the lab at once.
	stop()
	fmt.Fprintln(out, "stopping the lab")
	return errors.Join(failure, lab.Stop())
}

func (f *upFlags) start(ctx context.Context, dir *datadir.Dir, progress *progress) (*assemble.Lab, error) {
	log := &lumberjack.Logger{Filename: dir.Join("logs/drover-lab.log"), MaxSize: 20, MaxBackups: 1}
	return assemble.Start(ctx, assemble.Options{
		Dir:              dir,
		Region:           f.region,
		Cluster:          f.cluster,
		APIPort:          f.apiPort,
		AWSPort:          f.awsPort,
		TimeScale:        f.timeScale,
		BaseNodes:        f.nodes,
		Ephemeral:        f.ephemeral,
		Audit:            f.audit,
		DroverBinary:     f.droverBinary,
		NotDeployed:      f.noDrover,
		ComponentCommand: []string{componentVerb},
		Progress:         progress.done,
		Log:              slog.New(slog.NewJSONHandler(log, nil)),
	})
}

// openDir takes the data directory; the returned function gives it free.
func (f *upFlags) openDir(cmd *cobra.Command) (*datadir.Dir, func(), error) {
	path, err := dataDir(cmd)
	if err != nil {
		return nil, nil, err
	}
	if f.ephemeral {
		if cmd.Flags().Changed(dataDirFlag) {
			return nil, nil, errors.New("--ephemeral keeps nothing, so --data-dir makes no sense with it: use one of them")
		}
		if path, err = os.MkdirTemp("", "drover-lab-"); err != nil {
			return nil, nil, fmt.Errorf("making a temporary data directory: %w", err)
		}
	}
	dir, err := datadir.Open(path)
	if err != nil {
		return nil, nil, err
	}
	return dir, func() {
		_ = dir.Close()
		if f.ephemeral {
			_ = os.RemoveAll(path)
		}
	}, nil
}

// announce adds the cluster to the user's kubeconfig and says how to use it.
func (f *upFlags) announce(cmd *cobra.Command, lab *assemble.Lab, dir *datadir.Dir, took time.Duration) error {
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "ready in %.1f s\n\n", took.Seconds())
	if path := f.userKubeconfig(); path != "" {
		current, err := lab.MergeKubeconfig(path, f.context)
		if err != nil {
			return err
		}
		if err := dir.RecordKubeconfig(datadir.KubeconfigEntry{Path: path, Context: f.context}); err != nil {
			return err
		}
		fmt.Fprintf(out, "context %q is in %s (current context: %s)\n\n", f.context, path, current)
	}
	argument := ""
	if f.ephemeral || cmd.Flags().Changed(dataDirFlag) {
		argument = " --data-dir " + shellQuote(dir.Path())
	}
	fmt.Fprintf(out, "  eval \"$(%s env%s)\"\n  kubectl get nodes\n\n", programName(), argument)
	lab.SetReady()
	return nil
}

func (f *upFlags) userKubeconfig() string {
	if f.kubeconfig == "" && !f.ephemeral {
		return kubeconfig.DefaultPath()
	}
	path, err := filepath.Abs(f.kubeconfig)
	if err != nil || f.kubeconfig == "" {
		return f.kubeconfig
	}
	return path
}

// progress prints a line for each part that is ready.
type progress struct {
	mu    sync.Mutex
	out   io.Writer
	begin time.Time
}

func (p *progress) done(part string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, "  %-26s %5.1f s\n", part, time.Since(p.begin).Seconds())
}
