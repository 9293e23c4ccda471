package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/drover-project/drover/internal/present"
)

const someApp = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 40
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: web, resources: {requests: {cpu: 600m, memory: 1Gi}}}]
      affinity:
        podAntiAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
          - {weight: 1, podAffinityTerm: {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: web}}}}
---
apiVersion: v1
kind: Pod
metadata: {name: too-big}
spec: {containers: [{name: c, image: c, resources: {requests: {cpu: 1000}}}]}
`

func solveSome(t *testing.T, args ...string) []byte {
	t.Helper()
	command := newCommand()
	var out bytes.Buffer
	command.SetArgs(append([]string{"solve", "-f", "-"}, args...))
	command.SetIn(strings.NewReader(someApp))
	command.SetOut(&out)
	if err := command.ExecuteContext(t.Context()); exitCode(err) != exitFailure {
		t.Fatalf("error %v, want one for a pod without a place", err)
	}
	return out.Bytes()
}

func TestJSONAndYAMLSayTheSame(t *testing.T) {
	var fromJSON, fromYAML present.Document
	encoded := solveSome(t, "-o", "json")
	if err := json.Unmarshal(encoded, &fromJSON); err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(solveSome(t, "-o", "yaml"), &fromYAML); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(fromJSON, fromYAML) {
		t.Error("JSON and YAML differ")
	}
	again, err := json.MarshalIndent(fromJSON, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(append(again, '\n'), encoded) {
		t.Error("a document that was read and written again is not the same")
	}
	if s := fromJSON.Summary; s.Pods != 41 || s.Placed != 40 || s.Unplaced != 1 || s.Launches != len(fromJSON.Plan.Launches) {
		t.Errorf("summary is %+v", s)
	}
}

func TestPictureIsWellFormed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plan.svg")
	solveSome(t, "--svg", path)
	drawn, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	decoder := xml.NewDecoder(bytes.NewReader(drawn))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
