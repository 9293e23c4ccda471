package bootscript

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// simple follows assignments, or a command with its arguments.
func (s *shell) simple(call *syntax.CallExpr) (verdict, ending, error) {
	if len(call.Args) == 0 {
		return s.assign(call.Assigns)
	}
	for _, assign := range call.Assigns { // for this command only
		if _, err := s.value(assign); err != nil {
			return maybe, goesOn, err
		}
	}
	words, err := s.fields(call.Args)
	if err != nil {
		return maybe, goesOn, err
	}
	return s.run(words)
}

// assign sets variables. It succeeds unless a command in a value fails.
func (s *shell) assign(list []*syntax.Assign) (verdict, ending, error) {
	result := yes
	for _, assign := range list {
		value, err := s.value(assign)
		if err != nil {
			return maybe, goesOn, err
		}
		if assign.Name != nil {
			s.state.set(assign.Name.Value, value)
		}
		if assign.Value != nil && hasCommand(assign.Value) && !value.Known {
			result = maybe
		}
	}
	return result, goesOn, nil
}

func hasCommand(word *syntax.Word) bool {
	found := false
	syntax.Walk(word, func(node syntax.Node) bool {
		_, is := node.(*syntax.CmdSubst)
		found = found || is
		return !found
	})
	return found
}

func (s *shell) value(assign *syntax.Assign) (Word, error) {
	if assign.Index != nil || assign.Array != nil || assign.Name == nil {
		s.forgetAssigned(assign)
		return Word{}, nil
	}
	value, err := s.word(assign.Value)
	if err != nil || !assign.Append {
		return value, err
	}
	before, found := s.lookUp(assign.Name.Value)
	if !found || !value.Known {
		return Word{}, nil
	}
	return Word{Text: before.Text + value.Text, Known: true}, s.spend(0, len(before.Text))
}

// declare follows export, local, readonly and declare.
func (s *shell) declare(c *syntax.DeclClause) (verdict, ending, error) {
	plain := true
	for _, assign := range c.Args {
		if assign.Name == nil { // an option
			option, err := s.word(assign.Value)
			if err != nil {
				return maybe, goesOn, err
			}
			if strings.Contains(option.Text, "n") && c.Variant.Value != "export" || !option.Known {
				return maybe, goesOn, errReference
			}
			plain = plain && strings.Trim(option.Text, "-xrg") == ""
			continue
		}
		if assign.Naked {
			if !plain || c.Variant.Value == "local" {
				delete(s.state.variables, assign.Name.Value)
			}
			continue
		}
		value, err := s.value(assign)
		if err != nil {
			return maybe, goesOn, err
		}
		if !plain {
			value = Word{}
		}
		s.state.set(assign.Name.Value, value)
	}
	return yes, goesOn, nil
}

// run follows a command: a function, a builtin or a program.
func (s *shell) run(words []Word) (verdict, ending, error) {
	if len(words) == 0 {
		return maybe, goesOn, nil
	}
	if !words[0].Known {
		// It may be nothing, as in "$SUDO command".
		s.note(words[1:])
		return maybe, goesOn, s.print(Word{})
	}
	name := words[0].Text
	if body, declared := s.state.functions[name]; declared {
		return s.function(body, words[1:])
	}
	if result, end, known, err := s.builtin(name, words[1:]); known {
		return result, end, err
	}
	s.note(words)
	result, text := s.ask(path.Base(name), words[1:])
	return result, goesOn, s.print(text)
}

// prefixes are programs that run another one.
var prefixes = map[string]bool{"bash": true, "sh": true, "sudo": true, "env": true, "timeout": true, "nohup": true, "nice": true, "exec": true, "time": true, "source": true, ".": true}

// note keeps a call of the program that is looked for, also when other programs
// run it.
func (s *shell) note(words []Word) {
	for i, word := range words {
		if !word.Known {
			return
		}
		base := path.Base(word.Text)
		switch {
		case base == s.program:
			s.calls = append(s.calls, words[i+1:])
			return
		case i > 0 && (strings.HasPrefix(word.Text, "-") || strings.Contains(word.Text, "=") || isNumber.MatchString(word.Text)):
		case !prefixes[base]:
			return
		}
	}
}

var isNumber = regexp.MustCompile(`^[0-9.]+[smh]?$`)

// function follows a function of the script.
func (s *shell) function(body *syntax.Stmt, arguments []Word) (verdict, ending, error) {
	if body == nil { // which of several it is, is not known
		s.state.forget()
		return maybe, goesOn, s.print(Word{})
	}
	params, unknown := s.state.params, s.state.paramsUnknown
	s.state.params, s.state.paramsUnknown = arguments, false
	for _, argument := range arguments {
		s.state.paramsUnknown = s.state.paramsUnknown || !argument.Known
	}
	here := &frame{}
	s.frames = append(s.frames, here)
	err := s.spend(1, 0)
	result, end := maybe, goesOn
	if err == nil {
		result, end, err = s.statement(body)
	}
	s.frames = s.frames[:len(s.frames)-1]
	for _, early := range here.ended {
		s.state.merge(early)
		result = maybe
	}
	s.state.params, s.state.paramsUnknown = params, unknown
	if end == leavesFunction {
		end = goesOn
	}
	return result, end, err
}

// builtin follows what the shell itself does.
func (s *shell) builtin(name string, arguments []Word) (result verdict, end ending, known bool, err error) {
	result, known = yes, true
	switch name {
	case ":", "true":
	case "false":
		result = no
	case "exit":
		result, end = exitCode(arguments), leavesShell
	case "return":
		result, end = exitCode(arguments), leavesFunction
		if len(s.frames) == 0 {
			end = leavesShell
		}
	case "break":
		end = leavesLoop
	case "continue":
		end = leavesTurn
	case "[", "test":
		result = test(name, arguments)
	case "echo":
		err = s.print(echoed(arguments))
	case "printf":
		result = maybe
		err = s.printf(arguments)
	case "export", "trap", "wait", "umask", "ulimit", "hash", "alias", "cd", "pushd", "popd":
		result = maybe
	case "shopt":
		s.anyPattern = true
	case "exec":
		if len(arguments) > 0 {
			result, _, err = s.run(arguments)
			end = leavesShell
		}
	case "command", "builtin":
		if len(arguments) > 0 && arguments[0].Known && !strings.HasPrefix(arguments[0].Text, "-") {
			result, end, err = s.run(arguments)
			break
		}
		result, err = maybe, s.print(Word{})
	default:
		return s.setter(name, arguments)
	}
	return result, end, known, err
}

// setter follows the builtins that set variables and parameters.
func (s *shell) setter(name string, arguments []Word) (verdict, ending, bool, error) {
	switch name {
	case "unset":
		for _, argument := range arguments {
			if argument.Known {
				s.state.variables[argument.Text] = variable{Word: Word{Known: true}, unset: true}
			} else {
				s.state.forget()
			}
		}
		return yes, goesOn, true, nil
	case "read", "mapfile", "readarray", "getopts":
		for _, argument := range append(slices.Clone(arguments), Word{Text: "REPLY", Known: true}, Word{Text: "MAPFILE", Known: true}, Word{Text: "OPTARG", Known: true}) {
			delete(s.state.variables, argument.Text)
			if !argument.Known {
				s.state.forget()
			}
		}
		return maybe, goesOn, true, nil
	case "shift":
		if len(arguments) > 0 || s.state.paramsUnknown || len(s.state.params) == 0 {
			s.state.paramsUnknown = true
			return maybe, goesOn, true, nil
		}
		s.state.params = s.state.params[1:]
		return yes, goesOn, true, nil
	case "set":
		s.setParams(arguments)
		return yes, goesOn, true, nil
	case "eval":
		result, end, err := s.eval(arguments)
		return result, end, true, err
	case "source", ".":
		s.note(append([]Word{{Text: name, Known: true}}, arguments...))
		s.state.forget()
		return maybe, goesOn, true, nil
	}
	return maybe, goesOn, false, nil
}

// setParams follows set: options, and then new parameters.
func (s *shell) setParams(arguments []Word) {
	for i, argument := range arguments {
		switch {
		case !argument.Known:
			s.state.paramsUnknown = true
			return
		case argument.Text == "--":
			s.state.params, s.state.paramsUnknown = arguments[i+1:], false
		case strings.HasPrefix(argument.Text, "-"), strings.HasPrefix(argument.Text, "+"):
			continue
		case i > 0: // the name of an option, or the first parameter
			s.state.paramsUnknown = true
		default:
			s.state.params, s.state.paramsUnknown = arguments, false
		}
		break
	}
	for _, param := range s.state.params {
		s.state.paramsUnknown = s.state.paramsUnknown || !param.Known
	}
}

func (s *shell) eval(arguments []Word) (verdict, ending, error) {
	text := joined(arguments)
	if !text.isPlain() {
		s.state.forget()
		return maybe, goesOn, s.print(Word{})
	}
	file, err := parse(text.Text)
	if err != nil {
		return no, goesOn, nil
	}
	if s.depth++; s.depth > maxDepth {
		return maybe, goesOn, ErrEndless
	}
	defer func() { s.depth-- }()
	return s.statements(file.Stmts)
}

func exitCode(arguments []Word) verdict {
	if len(arguments) == 0 || !arguments[0].Known {
		return maybe
	}
	return verdictOf(arguments[0].Text == "0")
}

func joined(words []Word) Word {
	all := Word{Known: true}
	for i, word := range words {
		if i > 0 {
			all.Text += " "
		}
		all.Text += word.Text
		all.Known = all.Known && word.Known
	}
	return all
}

func echoed(arguments []Word) Word {
	newline := "\n"
	if len(arguments) > 0 && arguments[0].Known && strings.HasPrefix(arguments[0].Text, "-") {
		if arguments[0].Text != "-n" {
			return Word{}
		}
		newline, arguments = "", arguments[1:]
	}
	text := joined(arguments)
	text.Text += newline
	return text
}

// plainFormat has no widths, by which a short format makes a long text.
var plainFormat = regexp.MustCompile(`^([^%\\]|%s|%%|\\n)*$`)

func (s *shell) printf(arguments []Word) error {
	if len(arguments) > 1 && arguments[0].Known && arguments[0].Text == "-v" {
		if !arguments[1].Known {
			s.state.forget()
		}
		delete(s.state.variables, arguments[1].Text)
		return nil
	}
	if len(arguments) == 0 || !arguments[0].Known || !plainFormat.MatchString(arguments[0].Text) {
		return s.print(Word{})
	}
	texts := make([]string, 0, len(arguments))
	for _, argument := range arguments[1:] {
		if !argument.Known {
			return s.print(Word{})
		}
		texts = append(texts, argument.Text)
	}
	text, consumed, err := expand.Format(nil, arguments[0].Text, texts)
	return s.print(Word{Text: text, Known: err == nil && consumed == len(texts)})
}
