// Command peers makes drover's engine and Karpenter's scheduler decide for the
// same pods over the same instance types, one after the other in one process,
// and compares time, memory, nodes and cost.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/workload"
)

const help = `Usage: peers [--workloads FOLDER] [--only REGEXP] [--shape 1000,5000] [--runs N] [--cores N]

Compares decisions only: no API server, no cloud, no launches. Both get the same
pods, all pending; the same instance types with the same allocatable and price,
on demand, in every zone at the same price; one NodePool without limits or
requirements; no nodes and no DaemonSets.

  Karpenter  sigs.k8s.io/karpenter v1.14.0, its scheduling package with an
             in-memory client: NewTopology, NewScheduler, Solve and
             TruncateInstanceTypes, without its limit of one minute. A node
             costs what the cheapest type left in its NodeClaim costs.
  drover     engine.Solve with the default settings. A node costs what the first
             offering of its launch costs. Every plan is audited afterwards.

SECONDS are of the processor, in the program and in the kernel, with the garbage
collection that falls into them: other work on the machine disturbs it less than
the clock. Decisions shorter than 0.2 s are repeated and their mean is taken, so
that they bear their share of garbage collection. Making the objects that each of
them reads is not part of the time. With several runs the shortest counts.
"faster" is Karpenter's time over drover's, "cost" drover's cost over Karpenter's.

Workloads are files in the neutral form; the catalogue that each names is read
from FOLDER/../ec2/catalog-us-east-1-NAME.csv. --shape adds pods and types like
those of Karpenter's own scheduling benchmark: a fifth each plain, spread over
zones, spread over hosts, with zone affinity, with host anti-affinity; 400 types.

`

// options are the flags.
type options struct {
	workloads, catalogs string
	only                *regexp.Regexp
	shapes              []int
	runs, cores         int
}

func main() {
	chosen, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		runtime.GOMAXPROCS(chosen.cores)
		err = run(chosen)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), help)
		flags.PrintDefaults()
	}
	flags.StringVar(&o.workloads, "workloads", os.Getenv("DROVER_WORKLOADS"), "folder of workloads in the neutral form [$DROVER_WORKLOADS]")
	flags.StringVar(&o.catalogs, "catalogs", "", "folder of the catalogues; default: ec2 beside the workloads")
	only := flags.String("only", "", "regular expression of the cases to run, such as mixed|shape")
	shapes := flags.String("shape", "1000,5000", "numbers of pods in the shape of Karpenter's own benchmark; empty leaves it out")
	flags.IntVar(&o.runs, "runs", 1, "runs of each; the shortest counts")
	flags.IntVar(&o.cores, "cores", 1, "cores for both; Karpenter gets as many workers")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		return o, fmt.Errorf("--only: %w", err)
	}
	for size := range strings.SplitSeq(*shapes, ",") {
		if size = strings.TrimSpace(size); size == "" {
			continue
		}
		pods, err := strconv.Atoi(size)
		if err != nil || pods < 1 {
			return o, fmt.Errorf("--shape: %q is not a number of pods", size)
		}
		o.shapes = append(o.shapes, pods)
	}
	if o.runs < 1 || o.cores < 1 {
		return o, errors.New("--runs and --cores must be above zero")
	}
	if o.catalogs == "" {
		o.catalogs = filepath.Join(o.workloads, "..", "ec2")
	}
	return o, nil
}

// trial is one question for both.
type trial struct {
	name string
	make func() (*model.Snapshot, error)
}

func run(o options) error {
	trials, err := trialsOf(o)
	if err != nil {
		return err
	}
	if len(trials) == 0 {
		return errors.New("nothing to compare: give --workloads or --shape, and an --only that matches")
	}
	fmt.Printf("Karpenter v1.14.0 and drover on %s, %d core(s), best of %d run(s)\n\n", runtime.Version(), o.cores, o.runs)
	table := newTable(os.Stdout)
	for _, t := range trials {
		snapshot, err := t.make()
		if err != nil {
			return err
		}
		theirs, err := measureKarpenter(snapshot, o)
		if err != nil {
			return fmt.Errorf("%s: Karpenter: %w", t.name, err)
		}
		ours, err := measureDrover(snapshot, o)
		if err != nil {
			return fmt.Errorf("%s: drover: %w", t.name, err)
		}
		table.add(t.name, snapshot, theirs, ours)
	}
	return nil
}

func trialsOf(o options) ([]trial, error) {
	var trials []trial
	add := func(name string, snapshot func() (*model.Snapshot, error)) {
		if o.only.MatchString(name) {
			trials = append(trials, trial{name, snapshot})
		}
	}
	if o.workloads != "" {
		files, err := filepath.Glob(filepath.Join(o.workloads, "*.json"))
		if err != nil || len(files) == 0 {
			return nil, fmt.Errorf("--workloads %s: no .json file in it (%v)", o.workloads, err)
		}
		for _, file := range files {
			add(strings.TrimSuffix(filepath.Base(file), ".json"), func() (*model.Snapshot, error) { return fromFile(file, o.catalogs) })
		}
	}
	for _, pods := range o.shapes {
		add(fmt.Sprintf("shape-%d", pods), func() (*model.Snapshot, error) { return shape(pods), nil })
	}
	return trials, nil
}

func fromFile(file, catalogs string) (*model.Snapshot, error) {
	text, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = text.Close() }()
	read, err := workload.Decode(text, file)
	if err != nil {
		return nil, err
	}
	name := filepath.Join(catalogs, "catalog-us-east-1-"+read.Catalog+".csv")
	csv, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = csv.Close() }()
	table, err := workload.ReadCatalog(csv, name)
	if err != nil {
		return nil, err
	}
	return read.Snapshot(table)
}
