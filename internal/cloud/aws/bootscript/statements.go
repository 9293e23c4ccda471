package bootscript

import (
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// verdict is whether a command succeeds.
type verdict int8

const (
	maybe verdict = iota
	yes
	no
)

func verdictOf(holds bool) verdict {
	if holds {
		return yes
	}
	return no
}

func (v verdict) not() verdict {
	switch v {
	case yes:
		return no
	case no:
		return yes
	}
	return maybe
}

// ending is what a statement ends besides itself.
type ending int8

const (
	goesOn ending = iota
	leavesTurn
	leavesLoop
	leavesFunction
	leavesShell
)

func (s *shell) statements(list []*syntax.Stmt) (verdict, ending, error) {
	result := yes
	for _, statement := range list {
		var end ending
		var err error
		result, end, err = s.statement(statement)
		if err != nil || end != goesOn {
			return result, end, err
		}
	}
	return result, goesOn, nil
}

func (s *shell) statement(statement *syntax.Stmt) (verdict, ending, error) {
	if err := s.spend(1, 0); err != nil {
		return maybe, goesOn, err
	}
	stdin, out := s.state.stdin, s.state.out
	restored, err := s.redirect(statement.Redirs)
	if err != nil {
		return maybe, goesOn, err
	}
	var result verdict
	var end ending
	if statement.Background || statement.Coprocess {
		err = s.inSubshell(func() (verdict, ending, error) { return s.command(statement.Cmd) }, &result)
		result = yes
	} else {
		result, end, err = s.command(statement.Cmd)
	}
	s.state.stdin = stdin
	if restored {
		s.state.out = out
	}
	if statement.Negated {
		result = result.not()
	}
	return result, end, err
}

// redirect takes what a statement reads from, and reports whether what it writes
// goes somewhere else. What it may write to a file is not read again.
func (s *shell) redirect(list []*syntax.Redirect) (elsewhere bool, err error) {
	for _, one := range list {
		isOut := one.N == nil || one.N.Value == "1"
		switch one.Op {
		case syntax.RdrOut, syntax.AppOut, syntax.RdrClob, syntax.DplOut:
			elsewhere = elsewhere || isOut
		case syntax.RdrAll, syntax.AppAll:
			elsewhere = true
		case syntax.WordHdoc:
			if s.state.stdin, err = s.word(one.Word); err == nil && s.state.stdin.Known {
				s.state.stdin.Text += "\n"
			}
		case syntax.Hdoc, syntax.DashHdoc:
			s.state.stdin, err = s.expanded(one.Hdoc, expand.Document)
		default:
			s.state.stdin = Word{}
		}
		if err != nil {
			return elsewhere, err
		}
	}
	return elsewhere, nil
}

func (s *shell) command(command syntax.Command) (verdict, ending, error) {
	switch c := command.(type) {
	case nil:
		return yes, goesOn, nil
	case *syntax.CallExpr:
		return s.simple(c)
	case *syntax.DeclClause:
		return s.declare(c)
	case *syntax.Block:
		return s.statements(c.Stmts)
	case *syntax.Subshell:
		var result verdict
		err := s.inSubshell(func() (verdict, ending, error) { return s.statements(c.Stmts) }, &result)
		return result, goesOn, err
	case *syntax.IfClause:
		return s.ifClause(c)
	case *syntax.CaseClause:
		return s.caseClause(c)
	case *syntax.WhileClause:
		return s.whileClause(c)
	case *syntax.ForClause:
		return s.forClause(c)
	case *syntax.BinaryCmd:
		return s.binary(c)
	case *syntax.TestClause:
		result, err := s.testExpression(c.X)
		return result, goesOn, err
	case *syntax.FuncDecl:
		for _, name := range append([]*syntax.Lit{c.Name}, c.Names...) {
			if name != nil {
				s.state.functions[name.Value] = c.Body
			}
		}
		return yes, goesOn, nil
	case *syntax.TimeClause:
		if c.Stmt != nil {
			return s.statement(c.Stmt)
		}
		return yes, goesOn, nil
	}
	// Arithmetic and what else there is: only that it may set variables counts.
	s.forgetAssigned(command)
	return maybe, goesOn, nil
}

// inSubshell follows what cannot change the shell that starts it; what it writes
// is added to what that shell writes.
func (s *shell) inSubshell(follow func() (verdict, ending, error), result *verdict) error {
	outer := s.state
	s.state = outer.clone()
	s.state.out = Word{Known: true}
	here := &frame{subshell: true}
	s.frames = append(s.frames, here)
	err := s.spend(1+len(outer.variables)/16, 0)
	if err == nil {
		*result, _, err = follow()
	}
	s.frames = s.frames[:len(s.frames)-1]
	for _, early := range here.ended {
		s.state.merge(early)
		*result = maybe
	}
	out := s.state.out
	s.state = outer
	if err != nil {
		return err
	}
	return s.print(out)
}

// output is what a subshell writes.
func (s *shell) output(list []*syntax.Stmt) (Word, verdict, error) {
	outer := s.state.out
	s.state.out = Word{Known: true}
	var result verdict
	err := s.inSubshell(func() (verdict, ending, error) { return s.statements(list) }, &result)
	written := s.state.out
	s.state.out = outer
	return written, result, err
}

func (s *shell) binary(c *syntax.BinaryCmd) (verdict, ending, error) {
	if c.Op == syntax.Pipe || c.Op == syntax.PipeAll {
		return s.pipe(c)
	}
	left, end, err := s.statement(c.X)
	if err != nil || end != goesOn {
		return left, end, err
	}
	decides := yes
	if c.Op == syntax.OrStmt {
		decides = no
	}
	switch left {
	case decides:
		return s.statement(c.Y)
	case maybe:
		skipped := decides.not()
		return s.either(func() (verdict, ending, error) { return s.statement(c.Y) },
			func() (verdict, ending, error) { return skipped, goesOn, nil })
	}
	return left, goesOn, nil
}

func (s *shell) pipe(c *syntax.BinaryCmd) (verdict, ending, error) {
	written, _, err := s.output([]*syntax.Stmt{c.X})
	if err != nil {
		return maybe, goesOn, err
	}
	stdin := s.state.stdin
	s.state.stdin = written
	var result verdict
	err = s.inSubshell(func() (verdict, ending, error) { return s.statement(c.Y) }, &result)
	s.state.stdin = stdin
	return result, goesOn, err
}

// either follows two ways of which one is taken; what they differ in is not known
// afterwards.
func (s *shell) either(one, other func() (verdict, ending, error)) (verdict, ending, error) {
	before := s.state
	if err := s.spend(1+len(before.variables)/16, len(before.out.Text)); err != nil {
		return maybe, goesOn, err
	}
	s.state = before.clone()
	first, firstEnd, err := one()
	if err != nil {
		return maybe, goesOn, err
	}
	afterFirst := s.state
	s.state = before
	second, secondEnd, err := other()
	switch {
	case err != nil:
		return maybe, goesOn, err
	case firstEnd == secondEnd:
		s.state.merge(afterFirst)
	case firstEnd != goesOn && secondEnd != goesOn:
		s.endsEarly(firstEnd, afterFirst)
		return maybe, secondEnd, nil
	case firstEnd != goesOn:
		s.endsEarly(firstEnd, afterFirst)
		return second, goesOn, nil
	default:
		s.endsEarly(secondEnd, s.state)
		s.state = afterFirst
		return first, goesOn, nil
	}
	if first != second {
		first = maybe
	}
	return first, firstEnd, nil
}

// endsEarly notes what may be the state after the function, subshell or loop that
// is left. A script that has ended starts nothing more.
func (s *shell) endsEarly(end ending, after *state) {
	if end == leavesLoop || end == leavesTurn {
		s.torn = true
		return
	}
	for i := len(s.frames) - 1; i >= 0; i-- {
		if end == leavesFunction || s.frames[i].subshell {
			s.frames[i].ended = append(s.frames[i].ended, after)
			return
		}
	}
}

func (s *shell) ifClause(c *syntax.IfClause) (verdict, ending, error) {
	if len(c.Cond) == 0 { // else
		return s.statements(c.Then)
	}
	holds, end, err := s.statements(c.Cond)
	if err != nil || end != goesOn {
		return holds, end, err
	}
	then := func() (verdict, ending, error) { return s.statements(c.Then) }
	otherwise := func() (verdict, ending, error) {
		if c.Else == nil {
			return yes, goesOn, nil
		}
		return s.ifClause(c.Else)
	}
	switch holds {
	case yes:
		return then()
	case no:
		return otherwise()
	}
	return s.either(then, otherwise)
}

func (s *shell) caseClause(c *syntax.CaseClause) (verdict, ending, error) {
	value, err := s.word(c.Word)
	if err != nil {
		return maybe, goesOn, err
	}
	return s.caseItems(value, c.Items)
}

func (s *shell) caseItems(value Word, items []*syntax.CaseItem) (verdict, ending, error) {
	if len(items) == 0 {
		return yes, goesOn, nil
	}
	item := items[0]
	holds := no
	for _, pattern := range item.Patterns {
		matches, err := s.matches(value, pattern)
		if err != nil {
			return maybe, goesOn, err
		}
		if matches == yes || holds == no {
			holds = matches
		}
		if holds == yes {
			break
		}
	}
	if item.Op != syntax.Break {
		holds = maybe // it may go on with the next item
		s.forgetAssigned(&syntax.CaseClause{Word: &syntax.Word{}, Items: items})
		defer s.forgetAssigned(&syntax.CaseClause{Word: &syntax.Word{}, Items: items})
	}
	then := func() (verdict, ending, error) { return s.statements(item.Stmts) }
	rest := func() (verdict, ending, error) { return s.caseItems(value, items[1:]) }
	switch holds {
	case yes:
		return then()
	case no:
		return rest()
	}
	return s.either(then, rest)
}
