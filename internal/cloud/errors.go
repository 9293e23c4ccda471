package cloud

import (
	"errors"
	"fmt"

	"github.com/drover-project/drover/internal/model"
)

// ErrNotFound says that the thing asked for does not exist (any more).
var ErrNotFound = errors.New("not found")

// IsNotFound reports whether err means that the thing is gone.
func IsNotFound(err error) bool { return errors.Is(err, ErrNotFound) }

// CapacityError says that none of the offerings could be bought now: give the
// launch up, remember the pools, plan again.
type CapacityError struct {
	Unavailable []model.Offering
	Message     string
}

func (e *CapacityError) Error() string {
	return fmt.Sprintf("no capacity in any of %d offerings: %s", len(e.Unavailable), e.Message)
}

// TerminalError says that repeating the call cannot help until a person changes
// something; Reason is a CamelCase word for a condition.
type TerminalError struct {
	Reason string
	Err    error
}

func (e *TerminalError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *TerminalError) Unwrap() error { return e.Err }

// MinSizeError says that a group may not shrink below its minimum.
type MinSizeError struct {
	Message string
}

func (e *MinSizeError) Error() string { return e.Message }
