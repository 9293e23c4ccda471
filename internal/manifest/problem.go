package manifest

import (
	"fmt"
	"strings"
)

// Problem is one thing wrong with the input.
type Problem struct {
	File string
	// Line is 0 when the problem is the file's as a whole.
	Line int
	// Field is a path such as spec.template.spec.containers[0].image; it may be
	// empty.
	Field   string
	Message string
	// Right is what was probably meant, ready to be written; it may be empty.
	Right string
}

func (p Problem) Error() string {
	var text strings.Builder
	text.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&text, ":%d", p.Line)
	}
	text.WriteString(": ")
	if p.Field != "" {
		fmt.Fprintf(&text, "field %s: ", p.Field)
	}
	text.WriteString(p.Message)
	if p.Right != "" {
		fmt.Fprintf(&text, "; did you mean %s?", p.Right)
	}
	return text.String()
}

// Problems are all that is wrong with an input, in the order of the input.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].Error()
	}
	return strings.Join(lines, "\n")
}
