// Package logging writes JSON lines in the shape of Karpenter's: level, time,
// logger, message, commit, then the line's own fields.
package logging

import (
	"fmt"
	"io"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/zapr"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// timeLayout is ISO 8601 in UTC with milliseconds.
const timeLayout = "2006-01-02T15:04:05.000Z"

// Quiet is the level for libraries when drover itself logs at level: what they
// tell step by step is for debugging, their warnings and errors are for people.
func Quiet(level string) string {
	if level == "info" {
		return "warn"
	}
	return level
}

// New returns a logger named "controller" that writes to out. The level is
// debug, info, warn or error.
func New(out io.Writer, level, commit string) (logr.Logger, error) {
	lowest, err := zapcore.ParseLevel(level)
	if err != nil {
		return logr.Logger{}, fmt.Errorf("log level %q is not one of debug, info, warn, error", level)
	}
	encoder := zapcore.NewJSONEncoder(zapcore.EncoderConfig{
		LevelKey:       "level",
		TimeKey:        "time",
		NameKey:        "logger",
		MessageKey:     "message",
		LineEnding:     zapcore.DefaultLineEnding,
		EncodeLevel:    zapcore.CapitalLevelEncoder,
		EncodeDuration: zapcore.StringDurationEncoder,
		EncodeTime: func(at time.Time, array zapcore.PrimitiveArrayEncoder) {
			array.AppendString(at.UTC().Format(timeLayout))
		},
	})
	core := zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(out)), lowest)
	return zapr.NewLogger(zap.New(core).With(zap.String("commit", commit))).WithName("controller"), nil
}
