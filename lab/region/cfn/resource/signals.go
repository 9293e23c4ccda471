package resource

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// wanted is how many signals a policy waits for, and for how long.
type wanted struct {
	count   int
	percent int
	timeout time.Duration
}

const (
	defaultSignalTimeout = 5 * time.Minute
	longestSignalTimeout = 12 * time.Hour
)

// wantedSignals reads the creation policy.
func (c *Call) wantedSignals() (wanted, bool) {
	w := wanted{count: 1, percent: 100, timeout: defaultSignalTimeout}
	if percent := c.CreationPolicy.Object("AutoScalingCreationPolicy").Text("MinSuccessfulInstancesPercent"); percent != "" {
		w.percent, _ = strconv.Atoi(percent)
	}
	signal := c.CreationPolicy.Object("ResourceSignal")
	if signal == nil {
		return w, false
	}
	if count := signal.Text("Count"); count != "" {
		w.count, _ = strconv.Atoi(count)
	}
	if text := signal.Text("Timeout"); text != "" {
		if d, err := ParseDuration(text); err == nil {
			w.timeout = min(d, longestSignalTimeout)
		}
	}
	return w, true
}

// signalled reports whether enough machines said that they work; an error when
// that cannot be any more.
func (c *Call) signalled(w wanted) (bool, error) {
	success, failure := 0, 0
	for _, s := range c.Signals {
		if s.Success {
			success++
		} else {
			failure++
		}
	}
	need := (w.count*w.percent + 99) / 100
	if success >= need {
		return true, nil
	}
	if failure > w.count-need {
		return false, Failed{Reason: fmt.Sprintf("Received %d FAILURE signal(s) out of %d.  Unable to satisfy %d%% MinSuccessfulInstancesPercent requirement", failure, w.count, w.percent)}
	}
	if c.World.Unscaled(c.Now.Sub(c.Since)) >= w.timeout {
		return false, Failed{Reason: fmt.Sprintf("Failed to receive %d resource signal(s) within the specified duration", need-success)}
	}
	return false, nil
}

// durationPattern is the part of ISO 8601 that policies use: PT1H30M10S.
var durationPattern = regexp.MustCompile(`^PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?$`)

// ParseDuration reads a duration such as PT15M.
func ParseDuration(text string) (time.Duration, error) {
	m := durationPattern.FindStringSubmatch(text)
	if m == nil || text == "PT" {
		return 0, fmt.Errorf("%q is not a duration such as PT15M", text)
	}
	var d time.Duration
	for i, unit := range []time.Duration{time.Hour, time.Minute, time.Second} {
		if m[i+1] != "" {
			n, err := strconv.Atoi(m[i+1])
			if err != nil {
				return 0, err
			}
			d += time.Duration(n) * unit
		}
	}
	return d, nil
}
