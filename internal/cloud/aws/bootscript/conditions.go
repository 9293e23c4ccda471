package bootscript

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// test follows [ and test.
func test(name string, words []Word) verdict {
	if name == "[" {
		if last := len(words) - 1; last < 0 || !words[last].Known || words[last].Text != "]" {
			return maybe
		}
		words = words[:len(words)-1]
	}
	return condition(words)
}

// condition follows the words by how many there are, as POSIX has it; longer ones
// are taken apart at -o and -a.
func condition(words []Word) verdict {
	switch len(words) {
	case 0:
		return no
	case 1:
		return isSet(words[0])
	case 2:
		return unary(words[0], words[1])
	case 3:
		if is(words[0], "!") {
			return condition(words[1:]).not()
		}
		if is(words[1], "-o") || is(words[1], "-a") {
			break
		}
		return compare(words[0], words[1], words[2])
	case 4:
		if is(words[0], "!") {
			return condition(words[1:]).not()
		}
	}
	for _, operator := range []string{"-o", "-a"} {
		at := slices.IndexFunc(words, func(word Word) bool { return is(word, operator) })
		if at <= 0 || at == len(words)-1 {
			continue
		}
		left, right := condition(words[:at]), condition(words[at+1:])
		if operator == "-o" {
			return either(left, right)
		}
		return both(left, right)
	}
	return maybe
}

func is(word Word, text string) bool { return word.Known && word.Text == text }

func both(a, b verdict) verdict {
	switch {
	case a == no || b == no:
		return no
	case a == yes && b == yes:
		return yes
	}
	return maybe
}

func either(a, b verdict) verdict { return both(a.not(), b.not()).not() }

// isSet reports whether a text is not empty.
func isSet(word Word) verdict {
	if !word.Known {
		return maybe
	}
	return verdictOf(word.Text != "")
}

func unary(operator, operand Word) verdict {
	switch {
	case is(operator, "!"):
		return isSet(operand).not()
	case is(operator, "-n"):
		return isSet(operand)
	case is(operator, "-z"):
		return isSet(operand).not()
	}
	return maybe // mostly files
}

func compare(left, operator, right Word) verdict {
	if !operator.Known {
		return maybe
	}
	switch operator.Text {
	case "=", "==":
		return same(left, right)
	case "!=":
		return same(left, right).not()
	}
	return compareNumbers(left, operator.Text, right)
}

func compareNumbers(left Word, operator string, right Word) verdict {
	if !left.isPlain() || !right.isPlain() {
		return maybe
	}
	a, err := strconv.Atoi(strings.TrimSpace(left.Text))
	b, wrong := strconv.Atoi(strings.TrimSpace(right.Text))
	if err != nil || wrong != nil {
		return maybe
	}
	switch operator {
	case "-eq":
		return verdictOf(a == b)
	case "-ne":
		return verdictOf(a != b)
	case "-lt":
		return verdictOf(a < b)
	case "-le":
		return verdictOf(a <= b)
	case "-gt":
		return verdictOf(a > b)
	case "-ge":
		return verdictOf(a >= b)
	}
	return maybe
}

// testExpression follows [[ ]].
func (s *shell) testExpression(expression syntax.TestExpr) (verdict, error) {
	switch x := expression.(type) {
	case *syntax.Word:
		text, err := s.word(x)
		return isSet(text), err
	case *syntax.ParenTest:
		return s.testExpression(x.X)
	case *syntax.UnaryTest:
		return s.unaryTest(x)
	case *syntax.BinaryTest:
		return s.binaryTest(x)
	}
	return maybe, nil
}

func (s *shell) unaryTest(x *syntax.UnaryTest) (verdict, error) {
	if x.Op == syntax.TsNot {
		result, err := s.testExpression(x.X)
		return result.not(), err
	}
	word, ok := x.X.(*syntax.Word)
	if !ok {
		return maybe, nil
	}
	text, err := s.word(word)
	switch x.Op {
	case syntax.TsEmpStr:
		return isSet(text).not(), err
	case syntax.TsNempStr:
		return isSet(text), err
	}
	return maybe, err
}

func (s *shell) binaryTest(x *syntax.BinaryTest) (verdict, error) {
	if x.Op == syntax.AndTest || x.Op == syntax.OrTest {
		left, err := s.testExpression(x.X)
		if err != nil {
			return maybe, err
		}
		right, err := s.testExpression(x.Y)
		if x.Op == syntax.OrTest {
			return either(left, right), err
		}
		return both(left, right), err
	}
	leftWord, ok := x.X.(*syntax.Word)
	rightWord, alsoOk := x.Y.(*syntax.Word)
	if !ok || !alsoOk {
		return maybe, nil
	}
	left, err := s.word(leftWord)
	if err != nil {
		return maybe, err
	}
	switch x.Op {
	case syntax.TsMatch, syntax.TsMatchShort:
		return s.matches(left, rightWord)
	case syntax.TsNoMatch:
		result, err := s.matches(left, rightWord)
		return result.not(), err
	case syntax.TsReMatch:
		return s.reMatch(left, rightWord)
	}
	right, err := s.word(rightWord)
	return compareNumbers(left, x.Op.String(), right), err
}

// reMatch follows =~. Quotes inside an expression make parts of it literal, which
// is not followed.
func (s *shell) reMatch(left Word, word *syntax.Word) (verdict, error) {
	expression, err := s.word(word)
	if err != nil || !left.isPlain() || !expression.isPlain() || s.anyPattern {
		return maybe, err
	}
	for _, part := range word.Parts {
		switch part.(type) {
		case *syntax.SglQuoted, *syntax.DblQuoted:
			if len(word.Parts) > 1 {
				return maybe, nil
			}
			return verdictOf(strings.Contains(left.Text, expression.Text)), nil
		}
	}
	return s.matchesExpression(left.Text, expression.Text)
}

// matchesExpression leaves expressions aside that are long: they cost most.
func (s *shell) matchesExpression(text, expression string) (verdict, error) {
	const longest = 256
	if len(expression) > longest || strings.Contains(expression, "{") {
		return maybe, nil
	}
	if err := s.spend(1, len(text)*8); err != nil {
		return maybe, err
	}
	compiled, err := regexp.Compile(expression)
	if err != nil {
		return maybe, nil
	}
	return verdictOf(compiled.MatchString(text)), nil
}
