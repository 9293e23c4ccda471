package region_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/drover-project/drover/lab/clock"
	"github.com/drover-project/drover/lab/region"
)

func TestOptionsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*region.Options)
		says   string
	}{
		"region":       {func(o *region.Options) { o.Region = "mars-1" }, `region "mars-1" is not simulated: use one of`},
		"account":      {func(o *region.Options) { o.Account = "12" }, `account "12": must be 12 digits`},
		"cluster":      {func(o *region.Options) { o.Cluster.Name = "" }, `cluster name "": must be`},
		"version":      {func(o *region.Options) { o.Cluster.Version = "1.20" }, `cluster version "1.20" has no AMIs here: use one of`},
		"service CIDR": {func(o *region.Options) { o.Cluster.ServiceCIDR = "10.100" }, `service CIDR "10.100": must be`},
		"base nodes":   {func(o *region.Options) { o.BaseNodes = -1 }, "base nodes: must not be negative"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opensNot(t, options(c.change), c.says)
		})
	}
}

// opensNot checks that a region cannot be opened and that the error says why.
func opensNot(t *testing.T, o region.Options, says ...string) {
	t.Helper()
	o.Clock = clock.NewManual(start())
	r, err := region.Open(o)
	if err == nil {
		_ = r.Close()
		t.Fatal("it opens")
	}
	for _, text := range says {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("the error does not say %q: %v", text, err)
		}
	}
}

func TestDirectoryOfAnotherRegion(t *testing.T) {
	t.Parallel()
	dir := onDisk(t)
	l := open(t, dir)
	ids := l.run(1)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*region.Options){
		"region":  func(o *region.Options) { o.Region = "eu-west-1" },
		"account": func(o *region.Options) { o.Account = "444455556666" },
		"cluster": func(o *region.Options) { o.Cluster.Name = "other" },
		"seed":    func(o *region.Options) { o.Seed = 2 },
	} {
		t.Run(name, func(t *testing.T) {
			o := options(dir, change)
			opensNot(t, o, o.DataDir, "region us-west-2, account "+account+", cluster "+clusterName, "use another data directory")
		})
	}
	again := openOn(t, l.clock, l.options)
	defer again.Close()
	if got := again.stateOf(ids[0]); got != "pending" {
		t.Errorf("after the refusals the instance is %s", got)
	}
}

func TestTwoOpeners(t *testing.T) {
	t.Parallel()
	dir := onDisk(t)
	l := open(t, dir)
	opensNot(t, options(dir), l.options.DataDir, "in use by another process")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	again := openOn(t, l.clock, l.options)
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

// state is the file of a region that was closed, with one instance in it.
func state(t *testing.T) (file string, o region.Options) {
	t.Helper()
	l := open(t, onDisk(t))
	l.run(1)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(l.options.DataDir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v: %v", files, err)
	}
	return files[0], l.options
}

func TestDamagedFile(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(t *testing.T, file string) error{
		"garbage": func(_ *testing.T, file string) error {
			return os.WriteFile(file, []byte(strings.Repeat("not a database. ", 4096)), 0o600)
		},
		"a short text": func(_ *testing.T, file string) error { return os.WriteFile(file, []byte("hello"), 0o600) },
		"both headers gone": func(t *testing.T, file string) error {
			return overwrite(t, file, 0, make([]byte, 8192))
		},
		"all but the headers gone": func(t *testing.T, file string) error {
			info, err := os.Stat(file)
			if err != nil {
				return err
			}
			return overwrite(t, file, 8192, bytes.Repeat([]byte{0xff}, int(info.Size()-8192)))
		},
		"cut off after the headers": func(_ *testing.T, file string) error { return os.Truncate(file, 8192) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file, o := state(t)
			if err := damage(t, file); err != nil {
				t.Fatal(err)
			}
			opensNot(t, o, file)
		})
	}
}

func overwrite(t *testing.T, file string, at int64, with []byte) error {
	t.Helper()
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteAt(with, at)
	return err
}

func TestDamagedRow(t *testing.T) {
	t.Parallel()
	file, o := state(t)
	db, err := bbolt.Open(file, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("instances")).Put([]byte("i-1"), []byte("{")) })
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	opensNot(t, o, file, "table instances: row i-1")
}

func TestDirectoryThatCannotBe(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	opensNot(t, options(func(o *region.Options) { o.DataDir = file }), "data directory", file)
}

// TestEverythingSurvives: what a region answered before it was closed, it
// answers afterwards.
func TestEverythingSurvives(t *testing.T) {
	t.Parallel()
	l := open(t, onDisk(t), func(o *region.Options) { o.BaseNodes = 2 })
	l.template("nodes", "x86_64")
	l.limit("m5.large", "b", "*", 3)
	l.launchFleet(l.fleet("nodes", spot, 2, anyOrder("m5.large", "b")))
	refused(t, createProfile("p")(l.IAM()), "")
	l.clock.Advance(boot)
	before := l.everything()
	l.reopen()
	for what, then := range before {
		if now := l.everything()[what]; now != then {
			t.Errorf("%s before:\n%s\nafter:\n%s", what, then, now)
		}
	}
}
