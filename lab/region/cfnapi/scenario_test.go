package cfnapi_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"golang.org/x/tools/txtar"

	"github.com/drover-project/drover/lab/clock"
	"github.com/drover-project/drover/lab/region"
	"github.com/drover-project/drover/lab/region/cfnapi"
	"github.com/drover-project/drover/lab/region/nodegroups"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the expected output of the scenarios")

// TestScenarios runs testdata/*.txtar: the script's lines are commands, the
// other files templates, and the file "want" what the commands print.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			scenario(t, file)
		})
	}
}

// TestScenariosWithRestarts runs the same with a process that ends and begins
// anew all the time: what happens must be the same.
func TestScenariosWithRestarts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := newSession(t, archive)
			s.eachStep = true
			if got, want := s.play(), string(s.file("want")); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// play runs the script and gives what it printed.
func (s *session) play() string {
	for _, line := range strings.Split(string(s.file("script")), "\n") {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			s.run(line)
		}
	}
	return s.tidy(s.out.String())
}

func scenario(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(t, archive)
	got := s.play()
	if *rewrite {
		for i := range archive.Files {
			if archive.Files[i].Name == "want" {
				archive.Files[i].Data = []byte(got)
			}
		}
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := string(s.file("want")); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// session is a region with the commands of a scenario.
type session struct {
	t       *testing.T
	archive *txtar.Archive
	clock   *clock.Manual
	options region.Options
	region  *region.Region
	cluster *cluster
	out     bytes.Buffer
	// seen is how many events of a stack were printed.
	seen map[string]int
	// ids are the stacks by the names that they were made with.
	ids map[string]string
	// eachStep opens the region anew after every event of a stack.
	eachStep bool
}

func newSession(t *testing.T, archive *txtar.Archive) *session {
	s := &session{t: t, archive: archive, clock: clock.NewManual(start()), seen: map[string]int{}, ids: map[string]string{}}
	s.options = region.Options{
		Region: "us-west-2", Seed: 1, Clock: s.clock, DataDir: t.TempDir(),
		Cluster: region.ClusterInfo{Name: "eksworkshop-eksctl", Endpoint: "https://127.0.0.1:6443", CAData: []byte("pem"), Version: "1.37"},
	}
	s.cluster = &cluster{clock: s.clock, state: map[string]nodegroups.Node{}}
	s.open()
	t.Cleanup(func() { _ = s.region.Close() })
	return s
}

func start() time.Time { return time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC) }

func (s *session) open() {
	s.t.Helper()
	opened, err := region.Open(s.options)
	if err != nil {
		s.t.Fatal(err)
	}
	s.region = opened
	s.cluster.connect(opened)
}

func (s *session) reopen() {
	s.t.Helper()
	if err := s.region.Close(); err != nil {
		s.t.Fatal(err)
	}
	s.open()
}

func (s *session) cfn() *cfnapi.CloudFormation { return s.region.CloudFormation() }

func (s *session) file(name string) []byte {
	for _, f := range s.archive.Files {
		if f.Name == name {
			return f.Data
		}
	}
	s.t.Fatalf("the scenario has no file %s", name)
	return nil
}

func (s *session) printf(format string, args ...any) { fmt.Fprintf(&s.out, format+"\n", args...) }

// say prints what a command was answered when that is an error.
func (s *session) say(err error) {
	if err != nil {
		s.printf("  error: %v", err)
	}
}

var (
	identifier = regexp.MustCompile(`\b([a-z]+)-0[0-9a-f]{15,16}\d?\b`)
	uuid       = regexp.MustCompile(`\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`)
	suffix     = regexp.MustCompile(`-[A-Z2-7]{12}\b`)
	address    = regexp.MustCompile(`\b198\.1[89]\.\d+\.\d+\b`)
)

// tidy makes output the same whatever identifiers the region gives.
func (s *session) tidy(text string) string {
	numbers := map[string]string{}
	count := map[string]int{}
	text = identifier.ReplaceAllStringFunc(text, func(id string) string {
		if numbers[id] == "" {
			prefix, _, _ := strings.Cut(id, "-")
			count[prefix]++
			numbers[id] = prefix + "-" + strconv.Itoa(count[prefix])
		}
		return numbers[id]
	})
	text = uuid.ReplaceAllString(text, "UUID")
	text = address.ReplaceAllString(text, "ADDRESS")
	return suffix.ReplaceAllString(text, "-SUFFIX")
}

// id is the identifier of the last stack that was made with a name.
func (s *session) id(name string) string {
	if id := s.ids[name]; id != "" {
		return id
	}
	return name
}

func ctx() context.Context { return context.Background() }

// run does one line of a script.
func (s *session) run(line string) {
	s.t.Helper()
	words := strings.Fields(line)
	command, rest := words[0], words[1:]
	s.printf("> %s", line)
	switch command {
	case "create", "update", "validate", "change-set":
		s.send(command, rest)
	case "delete":
		_, err := s.cfn().DeleteStack(ctx(), &cloudformation.DeleteStackInput{StackName: &rest[0], RetainResources: rest[1:]})
		s.say(err)
	case "execute":
		_, err := s.cfn().ExecuteChangeSet(ctx(), &cloudformation.ExecuteChangeSetInput{StackName: &rest[0], ChangeSetName: aws.String("changes")})
		s.say(err)
	case "cancel":
		_, err := s.cfn().CancelUpdateStack(ctx(), &cloudformation.CancelUpdateStackInput{StackName: &rest[0]})
		s.say(err)
	case "signal":
		_, err := s.cfn().SignalResource(ctx(), &cloudformation.SignalResourceInput{
			StackName: &rest[0], LogicalResourceId: &rest[1], UniqueId: &rest[2], Status: types.ResourceSignalStatus(rest[3])})
		s.say(err)
	case "protect":
		_, err := s.cfn().UpdateTerminationProtection(ctx(), &cloudformation.UpdateTerminationProtectionInput{StackName: &rest[0], EnableTerminationProtection: aws.Bool(rest[1] == "on")})
		s.say(err)
	case "wait":
		s.wait(rest[0])
	case "restart":
		s.reopen()
	case "events":
		s.events(s.id(rest[0]))
	case "outputs":
		s.outputs(rest[0])
	case "resources":
		s.resources(s.id(rest[0]))
	case "status":
		s.status(rest[0])
	default:
		if !s.account(command, rest) {
			s.t.Fatalf("no command %q", command)
		}
	}
}

// wait advances the clock, second by second when the region is to be opened
// anew after every event.
func (s *session) wait(text string) {
	d, err := time.ParseDuration(text)
	if err != nil {
		s.t.Fatal(err)
	}
	if !s.eachStep {
		s.clock.Advance(d)
		return
	}
	for end, before := s.clock.Now().Add(d), s.countEvents(); s.clock.Now().Before(end); {
		s.clock.Advance(time.Second)
		if now := s.countEvents(); now != before {
			before = now
			s.reopen()
		}
	}
}
