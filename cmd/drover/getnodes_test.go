package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
)

// noon is when the cluster of testdata/get is looked at.
func noon() time.Time { return time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC) }

// recorded is the cluster of testdata/get, or what its reads fail with.
func recorded(t *testing.T, fault func(client.ObjectList) error) cluster {
	t.Helper()
	text, err := os.ReadFile("testdata/get/cluster.yaml")
	if err != nil {
		t.Fatal(err)
	}
	builder := fake.NewClientBuilder().WithScheme(scheme.Scheme)
	for _, document := range bytes.Split(text, []byte("\n---\n")) {
		object, _, err := scheme.Codecs.UniversalDeserializer().Decode(document, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		builder = builder.WithObjects(object.(client.Object))
	}
	if fault != nil {
		builder = builder.WithInterceptorFuncs(interceptor.Funcs{List: func(ctx context.Context, underlying client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if err := fault(list); err != nil {
				return err
			}
			return underlying.List(ctx, list, options...)
		}})
	}
	reader := builder.Build()
	return func(controllerOptions) (client.Reader, time.Time, error) { return reader, noon(), nil }
}

func getInventory(t *testing.T, connect cluster, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	command := parent("get", "", newGetNodeClaimsCommand(connect), newGetNodePoolsCommand(connect), newGetNodesCommand(connect))
	command.SetArgs(args)
	command.SetOut(&out)
	command.SetErr(&out)
	err := command.ExecuteContext(t.Context())
	return out.String(), err
}

func TestWhatAClusterHasIsShown(t *testing.T) {
	for _, kind := range []string{"nodeclaims", "nodepools", "nodes"} {
		for _, output := range []string{"table", "wide", "name", "json", "yaml"} {
			t.Run(kind+"-"+output, func(t *testing.T) {
				got, err := getInventory(t, recorded(t, nil), kind, "-o", output)
				if err != nil {
					t.Fatal(err)
				}
				file := filepath.Join("testdata", "get", kind+"."+output)
				if *rewrite {
					if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil || got != string(want) {
					t.Errorf("%s is out of date (%v): run `go test ./cmd/drover -rewrite` and read the diff; it says now:\n%s", file, err, got)
				}
			})
		}
	}
}

func TestSomeOfAClusterIsShown(t *testing.T) {
	for args, want := range map[string]string{
		"nodeclaims default-new default-bound -o name":         "nodeclaim.karpenter.sh/default-new\nnodeclaim.karpenter.sh/default-bound\n",
		"nodeclaim -l karpenter.sh/capacity-type=spot -o name": "nodeclaim.karpenter.sh/default-bound\n",
		"nodepools -l team=shop -o name":                       "nodepool.karpenter.sh/default\n",
		"nodes -l eks.amazonaws.com/nodegroup -o name":         "node/ip-10-0-2-7.us-west-2.compute.internal\n",
		"nodes -l a=b":             "No nodes found\n",
		"nodepools -l a=b -o json": "[]\n",
	} {
		if got, err := getInventory(t, recorded(t, nil), strings.Fields(args)...); err != nil || got != want {
			t.Errorf("%s shows %q, %v, want %q", args, got, err, want)
		}
	}
	for args, want := range map[string]string{
		"nodeclaims gone":    `the cluster has no NodeClaim "gone"`,
		"nodepools gone":     `the cluster has no NodePool "gone"`,
		"nodes gone":         `the cluster has no node "gone"`,
		"nodes -l a=b=c":     "--selector=a=b=c",
		"nodes -o xml":       "--output=xml is none of table, wide, name, json, yaml",
		"nodeclaims -o wid":  "--output=wid",
		"nodepools -l (a,b)": "--selector",
	} {
		if got, err := getInventory(t, recorded(t, nil), strings.Fields(args)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s shows %q and fails with %v, want %q", args, got, err, want)
		}
	}
}

func TestAClusterWithoutNodeClaims(t *testing.T) {
	unknown := func(list client.ObjectList) error {
		switch list.(type) {
		case *karpv1.NodeClaimList, *karpv1.NodePoolList:
			return &meta.NoKindMatchError{GroupKind: schema.GroupKind{Group: "karpenter.sh", Kind: "NodeClaim"}, SearchedVersions: []string{"v1"}}
		}
		return nil
	}
	for _, kind := range []string{"nodeclaims", "nodepools"} {
		if _, err := getInventory(t, recorded(t, unknown), kind); err == nil || !strings.Contains(err.Error(), "`drover manifests` has them") {
			t.Errorf("%s: %v", kind, err)
		}
	}
	got, err := getInventory(t, recorded(t, unknown), "nodes")
	if err != nil || !strings.Contains(got, "workers") {
		t.Errorf("nodes: %v\n%s", err, got)
	}
	refused := func(client.ObjectList) error { return errors.New("forbidden") }
	for _, kind := range []string{"nodeclaims", "nodepools", "nodes"} {
		if _, err := getInventory(t, recorded(t, refused), kind); err == nil || !strings.Contains(err.Error(), "forbidden") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
