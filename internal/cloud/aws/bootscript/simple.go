package bootscript

import (
	"path"
	"regexp"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// simple follows assignments, or a command with its arguments.
func (s *shell) simple(call *syntax.CallExpr) (verdict, ending, error) {
	if len(call.Args) == 0 {
		return s.assign(call.Assigns)
	}
	prefixed := map[string]Word{}
	for _, assign := range call.Assigns { // for this command only
		value, err := s.value(assign)
		if err != nil {
			return maybe, goesOn, err
		}
		if assign.Name != nil {
			prefixed[assign.Name.Value] = value
		}
	}
	words, err := s.fields(call.Args)
	if err != nil {
		return maybe, goesOn, err
	}
	return s.runWith(prefixed, words)
}

// runWith follows a command that is given variables of its own. What the script
// itself runs with them is followed without knowing them.
func (s *shell) runWith(prefixed map[string]Word, words []Word) (verdict, ending, error) {
	outer := s.prefixed
	s.prefixed = prefixed
	defer func() { s.prefixed = outer }()
	if len(prefixed) == 0 || !s.isOwn(words) {
		return s.run(words)
	}
	for name := range prefixed {
		delete(s.state.variables, name)
	}
	result, end, err := s.run(words)
	for name := range prefixed {
		delete(s.state.variables, name)
	}
	return result, end, err
}

// isOwn reports whether a command is a part of the script, or text that it runs.
func (s *shell) isOwn(words []Word) bool {
	if len(words) == 0 || !words[0].Known {
		return true
	}
	_, declared := s.state.functions[words[0].Text]
	return declared || words[0].Text == "eval" || words[0].Text == "command" || words[0].Text == "builtin"
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
	plain, isExport := true, c.Variant.Value == "export"
	for _, assign := range c.Args {
		if assign.Name == nil {
			option, err := s.word(assign.Value)
			switch {
			case err != nil:
				return maybe, goesOn, err
			case !option.Known || !strings.HasPrefix(option.Text, "-"): // whole assignments, made up
				s.state.forget()
			case strings.Contains(option.Text, "n") && c.Variant.Value != "export":
				return maybe, goesOn, errReference
			default:
				plain = plain && strings.Trim(option.Text, "-xrg") == ""
				isExport = isExport || strings.Contains(option.Text, "x")
			}
			continue
		}
		s.declared(c.Variant.Value, assign.Name.Value, isExport)
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

// declared notes a variable that programs see, or that is a function's own.
func (s *shell) declared(variant, name string, isExport bool) {
	if isExport {
		s.exports[name] = true
	}
	if last := len(s.frames) - 1; last >= 0 && variant != "export" && variant != "readonly" {
		s.frames[last].locals = append(s.frames[last].locals, name)
	}
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
	for _, name := range here.locals {
		delete(s.state.variables, name) // what it was outside is not kept
	}
	s.state.params, s.state.paramsUnknown = params, unknown
	if end == leavesFunction {
		end = goesOn
	}
	return result, end, err
}
