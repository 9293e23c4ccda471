package bootscript

import (
	"regexp"
	"strconv"

	"mvdan.cc/sh/v3/syntax"
)

// maxTurns bounds the loops that are followed turn by turn.
const maxTurns = 64

// whileClause follows a loop turn by turn as long as its condition is known, else
// as one of which nobody knows how often it turns.
func (s *shell) whileClause(c *syntax.WhileClause) (verdict, ending, error) {
	return s.turns(c, func(int) (verdict, ending, error) {
		holds, end, err := s.statements(c.Cond)
		if c.Until {
			holds = holds.not()
		}
		return holds, end, err
	}, c.Do)
}

func (s *shell) forClause(c *syntax.ForClause) (verdict, ending, error) {
	words, isWords := c.Loop.(*syntax.WordIter)
	if !isWords || c.Select {
		return s.anyTurns(c, c.Do)
	}
	items, known, err := s.items(words)
	if err != nil {
		return maybe, goesOn, err
	}
	if !known || len(items) > maxTurns {
		return s.anyTurns(c, c.Do)
	}
	return s.turns(c, func(turn int) (verdict, ending, error) {
		if turn >= len(items) {
			return no, goesOn, nil
		}
		s.state.set(words.Name.Value, items[turn])
		return yes, goesOn, nil
	}, c.Do)
}

// sequence is {1..5}.
var sequence = regexp.MustCompile(`^\{([0-9]{1,3})\.\.([0-9]{1,3})\}$`)

func (s *shell) items(loop *syntax.WordIter) ([]Word, bool, error) {
	if !loop.InPos.IsValid() {
		return s.state.params, !s.state.paramsUnknown, nil
	}
	var items []Word
	for _, word := range loop.Items {
		if found := sequence.FindStringSubmatch(word.Lit()); found != nil {
			first, _ := strconv.Atoi(found[1])
			last, _ := strconv.Atoi(found[2])
			for n := first; n <= last && n-first <= maxTurns; n++ {
				items = append(items, Word{Text: strconv.Itoa(n), Known: true})
			}
			continue
		}
		fields, err := s.fields([]*syntax.Word{word})
		if err != nil {
			return nil, false, err
		}
		for _, field := range fields {
			if !field.Known {
				return nil, false, nil
			}
		}
		items = append(items, fields...)
	}
	return items, true, nil
}

// turns follows a loop turn by turn, and gives that up where it does not know
// whether there is another.
func (s *shell) turns(loop syntax.Command, next func(turn int) (verdict, ending, error), body []*syntax.Stmt) (verdict, ending, error) {
	before, calls, torn := s.state.clone(), len(s.calls), s.torn
	s.torn = false
	defer func() { s.torn = torn }()
	for turn := range maxTurns + 1 {
		more, end, err := next(turn)
		if err != nil || end > leavesLoop {
			return more, end, err
		}
		if more == no || end == leavesLoop {
			return yes, goesOn, nil
		}
		if more == yes {
			if _, end, err = s.statements(body); err != nil || end > leavesLoop {
				return maybe, end, err
			}
		}
		if more == maybe || s.torn {
			break
		}
		if end == leavesLoop {
			return yes, goesOn, nil
		}
	}
	s.state, s.calls = before, s.calls[:calls]
	return s.anyTurns(loop, body)
}

// anyTurns follows the body once, with all that it may have set unknown.
func (s *shell) anyTurns(loop syntax.Command, body []*syntax.Stmt) (verdict, ending, error) {
	s.forgetAssigned(loop)
	if written := s.state.out; written.Known {
		s.state.out = Word{}
	}
	torn := s.torn
	_, _, err := s.either(func() (verdict, ending, error) {
		result, end, err := s.statements(body)
		if end == leavesLoop || end == leavesTurn {
			end = goesOn
		}
		return result, end, err
	}, func() (verdict, ending, error) { return maybe, goesOn, nil })
	s.torn = torn
	s.forgetAssigned(loop)
	return maybe, goesOn, err
}

// forgetAssigned makes unknown what running the node may set, however often.
func (s *shell) forgetAssigned(node syntax.Node) {
	syntax.Walk(node, func(inner syntax.Node) bool {
		switch n := inner.(type) {
		case *syntax.Assign:
			if n.Name != nil {
				delete(s.state.variables, n.Name.Value)
			}
		case *syntax.WordIter:
			delete(s.state.variables, n.Name.Value)
		case *syntax.ParamExp:
			if n.Exp != nil && n.Param != nil && (n.Exp.Op == syntax.AssignUnset || n.Exp.Op == syntax.AssignUnsetOrNull) {
				delete(s.state.variables, n.Param.Value)
			}
		case *syntax.ArithmCmd, *syntax.ArithmExp, *syntax.LetClause, *syntax.CStyleLoop:
			s.forgetNamed(n)
		case *syntax.FuncDecl:
			if n.Name != nil {
				s.state.functions[n.Name.Value] = nil
			}
		case *syntax.CallExpr:
			s.forgetBySetters(n)
		}
		return true
	})
}

// forgetNamed makes every variable that arithmetic names unknown.
func (s *shell) forgetNamed(node syntax.Node) {
	syntax.Walk(node, func(inner syntax.Node) bool {
		if word, ok := inner.(*syntax.Word); ok && word.Lit() != "" {
			delete(s.state.variables, word.Lit())
		}
		if param, ok := inner.(*syntax.ParamExp); ok && param.Param != nil {
			delete(s.state.variables, param.Param.Value)
		}
		return true
	})
}

// forgetBySetters makes unknown what builtins and functions may set.
func (s *shell) forgetBySetters(call *syntax.CallExpr) {
	if len(call.Args) == 0 {
		return
	}
	name := call.Args[0].Lit()
	_, isFunction := s.state.functions[name]
	switch name {
	case "printf":
		if len(call.Args) < 3 || call.Args[1].Lit() != "-v" {
			return
		}
		fallthrough
	case "read", "mapfile", "readarray", "getopts", "unset":
		for _, argument := range call.Args[1:] {
			if argument.Lit() == "" {
				s.state.forget()
			}
			delete(s.state.variables, argument.Lit())
		}
		if name == "mapfile" || name == "readarray" {
			delete(s.state.variables, "MAPFILE")
		}
	case "eval", "source", ".", "shift", "set", "builtin", "command", "":
		s.state.forget()
	default:
		if isFunction {
			s.state.forget()
		}
	}
}
