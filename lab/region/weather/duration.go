package weather

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Duration is a duration that is written as 2m or 1h30m.
type Duration time.Duration

// String is the duration without units that are zero.
func (d Duration) String() string {
	text := time.Duration(d).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// ParseDuration reads a duration that is not negative.
func ParseDuration(text string) (Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a duration: use one such as 90s, 2m or 1h30m", text)
	}
	return Duration(d), nil
}

// MarshalJSON writes it as text.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads it as text.
func (d *Duration) UnmarshalJSON(text []byte) (err error) {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("%s is not a duration: use one such as \"2m\"", text)
	}
	*d, err = ParseDuration(s)
	return err
}
