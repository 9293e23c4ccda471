package region_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drover-project/drover/lab/region"
	"github.com/drover-project/drover/lab/region/weather"
)

const stormFile = `apiVersion: lab.drover.sh/v1
kind: WeatherSchedule
seed: 7
events:
- at: 20m
  failZone: {zone: us-west-2b, for: 5m}
- at: 2m
  interrupt: {pool: m5.large/us-west-2a, fraction: 0.5}
- at: 2m
  recommend: {pool: c5.large/*, fraction: 0.2, false: true}
- at: 5m
  capacity: {pool: 'c5.*/us-west-2a', total: 2}
- at: 6m
  price: {pool: c5.large/us-west-2a, share: 0.9}
- at: 7m
  depth: {pool: c5.large/us-west-2a, depth: 1}
- at: 8m
  scheduleEvent: {nodes: [i-0000000000000000f], code: system-reboot}
- at: 30m
  weather: {seed: 3, intensity: 0.5}
`

func (l *lab) replay(content string) weather.Replay {
	l.t.Helper()
	return must[weather.Replay](l)(l.Weather.Replay("storm.yaml", []byte(content)))
}

func TestAFileOfEventsHappensAsItSays(t *testing.T) {
	t.Parallel()
	l := open(t)
	m5, c5 := l.runSpot("m5.large", 4), l.runSpot("c5.large", 5)
	check(t, "events", len(l.replay(stormFile).Events), 8)
	if _, err := l.Weather.Replay("again.yaml", []byte(stormFile)); err == nil || !strings.Contains(err.Error(), "storm.yaml is being replayed, 8 of its 8 events are to come") {
		t.Errorf("a second file: %v", err)
	}
	l.clock.Advance(2*time.Minute - time.Nanosecond)
	check(t, "noticed before", len(l.Weather.Status().Noticed), 0)
	l.clock.Advance(time.Nanosecond)
	check(t, "noticed", len(l.Weather.Status().Noticed), 2)
	l.clock.Advance(4 * time.Minute)
	check(t, "of m5", running(l, m5), 2)
	l.clock.Advance(2 * time.Minute)
	check(t, "of c5", running(l, c5), 2)
	pool := must[[]weather.PoolNow](l)(l.Weather.Pools(must[region.Pool](l)(weather.ParsePool("c5.large/us-west-2a")), true))[0]
	check(t, "depth", pool.Depth, 0) // nothing of it is spare
	check(t, "price", pool.USD, pool.OnDemandUSD*0.9)
	l.clock.Advance(12 * time.Minute)
	check(t, "out", l.Weather.Status().Outages[0].Zone, "us-west-2b")
	l.clock.Advance(10 * time.Minute)
	s := l.Weather.Status()
	check(t, "out", len(s.Outages), 0)
	check(t, "outcomes", len(s.Replay.Outcomes), 8)
	check(t, "ended", *s.Replay.Ended, s.Replay.Started.Add(30*time.Minute))
	check(t, "seed", s.Process.Seed, 3)
	for _, o := range s.Replay.Outcomes {
		if (o.Error != "") != (o.Event == "scheduleEvent") {
			t.Errorf("line %d, %s: %q %q", o.Line, o.Event, o.Done, o.Error)
		}
	}
	check(t, "line", s.Replay.Outcomes[0].Line, 7)
}

func running(l *lab, ids []string) (count int) {
	for _, id := range ids {
		if l.stateOf(id) == types.InstanceStateNameRunning {
			count++
		}
	}
	return count
}

func TestReplaysAreRepeatableAndGoOnAfterARestart(t *testing.T) {
	t.Parallel()
	var stories []string
	for _, restarts := range []bool{false, true} {
		l := open(t, onDisk(t))
		l.runSpot("m5.large", 6)
		l.runSpot("c5.large", 10)
		l.replay(stormFile)
		for range 60 {
			l.clock.Advance(31 * time.Second)
			if restarts {
				l.reopen()
			}
		}
		stories = append(stories, l.spotStory())
	}
	check(t, "with restarts", stories[1], stories[0])
}

func TestMistakesInFilesAreNamed(t *testing.T) {
	t.Parallel()
	l := open(t)
	files, err := filepath.Glob("testdata/weather/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, err = l.Weather.Replay(filepath.Base(file), content)
		if err == nil {
			t.Errorf("%s was taken", file)
			continue
		}
		answer := strings.TrimSuffix(file, ".yaml") + ".txt"
		if *update {
			if err := os.WriteFile(answer, []byte(err.Error()+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		wanted, readErr := os.ReadFile(answer)
		if readErr != nil {
			t.Fatal(readErr)
		}
		check(t, file, err.Error(), strings.TrimSuffix(string(wanted), "\n"))
	}
}
