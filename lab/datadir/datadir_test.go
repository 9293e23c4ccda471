package datadir

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func open(t *testing.T, path string) *Dir {
	t.Helper()
	dir, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dir.Close() })
	return dir
}

func TestSecondLabIsToldOfTheFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lab")
	first := open(t, path)
	_, err := Open(path)
	var inUse *InUseError
	if !errors.As(err, &inUse) || inUse.PID != os.Getpid() || !strings.Contains(err.Error(), "drover-lab down") {
		t.Fatalf("error %v", err)
	}
	if pid, running, err := Holder(path); err != nil || !running || pid != os.Getpid() {
		t.Errorf("holder %d, %v, %v", pid, running, err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path)
}

func TestHolderOfNothing(t *testing.T) {
	if _, running, err := Holder(filepath.Join(t.TempDir(), "none")); err != nil || running {
		t.Errorf("running %v, %v", running, err)
	}
}

func TestOpenRefusesAFolderOfSomethingElse(t *testing.T) {
	path := t.TempDir()
	if err := os.WriteFile(filepath.Join(path, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "--data-dir") {
		t.Errorf("error %v", err)
	}
	if err := Remove(path); err == nil {
		t.Error("removed from a folder that is not a lab's")
	}
	if _, err := os.Stat(filepath.Join(path, "thesis.txt")); err != nil {
		t.Error(err)
	}
}

func TestOpenSaysThatAPlaceCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(file, "lab")); err == nil || !strings.Contains(err.Error(), "--data-dir") {
		t.Errorf("error %v", err)
	}
}

var usual = Place{Region: "us-west-2", Cluster: "blue"}

func TestStateStaysTheSame(t *testing.T) {
	dir := open(t, filepath.Join(t.TempDir(), "lab"))
	first, err := dir.LoadState(Place{}, usual)
	if err != nil {
		t.Fatal(err)
	}
	if first.Region != "us-west-2" || len(first.AccessKeyID) != 20 || !strings.HasPrefix(first.AccessKeyID, "LAB") || len(first.SecretAccessKey) != 40 {
		t.Errorf("state %+v", first)
	}
	second, err := dir.LoadState(Place{Region: "us-west-2", Cluster: "blue"}, Place{Region: "eu-west-1", Cluster: "green"})
	if err != nil || second != first {
		t.Errorf("second state %+v, %v", second, err)
	}
	for other, named := range map[Place]string{{Region: "eu-west-1"}: "us-west-2", {Cluster: "green"}: "blue"} {
		if _, err := dir.LoadState(other, usual); err == nil || !strings.Contains(err.Error(), named) {
			t.Errorf("another place, %+v: %v", other, err)
		}
	}
}

func TestAStateFromBeforeClustersHadNames(t *testing.T) {
	dir := open(t, filepath.Join(t.TempDir(), "lab"))
	old := `{"region": "eu-west-1", "accessKeyId": "LAB0", "secretAccessKey": "s"}`
	if err := os.WriteFile(dir.Join(stateFile), []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	if state, err := dir.LoadState(Place{Region: "eu-west-1"}, usual); err != nil || state.Cluster != "blue" {
		t.Errorf("%+v, %v", state, err)
	}
}

func TestKeysOfTwoLabsDiffer(t *testing.T) {
	one, err := open(t, filepath.Join(t.TempDir(), "lab")).LoadState(Place{}, usual)
	if err != nil {
		t.Fatal(err)
	}
	two, err := open(t, filepath.Join(t.TempDir(), "lab")).LoadState(Place{}, usual)
	if err != nil {
		t.Fatal(err)
	}
	if one.AccessKeyID == two.AccessKeyID || one.SecretAccessKey == two.SecretAccessKey || one.OIDCID == two.OIDCID {
		t.Errorf("%+v and %+v share something", one, two)
	}
}

func TestDamagedStateSaysHowToGoOn(t *testing.T) {
	for name, content := range map[string]string{"no JSON": "{", "no keys": "{}"} {
		t.Run(name, func(t *testing.T) {
			dir := open(t, filepath.Join(t.TempDir(), "lab"))
			if err := os.WriteFile(dir.Join(stateFile), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := dir.LoadState(Place{}, usual); err == nil || !strings.Contains(err.Error(), "drover-lab reset") {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestRunIsOnlyBelievedOfTheHolder(t *testing.T) {
	dir := open(t, filepath.Join(t.TempDir(), "lab"))
	if _, ok, err := ReadRun(dir.Path()); ok || err != nil {
		t.Errorf("before it is written: %v, %v", ok, err)
	}
	if err := dir.WriteRun(Run{PID: os.Getpid(), Ready: true}); err != nil {
		t.Fatal(err)
	}
	if run, ok, err := ReadRun(dir.Path()); !ok || err != nil || !run.Ready {
		t.Errorf("run %+v, %v, %v", run, ok, err)
	}
	// What a killed lab with another PID left behind.
	if err := dir.WriteRun(Run{PID: os.Getpid() + 1, Ready: true}); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := ReadRun(dir.Path()); ok || err != nil {
		t.Errorf("of another process: %v, %v", ok, err)
	}
	if err := dir.ClearRun(); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := ReadRun(dir.Path()); ok || err != nil {
		t.Errorf("after it is cleared: %v, %v", ok, err)
	}
}

func TestRemoveLeavesWhatIsTheUsers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lab")
	dir := open(t, path)
	if _, err := dir.LoadState(Place{}, usual); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"etcd", "notes"} {
		if err := os.MkdirAll(dir.Join(name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var inUse *InUseError
	if err := Remove(path); !errors.As(err, &inUse) {
		t.Errorf("while it is in use: %v", err)
	}
	if err := dir.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Remove(path); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(path)
	if err != nil || len(left) != 1 || left[0].Name() != "notes" {
		t.Errorf("left %v, %v", left, err)
	}
	if err := Remove(filepath.Join(path, "none")); err != nil {
		t.Error(err)
	}
}

func TestDefault(t *testing.T) {
	t.Setenv("HOME", "/home/someone")
	t.Setenv("XDG_DATA_HOME", "")
	if path, err := Default(); err != nil || path != "/home/someone/.local/share/drover/lab" {
		t.Errorf("%q, %v", path, err)
	}
	t.Setenv("XDG_DATA_HOME", "/data")
	if path, err := Default(); err != nil || path != "/data/drover/lab" {
		t.Errorf("%q, %v", path, err)
	}
}

func TestDroverPortsStayWhileTheyAreFree(t *testing.T) {
	dir := open(t, filepath.Join(t.TempDir(), "lab"))
	taken := map[int]bool{}
	free := func(port int) (int, error) {
		if taken[port] {
			return port + 10_000, nil
		}
		return port, nil
	}
	first, err := dir.DroverPorts(free)
	if err != nil || first.Metrics < firstPort || first.Health != first.Metrics+1 || first.Health >= 32768 {
		t.Fatalf("the first ports are %+v, %v", first, err)
	}
	taken[first.Health] = true
	want := DroverPorts{Metrics: first.Metrics, Health: first.Health + 10_000}
	for range 2 {
		if ports, err := dir.DroverPorts(free); err != nil || ports != want {
			t.Errorf("ports are %+v, %v, want %+v", ports, err, want)
		}
	}
}

func TestFoldersBeginWithPortsOfTheirOwn(t *testing.T) {
	if a, b := initialPorts("/home/a/lab"), initialPorts("/home/b/lab"); a == b {
		t.Errorf("both begin with %+v", a)
	}
}

func TestKubeconfigsAreRememberedOnce(t *testing.T) {
	dir := open(t, filepath.Join(t.TempDir(), "lab"))
	one, two := KubeconfigEntry{Path: "/a", Context: "lab"}, KubeconfigEntry{Path: "/b", Context: "lab"}
	for _, entry := range []KubeconfigEntry{one, two, one} {
		if err := dir.RecordKubeconfig(entry); err != nil {
			t.Fatal(err)
		}
	}
	if entries, err := ReadKubeconfigs(dir.Path()); err != nil || !slices.Equal(entries, []KubeconfigEntry{one, two}) {
		t.Errorf("entries %v, %v", entries, err)
	}
}
