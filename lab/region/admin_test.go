package region_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region"
)

func TestCapacityEndpoint(t *testing.T) {
	t.Parallel()
	l := open(t)
	for _, c := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"GET", "/capacity", "", 200, `[]`},
		{"PUT", "/capacity", `{"instanceType":"m5.large","zone":"us-west-2a","capacityType":"spot","available":2}`, 200, `{"pools":1}`},
		{"GET", "/capacity", "", 200, `[{"instanceType":"m5.large","zone":"us-west-2a","capacityType":"spot","available":2}]`},
		{"PUT", "/capacity", `{"instanceType":"c5.large","zone":"*","available":0}`, 200, `{"pools":6}`},
		{"PUT", "/capacity", `{"instanceType":"m5.*","zone":"us-west-2b","capacityType":"on-demand","available":0}`, 200, `{"pools":9}`},
		{"PUT", "/capacity", `{"instanceType":"m5.large","zone":"us-west-2z","available":0}`, 400, "the zones are [us-west-2a us-west-2b us-west-2c]"},
		{"PUT", "/capacity", `{"instanceType":"m5.large","available":-1}`, 400, "use 0 or more"},
		{"PUT", "/capacity", `{"instanceType":"m5.large"}`, 400, "instanceType and one of available and total are required"},
		{"PUT", "/capacity", `{"available":1}`, 400, "instanceType and one of available and total are required"},
		{"PUT", "/capacity", `{"type":"m5.large","available":1}`, 400, `unknown field \"type\"`},
		{"PUT", "/capacity", `{`, 400, "not what this request takes, as JSON"},
		{"DELETE", "/capacity", `{"instanceType":"c5.large","zone":"us-west-2a"}`, 200, `{"pools":2}`},
		{"DELETE", "/capacity", "", 200, `{"pools":14}`},
		{"GET", "/capacity", "", 200, `[]`},
		{"POST", "/capacity", "", 405, "use GET, PUT, DELETE"},
		{"GET", "/", "", 404, "the lab has no such request"},
	} {
		answer := httptest.NewRecorder()
		l.Admin().ServeHTTP(answer, httptest.NewRequestWithContext(ctx(), c.method, c.path, strings.NewReader(c.body)))
		if answer.Code != c.status || !strings.Contains(answer.Body.String(), c.says) {
			t.Errorf("%s %s %s: %d %s, want %d %s", c.method, c.path, c.body, answer.Code, answer.Body, c.status, c.says)
		}
	}
	if len(l.Capacity()) != 0 {
		t.Errorf("left are %v", l.Capacity())
	}
}

// TestWatchTellsOfEveryChange: nodes learn of machines from it, so a state that
// is left out is a node that never comes or never goes.
func TestWatchTellsOfEveryChange(t *testing.T) {
	t.Parallel()
	l := open(t, func(o *region.Options) { o.BaseNodes = 1 })
	base := *l.instances(&ec2.DescribeInstancesInput{})[0].InstanceId
	seen := make(chan machine.Machine, 100)
	stop := l.Watch(func(m machine.Machine) { seen <- m })
	defer stop()
	if m := <-seen; m.ID != base || m.State != machine.Running || m.Type != "m5.large" || m.Hardware.MaxPodsENI != 29 || len(m.UserData) == 0 || m.RootVolumeGiB != 20 {
		t.Errorf("at first %s is %s: %+v", m.ID, m.State, m)
	}
	id := l.run(1)[0]
	l.clock.Advance(boot)
	l.terminate(id)
	l.clock.Advance(shutdown)
	for _, want := range []machine.State{machine.Pending, machine.Running, machine.ShuttingDown, machine.Terminated} {
		if m := <-seen; m.ID != id || m.State != want || m.Zone != "us-west-2a" || m.Hardware.VCPU != 2 {
			t.Errorf("%s is %s in %s, want %s", m.ID, m.State, m.Zone, want)
		}
	}
}
