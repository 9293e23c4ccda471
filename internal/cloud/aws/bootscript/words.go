package bootscript

import (
	"io"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/pattern"
	"mvdan.cc/sh/v3/syntax"
)

// expansion is a word before it is expanded: what its commands write, and whether
// all of it is known.
type expansion struct {
	known  bool
	opaque bool // some of it is Opaque
	// reshaped text must not be opaque: what is cut from it is not known.
	reshaped bool
	written  map[*syntax.CmdSubst]string
	cost     int
}

// look follows the commands in a word and looks its variables up.
func (s *shell) look(node syntax.Node) (*expansion, error) {
	x := &expansion{known: true, written: map[*syntax.CmdSubst]string{}, cost: 16}
	var failed error
	syntax.Walk(node, func(inner syntax.Node) bool {
		if failed != nil {
			return false
		}
		switch part := inner.(type) {
		case *syntax.CmdSubst:
			var text Word
			if text, _, failed = s.output(part.Stmts); failed == nil {
				x.add(text)
				x.written[part] = text.Text
			}
			return false
		case *syntax.ParamExp:
			x.param(s, part)
		case *syntax.ArithmExp, *syntax.ProcSubst, *syntax.ExtGlob:
			x.known = false
			s.forgetAssigned(inner)
			return false
		case *syntax.Lit:
			x.cost += len(part.Value)
		case *syntax.SglQuoted:
			x.cost += len(part.Value)
		}
		return true
	})
	if failed == nil {
		failed = s.spend(1, x.cost)
	}
	if x.opaque && x.reshaped {
		x.known = false
	}
	return x, failed
}

func (x *expansion) add(text Word) {
	x.known = x.known && text.Known
	x.opaque = x.opaque || strings.Contains(text.Text, Opaque) || strings.Contains(text.Text, partial)
	x.cost += len(text.Text)
}

// param looks a variable up. Forms that could make much of little, or that depend
// on more than the variable, are not followed.
func (x *expansion) param(s *shell, part *syntax.ParamExp) {
	if part.Param == nil || part.Excl || part.Index != nil || part.Names != 0 || part.Repl != nil || part.NestedParam != nil ||
		!byNumbers(part.Slice) {
		x.known = false
		return
	}
	value, found := s.lookUp(part.Param.Value)
	if !found {
		x.known = false
		return
	}
	x.add(value)
	x.reshaped = x.reshaped || part.Length || part.Slice != nil
	if part.Exp == nil {
		return
	}
	switch part.Exp.Op {
	case syntax.AlternateUnset, syntax.AlternateUnsetOrNull, syntax.DefaultUnset, syntax.DefaultUnsetOrNull:
	case syntax.AssignUnset, syntax.AssignUnsetOrNull, syntax.ErrorUnset, syntax.ErrorUnsetOrNull:
		// These act only on a variable that is not set or empty.
		x.known = x.known && value.Text != ""
	case syntax.RemSmallPrefix, syntax.RemLargePrefix, syntax.RemSmallSuffix, syntax.RemLargeSuffix,
		syntax.LowerAll, syntax.LowerFirst, syntax.UpperAll, syntax.UpperFirst:
		x.reshaped = true
	default:
		x.known = false
	}
}

// byNumbers reports whether a text is cut, if at all, at places that are written
// out.
func byNumbers(slice *syntax.Slice) bool {
	plain := true
	if slice == nil {
		return true
	}
	for _, at := range []syntax.ArithmExpr{slice.Offset, slice.Length} {
		if at == nil {
			continue
		}
		syntax.Walk(at, func(node syntax.Node) bool {
			switch n := node.(type) {
			case nil, *syntax.Word, *syntax.UnaryArithm, *syntax.ParenArithm:
			case *syntax.Lit:
				plain = plain && isNumber.MatchString(n.Value)
			default:
				plain = false
			}
			return plain
		})
	}
	return plain
}

// lookUp finds a variable or a parameter; those that the script has not set come
// from its environment and are not known.
func (s *shell) lookUp(name string) (Word, bool) {
	params := s.state.params
	if number, err := strconv.Atoi(name); err == nil || name == "@" || name == "*" || name == "#" {
		switch {
		case s.state.paramsUnknown || name == "0":
			return Word{}, false
		case name == "#":
			return Word{Text: strconv.Itoa(len(params)), Known: true}, true
		case err == nil && number <= len(params):
			return params[number-1], params[number-1].Known
		case err == nil:
			return Word{Known: true}, true
		}
		all := Word{Known: true}
		for _, param := range params {
			all.Known = all.Known && param.Known
			all.Text += param.Text + " "
		}
		return all, all.Known
	}
	value, known := s.state.variables[name]
	return value.Word, known
}

// environment is what words are expanded by once all in them is known.
type environment struct{ s *shell }

func (e environment) Get(name string) expand.Variable {
	if name == "@" || name == "*" {
		list := make([]string, 0, len(e.s.state.params))
		for _, param := range e.s.state.params {
			list = append(list, param.Text)
		}
		return expand.Variable{Set: true, Kind: expand.Indexed, List: list}
	}
	value, found := e.s.lookUp(name)
	number, err := strconv.Atoi(name)
	isUnset := e.s.state.variables[name].unset || err == nil && number > len(e.s.state.params)
	return expand.Variable{Set: found && !isUnset, Kind: expand.String, Str: value.Text}
}

func (environment) Each(func(string, expand.Variable) bool) {}

func (s *shell) config(x *expansion) *expand.Config {
	return &expand.Config{Env: environment{s}, CmdSubst: func(w io.Writer, part *syntax.CmdSubst) error {
		_, err := io.WriteString(w, x.written[part])
		return err
	}}
}

// word expands a word to one text, as in an assignment.
func (s *shell) word(word *syntax.Word) (Word, error) { return s.expanded(word, expand.Literal) }

func (s *shell) expanded(word *syntax.Word, by func(*expand.Config, *syntax.Word) (string, error)) (Word, error) {
	if word == nil {
		return Word{Known: true}, nil
	}
	x, err := s.look(word)
	if err != nil || !x.known || isHome(word) {
		return Word{}, err
	}
	text, err := by(s.config(x), word)
	return Word{Text: text, Known: err == nil}, nil
}

// fields expands words to arguments. One that is not known is one argument, which
// may turn out to be none or several.
func (s *shell) fields(words []*syntax.Word) ([]Word, error) {
	var fields []Word
	for _, word := range words {
		x, err := s.look(word)
		switch {
		case err != nil:
			return nil, err
		case !x.known || isHome(word) || mayHaveBraces(word) || s.anySplit && isSplit(word):
			fields = append(fields, Word{})
			continue
		}
		texts, err := expand.Fields(s.config(x), word)
		if err != nil {
			fields = append(fields, Word{})
			continue
		}
		for _, text := range texts {
			fields = append(fields, Word{Text: text, Known: true})
		}
	}
	return fields, nil
}

// isSplit reports whether what a word is made of is taken apart at separators.
func isSplit(word *syntax.Word) bool {
	return slices.ContainsFunc(word.Parts, func(part syntax.WordPart) bool {
		switch part.(type) {
		case *syntax.ParamExp, *syntax.CmdSubst:
			return true
		}
		return false
	})
}

// isHome reports whether a word begins with somebody's home directory.
func isHome(word *syntax.Word) bool {
	if len(word.Parts) == 0 {
		return false
	}
	first, ok := word.Parts[0].(*syntax.Lit)
	return ok && strings.HasPrefix(first.Value, "~")
}

// mayHaveBraces reports whether a word may be several in short: a few of them make
// more than fits anywhere.
func mayHaveBraces(word *syntax.Word) bool {
	open := false
	for _, part := range word.Parts {
		lit, ok := part.(*syntax.Lit)
		if !ok {
			if _, braces := part.(*syntax.BraceExp); braces {
				return true
			}
			continue
		}
		open = open || strings.Contains(lit.Value, "{")
		if open && (strings.Contains(lit.Value, ",") || strings.Contains(lit.Value, "..")) {
			return true
		}
	}
	return false
}

// matches reports whether a text matches a shell pattern.
func (s *shell) matches(text Word, word *syntax.Word) (verdict, error) {
	x, err := s.look(word)
	if err != nil || !x.known || !text.Known || s.anyPattern || isHome(word) {
		return maybe, err
	}
	shape, err := expand.Pattern(s.config(x), word)
	if err != nil {
		return maybe, nil
	}
	if shape == "*" {
		return yes, nil
	}
	if !pattern.HasMeta(shape, 0) {
		plain, err := expand.Literal(s.config(x), word)
		if err != nil {
			return maybe, nil
		}
		return same(text, Word{Text: plain, Known: true}), nil
	}
	if !text.isPlain() {
		return maybe, nil
	}
	expression, err := pattern.Regexp(shape, pattern.EntireString)
	if err != nil {
		return maybe, nil
	}
	return s.matchesExpression(text.Text, expression)
}

// isPlain reports whether every character of the text is known.
func (w Word) isPlain() bool {
	return w.Known && !strings.Contains(w.Text, Opaque) && !strings.Contains(w.Text, partial)
}

// same reports whether two texts are equal. What only the machine knows is taken
// for different from nothing, and from the words that say there is nothing.
func same(a, b Word) verdict {
	switch {
	case !a.Known || !b.Known || strings.Contains(a.Text+b.Text, partial):
		return maybe
	case a.isPlain() && b.isPlain():
		return verdictOf(a.Text == b.Text)
	case !a.isPlain() && !b.isPlain():
		return maybe
	case a.isPlain():
		a, b = b, a
	}
	opaque, plain := []rune(a.Text), []rune(b.Text)
	for len(opaque) > 0 && len(plain) > 0 && opaque[0] == plain[0] {
		opaque, plain = opaque[1:], plain[1:]
	}
	for len(opaque) > 0 && len(plain) > 0 && opaque[len(opaque)-1] == plain[len(plain)-1] {
		opaque, plain = opaque[:len(opaque)-1], plain[:len(plain)-1]
	}
	if rest := strings.ToLower(string(plain)); rest == "" || string(opaque) == Opaque && (rest == "none" || rest == "null") {
		return no
	}
	if len(opaque) > 0 && !strings.HasPrefix(string(opaque), Opaque) && len(plain) > 0 {
		return no // they begin differently
	}
	return maybe
}
