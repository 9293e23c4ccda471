// Package bootscript works out which calls of a program a machine's boot script
// is going to make. Nothing is run: no program, no file, no network, no clock.
// What the script can ask its machine is answered from what is known of it, and
// what is not known stays unknown through everything that is made of it.
package bootscript

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Ways of buying a machine, as the metadata service names them.
const (
	OnDemand = "on-demand"
	Spot     = "spot"
)

// Machine is what is known of the machine that boots; a field that is empty is
// not known.
type Machine struct {
	// Bought is OnDemand or Spot.
	Bought       string
	Region       string
	Zone         string
	InstanceType string
	// TokensRequired machines answer no request for metadata without a token.
	TokensRequired bool
	// NoMetadata machines answer none at all.
	NoMetadata bool
}

// Word is an argument of a call. Text means nothing unless it is Known.
type Word struct {
	Text  string
	Known bool
}

// Opaque stands, in the text of a known word, for something that only the machine
// knows and that is neither empty nor of more than one word, such as its id.
const Opaque = "\uE000"

// partial begins the text of a document of which only some fields are known.
const partial = "\uE001"

// Bounds of one script: far above what scripts of 16 KiB do, and the same on
// every machine.
const (
	maxSteps = 20_000
	maxBytes = 4 << 20
	maxDepth = 40
)

// ErrEndless is the error for a script that does too much to be followed.
var ErrEndless = errors.New("the script does too much to be followed")

var errReference = errors.New("the script has variables that name others, and is not followed")

// Calls returns the arguments of all calls of the program, by its base name, that
// the script makes on the machine. Where something decides that is not known, the
// calls of both ways are returned.
func Calls(script, program string, machine Machine) (calls [][]Word, err error) {
	// The parser and the expansion of words are another project's, and what they
	// read is whatever people write.
	defer func() {
		if recover() != nil {
			calls, err = nil, errors.New("the script cannot be followed")
		}
	}()
	file, err := parse(script)
	if err != nil {
		return nil, err
	}
	s := &shell{machine: machine, program: program, state: newState(), exports: map[string]bool{}, anySplit: changesSeparators(file)}
	_, _, err = s.statements(file.Stmts)
	return s.calls, err
}

func parse(script string) (*syntax.File, error) {
	script = strings.NewReplacer(Opaque, "?", partial, "?").Replace(script)
	file, err := syntax.NewParser().Parse(strings.NewReader(script), "")
	if err != nil {
		return nil, fmt.Errorf("reading the script: %w", err)
	}
	return file, nil
}

// changesSeparators reports whether a script sets IFS other than for one command.
func changesSeparators(file *syntax.File) bool {
	changes := false
	syntax.Walk(file, func(node syntax.Node) bool {
		switch n := node.(type) {
		case *syntax.CallExpr:
			return len(n.Args) == 0
		case *syntax.Assign:
			changes = changes || n.Name != nil && n.Name.Value == "IFS"
		}
		return true
	})
	return changes
}

// shell follows a script. Where a condition is not known it follows both ways,
// one after the other, and what they leave different is not known afterwards.
type shell struct {
	machine Machine
	program string
	calls   [][]Word

	state *state
	// frames are the functions and subshells that are being followed.
	frames []*frame
	// depth is how many evals are inside one another; steps and bytes count what
	// has been done.
	depth, steps, bytes int
	// exports are the variables that programs see, and prefixed those that one
	// command is given.
	exports  map[string]bool
	prefixed map[string]Word
	// torn is set when a loop is left or gone on with under a condition that is
	// not known.
	torn bool
	// anyPattern is set once the script changes how patterns match, anySplit when it
	// changes how words are taken apart.
	anyPattern, anySplit bool
}

// frame is a function or a subshell: where it may have ended early.
type frame struct {
	subshell bool
	ended    []*state
	// locals are the variables that the function has for itself.
	locals []string
}

// state is what statements change.
type state struct {
	variables map[string]variable
	functions map[string]*syntax.Stmt
	params    []Word
	// paramsUnknown: how many parameters there are is not known.
	paramsUnknown bool
	stdin         Word
	out           Word
}

type variable struct {
	Word
	unset bool
}

func newState() *state {
	return &state{variables: map[string]variable{}, functions: map[string]*syntax.Stmt{}, out: Word{Known: true}}
}

func (s *state) clone() *state {
	copied := *s
	copied.variables, copied.functions = maps.Clone(s.variables), maps.Clone(s.functions)
	return &copied
}

// merge forgets what the two differ in.
func (s *state) merge(other *state) {
	for name, value := range s.variables {
		if other.variables[name] != value {
			delete(s.variables, name)
		}
	}
	for name, body := range s.functions {
		if other.functions[name] != body {
			s.functions[name] = nil
		}
	}
	for name := range other.functions {
		if _, both := s.functions[name]; !both {
			s.functions[name] = nil
		}
	}
	if s.out != other.out {
		s.out = Word{}
	}
	same := len(s.params) == len(other.params)
	for i := 0; same && i < len(s.params); i++ {
		same = s.params[i] == other.params[i]
	}
	s.paramsUnknown = s.paramsUnknown || other.paramsUnknown || !same
}

// forget makes all variables unknown.
func (s *state) forget() {
	clear(s.variables)
	s.paramsUnknown = true
}

// dynamic variables have values of their own, whatever they are set to.
var dynamic = map[string]bool{"RANDOM": true, "SRANDOM": true, "SECONDS": true, "EPOCHSECONDS": true, "EPOCHREALTIME": true, "LINENO": true,
	"BASHPID": true, "PPID": true, "UID": true, "EUID": true, "IFS": true}

// set gives a variable a value; one that is not known is forgotten.
func (s *state) set(name string, value Word) {
	if !value.Known || dynamic[name] {
		delete(s.variables, name)
		return
	}
	s.variables[name] = variable{Word: value}
}

// print adds to what the script writes.
func (s *shell) print(text Word) error {
	out := &s.state.out
	if !text.Known || !out.Known {
		*out = Word{}
		return nil
	}
	if err := s.spend(0, len(out.Text)+len(text.Text)); err != nil {
		return err
	}
	out.Text += text.Text
	return nil
}

// spend counts what has been done.
func (s *shell) spend(steps, bytes int) error {
	s.steps += steps
	s.bytes += bytes
	if s.steps > maxSteps || s.bytes > maxBytes || len(s.frames) > maxDepth {
		return ErrEndless
	}
	return nil
}
