package bootscript

import (
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/expand"
)

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
