package workload_test

import (
	"strings"
	"testing"

	"github.com/drover-project/drover/internal/engine"
	"github.com/drover-project/drover/internal/engine/check"
	"github.com/drover-project/drover/internal/model"
	"github.com/drover-project/drover/internal/workload"
)

const header = "instance_type,family,category,generation,arch,gpu_name,cpu_milli,memory_mib,pods,gpu,price\n"

const catalogText = header +
	"c5.large,c5,c,5,amd64,,1930,3114,29,0,0.085\n" +
	"m5.large,m5,m,5,amd64,,1930,6903,29,0,0.096\n" +
	"g4dn.xlarge,g4dn,g,4,amd64,T4,3920,14481,29,1,0.526\n"

const workloadText = `{"name":"small","zones":["a","b"],"catalog":"tiny","groups":[
{"name":"web","count":4,"cpu_milli":500,"memory_mib":512,"zone_spread":1},
{"name":"db","count":2,"cpu_milli":100,"memory_mib":1024,"host_anti":true,"node_selector":{"karpenter.k8s.aws/instance-category":"m"}},
{"name":"job","count":3,"cpu_milli":200,"memory_mib":128,"zone_affinity":true,"host_spread":2},
{"name":"train","count":1,"cpu_milli":1000,"memory_mib":2048,"gpu":1}]}`

func read(t *testing.T) *model.Snapshot {
	t.Helper()
	w, err := workload.Decode(strings.NewReader(workloadText), "small.json")
	if err != nil {
		t.Fatal(err)
	}
	catalog, err := workload.ReadCatalog(strings.NewReader(catalogText), "tiny.csv")
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := w.Snapshot(catalog)
	if err != nil {
		t.Fatal(err)
	}
	return snapshot
}

func TestSnapshotHasWhatTheFileSays(t *testing.T) {
	s := read(t)
	if len(s.Pending) != 10 || len(s.Catalogs[workload.NodeClass].Offerings) != 6 {
		t.Fatalf("%d pods, %d offerings", len(s.Pending), len(s.Catalogs[workload.NodeClass].Offerings))
	}
	web, db, job, train := s.Pending[0], s.Pending[4], s.Pending[6], s.Pending[9]
	if web.Name != "web-0" || web.Requests[model.Memory] != 512<<20 || web.TopologySpread[0].MaxSkew != 1 {
		t.Errorf("web: %+v", web)
	}
	if db.PodAntiAffinity[0].TopologyKey != "kubernetes.io/hostname" || db.PodAntiAffinity[0].Selector.MatchLabels["app"] != "db" {
		t.Errorf("db: %+v", db)
	}
	if job.PodAffinity[0].TopologyKey != "topology.kubernetes.io/zone" || job.TopologySpread[0].TopologyKey != "kubernetes.io/hostname" {
		t.Errorf("job: %+v", job)
	}
	if train.Requests[workload.ResourceGPU] != 1 {
		t.Errorf("train: %+v", train)
	}
}

// TestWorkloadCanBePlanned: what the files say is enough for a whole plan.
func TestWorkloadCanBePlanned(t *testing.T) {
	s := read(t)
	plan, report := engine.Solve(s, model.Settings{})
	if len(report.Unplaced) > 0 {
		t.Errorf("unplaced: %+v", report.Unplaced)
	}
	for _, violation := range check.Plan(s, plan) {
		t.Error(violation)
	}
}

func TestBadWorkloadsSayWhatIsWrong(t *testing.T) {
	group := func(fields string) string {
		return `{"name":"x","zones":["a"],"groups":[{"name":"ok","count":1,"cpu_milli":1,"memory_mib":1},` + "\n" + `{` + fields + `}]}`
	}
	for _, c := range []struct{ text, want string }{
		{`{"name":"x"`, "bad.json: the text ends before"},
		{"{\n\"name\":\"x\",]", "bad.json: line 2: not JSON"},
		{`{"name":"x","zones":["a"],"colour":1}`, `unknown field "colour"`},
		{`{"name":"x","groups":[]}`, "zones is empty"},
		{`{"name":"x","zones":["a","a"]}`, "zones[1]"},
		{`{"name":"x","zones":["a"],"groups":[]} {}`, "more text after the end"},
		{group(`"name":"b","count":1,"cpu":3`), `groups[1]: unknown field "cpu"`},
		{group(`"name":"b","count":"two"`), `groups[1]: line 2: field "count" must be a whole number, not a JSON string`},
		{group(`"name":"b","count":1.5`), `field "count" must be a whole number`},
		{group(`"name":"b","count":0`), "groups[1] (b): count is 0; it must be from 1"},
		{group(`"name":"b","count":1,"cpu_milli":-5`), "cpu_milli is -5"},
		{group(`"name":"ok","count":1`), `groups[1]: name "ok" is taken by groups[0]`},
		{group(`"name":"No","count":1`), "must be a DNS label"},
		{group(`"name":"b","count":1,"node_selector":{"":"x"}`), "empty label key"},
		{group(`"name":"b","count":1,"node_selector":["x"]`), "an object of strings"},
	} {
		_, err := workload.Decode(strings.NewReader(c.text), "bad.json")
		if err == nil || !strings.HasPrefix(err.Error(), "bad.json: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\ngot  %v\nwant %s", c.text, err, c.want)
		}
	}
}

func TestBadCatalogsSayWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "empty; the first line must be instance_type"},
		{"instance_type,price\n", `line 1: no column "family"`},
		{header, "no instance type after the header"},
		{header + "a,b\n", "wrong number of fields"},
		{header + "c5.large,c5,c,5,amd64,,x,3114,29,0,0.085\n", `line 2: column cpu_milli is "x"`},
		{header + "c5.large,c5,c,5,amd64,,1,3114,29,0,0\n", `line 2: column price is "0"`},
		{header + "c5.large,c5,c,5,amd64,,1,3114,29,0,NaN\n", "line 2: column price"},
		{header + ",c5,c,5,amd64,,1,3114,29,0,1\n", "line 2: column instance_type is empty"},
		{catalogText + "c5.large,c5,c,5,amd64,,1,3114,29,0,1\n", `line 5: column instance_type is "c5.large", which line 2 has already`},
	} {
		_, err := workload.ReadCatalog(strings.NewReader(c.text), "bad.csv")
		if err == nil || !strings.HasPrefix(err.Error(), "bad.csv: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q\ngot  %v\nwant %s", c.text, err, c.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(workloadText)
	f.Fuzz(func(t *testing.T, text string) {
		if w, err := workload.Decode(strings.NewReader(text), "f.json"); err == nil && len(w.Zones) == 0 {
			t.Error("a workload without zones")
		}
	})
}

func FuzzReadCatalog(f *testing.F) {
	f.Add(catalogText)
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := workload.ReadCatalog(strings.NewReader(text), "f.csv"); err == nil && len(c.Types) == 0 {
			t.Error("a catalogue without types")
		}
	})
}
