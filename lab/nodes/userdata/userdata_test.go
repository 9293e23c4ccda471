package userdata_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/tools/txtar"
	"sigs.k8s.io/yaml"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/nodes/userdata"
)

// TestParse runs testdata: a machine and its user data, and the configuration
// or the error that must come of it.
func TestParse(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			sections := readSections(t, file)
			got, err := userdata.Parse(machineOf(t, sections))
			if want, refused := sections["error"]; refused {
				requireError(t, err, strings.TrimSpace(want))
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var want userdata.Config
			if err := yaml.UnmarshalStrict([]byte(sections["want"]), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func readSections(t *testing.T, file string) map[string]string {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, f := range archive.Files {
		sections[f.Name] = string(f.Data)
	}
	return sections
}

func machineOf(t *testing.T, sections map[string]string) machine.Machine {
	t.Helper()
	var facts struct {
		ImageName  string `json:"imageName"`
		InstanceID string `json:"instanceID"`
		Spot       bool   `json:"spot"`
	}
	if err := yaml.UnmarshalStrict([]byte(sections["machine"]), &facts); err != nil {
		t.Fatal(err)
	}
	return machine.Machine{
		ID: facts.InstanceID, ImageName: facts.ImageName, Spot: facts.Spot,
		UserData: []byte(sections["userdata"]),
	}
}

func requireError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("error %v, want one that says %q", err, want)
	}
}

func TestParseUnpacksGzipInBase64(t *testing.T) {
	sections := readSections(t, "testdata/plain-nodeconfig.txtar")
	m := machineOf(t, sections)
	want, err := userdata.Parse(m)
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := writer.Write(m.UserData); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	m.UserData = []byte(base64.StdEncoding.EncodeToString(packed.Bytes()))
	got, err := userdata.Parse(m)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-plain +packed:\n%s", diff)
	}
}

func TestScriptThatNeverEndsIsCutOff(t *testing.T) {
	_, err := userdata.Parse(machine.Machine{UserData: []byte("#!/bin/bash\nwhile true; do sleep 1; done\n")})
	requireError(t, err, "never ends here")
}

func TestScriptCannotReadTheHost(t *testing.T) {
	script := "#!/bin/bash\nread -r name < /etc/hostname || name=nothing\n/etc/eks/bootstrap.sh mine --kubelet-extra-args --node-labels=name=$name\n"
	got, err := userdata.Parse(machine.Machine{UserData: []byte(script)})
	if err != nil {
		t.Fatal(err)
	}
	if got.Labels["name"] != "nothing" {
		t.Errorf("label name = %q: the script read a file of the host", got.Labels["name"])
	}
}
