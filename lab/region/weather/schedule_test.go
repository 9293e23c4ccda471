package weather_test

import (
	"strings"
	"testing"
	"time"

	"github.com/drover-project/drover/lab/region/weather"
)

const head = "apiVersion: lab.drover.sh/v1\nkind: WeatherSchedule\nevents:\n"

func TestEventsAreInOrderOfTheirTime(t *testing.T) {
	s, err := weather.ReadSchedule("f", []byte(head+`- {at: 2m, depth: {pool: a/b, depth: 1}}
- {at: 1m, failZone: {zone: a}}
- {at: 1m, restoreZone: {zone: a}}
- {at: 90s, weather: {stop: true}}
`))
	if err != nil {
		t.Fatal(err)
	}
	var lines []int
	for _, e := range s.Events {
		lines = append(lines, e.Line)
	}
	if len(lines) != 4 || lines[0] != 5 || lines[1] != 6 || lines[2] != 7 || lines[3] != 4 || s.Events[2].At != weather.Duration(90*time.Second) {
		t.Errorf("the events are those of lines %v", lines)
	}
}

func TestNumbersThatAreNone(t *testing.T) {
	for _, event := range []string{
		"weather: {intensity: NaN}", "weather: {intensity: +Inf}", "weather: {stop: true, seed: 1}", "interrupt: {fraction: NaN}", "interrupt: {fraction: 1e9}",
		"price: {pool: a/b, usd: NaN}", "price: {pool: a/b, share: -1}", "price: {pool: a/b, usd: +Inf}", "depth: {pool: a/b}", "interrupt: {all: true, notice: 1}",
		"interrupt: &x {all: true, pool: *x}", "interrupt: {<<: {all: true}}", "interrupt: null", "interrupt: {nodes: {a: b}}", "failZone: {zone: [a]}",
	} {
		_, err := weather.ReadSchedule("f", []byte(head+"- at: 1m\n  "+event+"\n"))
		if err == nil || !strings.HasPrefix(err.Error(), "f:5: ") {
			t.Errorf("%s: %v", event, err)
		}
	}
}

// FuzzReadSchedule: no file makes the reader fall over, and each that is taken
// has events.
func FuzzReadSchedule(f *testing.F) {
	f.Add([]byte(head + "- {at: 1m, interrupt: {all: true}}\n"))
	f.Add([]byte(head + "- &a [*a]\n"))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, content []byte) {
		s, err := weather.ReadSchedule("f", content)
		if err == nil && len(s.Events) == 0 {
			t.Errorf("%q was taken", content)
		}
	})
}

// TestFarTimesAreNoBusyLoop: what is to happen in three hundred years waits.
func TestFarTimesAreNoBusyLoop(t *testing.T) {
	r := open(t, 10)
	r.launch()
	far := weather.Duration(280 * 365 * 24 * time.Hour)
	if _, err := r.weather.Interrupt(weather.Interruption{Selection: weather.Selection{All: true}, Notice: &far}); err != nil {
		t.Fatal(err)
	}
	r.clock.Advance(10 * 24 * time.Hour) // it would not return
	if s := r.weather.Status(); len(s.Noticed) != 1 {
		t.Errorf("%+v", s)
	}
}
