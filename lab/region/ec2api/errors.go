package ec2api

import (
	"fmt"
	"regexp"

	"github.com/drover-project/drover/lab/awserr"
)

func invalid(format string, args ...any) error {
	return awserr.New("InvalidParameterValue", "%s", fmt.Sprintf(format, args...))
}

func invalidCombination(text string) error {
	return awserr.New("InvalidParameterCombination", "%s", text)
}

func missing(parameter string) error {
	return awserr.New("MissingParameter", "The request must contain the parameter %s", parameter)
}

func unsupported(what string) error {
	return awserr.New("UnsupportedOperation", "Not supported by this endpoint: %s.", what)
}

var idPattern = regexp.MustCompile(`^[a-z]+-[0-9a-f]+$`)

// malformed is the error for an id that cannot be one, nil when it can.
func malformed(code, id, prefix string) error {
	if idPattern.MatchString(id) && len(id) > len(prefix) && id[:len(prefix)] == prefix {
		return nil
	}
	return awserr.New(code, "Invalid id: %q (expecting %q)", id, prefix+"...")
}
