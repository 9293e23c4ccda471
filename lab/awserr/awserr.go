// Package awserr is the error a simulated AWS operation answers with. The wire
// layer turns it into the shape of the service's protocol.
package awserr

import (
	"errors"
	"fmt"
)

// Error has a service's own error code, such as InvalidInstanceID.NotFound.
type Error struct {
	Code    string
	Message string
	// Status is the HTTP status; 0 means 400.
	Status int
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// ErrorCode is the service's code.
func (e *Error) ErrorCode() string { return e.Code }

// New makes a 400 error.
func New(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// WithStatus makes an error with its own HTTP status.
func WithStatus(status int, code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Status: status}
}

// Translate gives an error the code that codes has for its own: services name
// the same mistake differently. Other errors, and nil, stay as they are.
func Translate(err error, codes map[string]string) error {
	var known *Error
	if !errors.As(err, &known) {
		return err
	}
	code, differs := codes[known.Code]
	if !differs {
		return err
	}
	return &Error{Code: code, Message: known.Message, Status: known.Status}
}
