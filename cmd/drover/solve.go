package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/manifest"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/offers"
	"github.com/drover-project/drover/internal/offline"
	"github.com/drover-project/drover/internal/present"
	"github.com/drover-project/drover/internal/present/picture"
	"github.com/drover-project/drover/internal/workload"
)

// solveOptions are the flags of `drover solve`.
type solveOptions struct {
	paths       []string
	recursive   bool
	region      string
	zones       []string
	catalog     string
	fromScratch bool

	output  string
	svg     string
	explain string

	settings model.Settings
	spot     spotFlags
}

const solveHelp = `Plan nodes for what is in files, without a cluster and without AWS: the same
engine that drover runs in a cluster decides which nodes to launch for the pods
that wait, and says why.

Reads Kubernetes YAML or JSON: Deployments, ReplicaSets, StatefulSets, Jobs,
DaemonSets, Pods, Nodes with their pods, NodePools, EC2NodeClasses, volumes and
the rest that bears on a place; a dump of a whole cluster (kubectl get -A -o
yaml) too, in which pods count once and replicas without a pod are pending.
Node groups are read from eksctl's files (ClusterConfig). Or one workload in the
neutral JSON form: groups of equal pods.

Exit codes:
  0  every pod has a place
  1  some pods have no place; the plan for the others is printed
  2  the input or the command line is wrong; nothing is planned
  3  drover failed`

const solveExample = `  drover solve --region us-west-2 -f deploy/
  kubectl get deploy,ds,sts,pods,nodes,nodepools,ec2nodeclasses,pvc,pv,sc -A -o yaml | drover solve -f - -o wide
  drover solve -f app.yaml -f cluster.yaml # with the node groups of an eksctl file
  drover solve -f app.yaml --explain shop/web-1
  drover solve -f app.yaml --svg plan.svg -o json`

func newSolveCommand() *cobra.Command {
	var options solveOptions
	command := &cobra.Command{
		Use:     "solve -f FILE|FOLDER|-",
		Short:   "Plan nodes for the pods in files",
		Long:    solveHelp,
		Example: solveExample,
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := options.validate(); err != nil {
				return err
			}
			return options.run(command)
		},
	}
	flags := command.Flags()
	flags.StringArrayVarP(&options.paths, "filename", "f", nil, "file, folder or - for standard input; may be given several times")
	flags.BoolVarP(&options.recursive, "recursive", "R", false, "read the folders in folders too")
	flags.StringVar(&options.region, "region", "us-west-2", "region to buy in: us-west-2, us-east-1, eu-west-1 or ap-northeast-2")
	flags.StringSliceVar(&options.zones, "zones", nil, "availability zones to buy in; default: the region's first three")
	flags.StringVar(&options.catalog, "catalog", "", "CSV file of instance types to buy instead of the region's")
	flags.BoolVar(&options.fromScratch, "from-scratch", false, "leave nodes out and plan for every pod anew")
	flags.StringVarP(&options.output, "output", "o", "", "output format: wide, json, yaml or name; default: a table")
	flags.StringVar(&options.svg, "svg", "", "also draw the nodes and their pods into this file")
	flags.StringVar(&options.explain, "explain", "", "print everything there is to say about this pod: NAMESPACE/NAME or NAME")
	flags.IntVar(&options.settings.MaxSteps, "max-steps", 0, "bound of the search in steps; 0 means the default, 12000 for each pod and 24000000 at least; several times that also mix nodes and prove longer")
	flags.BoolVar(&options.settings.IgnorePreferences, "ignore-preferences", false, "leave preferred rules out of the decision")
	options.spot.register(flags)
	return command
}

func (o *solveOptions) validate() error {
	if len(o.paths) == 0 {
		return errors.New("-f is required: give a file, a folder, or - for standard input")
	}
	switch o.output {
	case "", "wide", "json", "yaml", "name":
	default:
		return fmt.Errorf("--output %q is not known: use wide, json, yaml or name, or leave it out", o.output)
	}
	if o.explain != "" && o.output != "" {
		return errors.New("--explain prints text: leave --output out, or look into report of --output json")
	}
	o.spot.into(&o.settings)
	if problems := o.spot.validate(); len(problems) > 0 {
		return errors.Join(problems...)
	}
	if o.settings.MaxSteps < 0 {
		return fmt.Errorf("--max-steps %d must not be negative", o.settings.MaxSteps)
	}
	return nil
}

func (o *solveOptions) run(command *cobra.Command) error {
	progress := newProgress(command.ErrOrStderr())
	defer progress.stop()
	market, err := o.market()
	if err != nil {
		return err
	}
	groups := groupFiles{market: market}
	input, err := manifest.Read(manifest.Options{
		Paths: o.paths, Recursive: o.recursive, Stdin: command.InOrStdin(), Handle: map[string]func(manifest.Document) manifest.Problems{"eksctl.io": groups.read},
		Progress: func(file string) { progress.say("reading " + file) },
	})
	if err != nil {
		return err
	}
	question, err := o.question(command.Context(), input, &groups)
	if err != nil {
		return err
	}
	var pod *model.Pod
	if o.explain != "" {
		if pod, err = question.Find(o.explain); err != nil {
			return err
		}
	}
	progress.say("planning for " + present.Counted(len(question.Snapshot.Pending), "pod"))
	if err := solve(question, o.settings); err != nil {
		return internalFailure{err}
	}
	progress.stop()
	if err := o.print(command.OutOrStdout(), question, pod); err != nil {
		return internalFailure{err}
	}
	if unplaced := question.Summary().Unplaced; unplaced > 0 {
		return unplacedPods(unplaced)
	}
	return nil
}

// market is where to buy: a region, or what a CSV file lists.
func (o *solveOptions) market() (*offers.Market, error) {
	var table *workload.CatalogTable
	if o.catalog != "" {
		file, err := os.Open(o.catalog)
		if err != nil {
			return nil, fmt.Errorf("--catalog: %w", err)
		}
		defer func() { _ = file.Close() }()
		if table, err = workload.ReadCatalog(file, o.catalog); err != nil {
			return nil, fmt.Errorf("--catalog: %w", err)
		}
	}
	market, err := offers.New(o.region, o.zones, table)
	if err != nil {
		return nil, err
	}
	market.Spot, err = o.spot.rates(o.region)
	return market, err
}

// question is the result without its answer.
func (o *solveOptions) question(ctx context.Context, input *manifest.Input, groups *groupFiles) (*present.Result, error) {
	market := groups.market
	question, err := offline.Ask(ctx, input, market, offline.Options{
		FromScratch: o.fromScratch, AnyType: market.Table != nil, SpotKnown: market.Spot != nil, HasGroups: len(groups.found) > 0,
	})
	if err != nil {
		return nil, err
	}
	question.Notices = append(question.Notices, groups.into(question.Snapshot, o.fromScratch)...)
	result := &present.Result{
		Source: market.Source(), Snapshot: question.Snapshot, Owner: question.Owner, Others: input.Others, Notices: question.Notices,
	}
	for _, left := range question.LeftOut {
		result.LeftOut = append(result.LeftOut, present.LeftOut(left))
	}
	return result, nil
}

// solve answers the question. A mistake in the engine is an error here, not the
// end of the process.
func solve(question *present.Result, settings model.Settings) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("the engine failed on this input, please report it: %v\n%s", cause, debug.Stack())
		}
	}()
	question.Plan, question.Report = engine.Solve(question.Snapshot, settings)
	return nil
}

func (o *solveOptions) print(out io.Writer, result *present.Result, pod *model.Pod) error {
	if o.svg != "" {
		if err := drawTo(o.svg, result); err != nil {
			return err
		}
	}
	switch {
	case pod != nil:
		return result.Explain(out, pod)
	case o.output == "json":
		return result.JSON(out)
	case o.output == "yaml":
		return result.YAML(out)
	case o.output == "name":
		return result.Names(out)
	}
	return result.Table(out, o.output == "wide")
}

func drawTo(path string, result *present.Result) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("--svg: %w", err)
	}
	return errors.Join(picture.Write(file, result), file.Close())
}
