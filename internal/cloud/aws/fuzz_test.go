package aws

import (
	"math"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
)

// What comes from people or from AWS as text must be understood or refused; it
// must never end the program or become a figure that cannot be.

func FuzzInstanceID(f *testing.F) {
	f.Add("aws:///us-west-2a/i-0123456789abcdef0")
	f.Add("gce://project/zone/name")
	f.Fuzz(func(t *testing.T, text string) {
		if id, err := instanceID(text); err == nil && providerID(strings.TrimSuffix(strings.TrimPrefix(text, "aws:///"), "/"+id), id) != text {
			t.Fatalf("%q has the ID %q", text, id)
		}
	})
}

func FuzzProductPrice(f *testing.F) {
	f.Add(`{"product":{"attributes":{"instanceType":"m5.large"}},"terms":{"OnDemand":{"a":{"priceDimensions":{"b":{"pricePerUnit":{"USD":"0.096"}}}}}}}`)
	f.Add(`{"terms":{"OnDemand":{"a":{"priceDimensions":{"b":{"pricePerUnit":{"USD":"Inf"}}}}}}}`)
	f.Fuzz(func(t *testing.T, entry string) {
		name, price, ok := readProduct(entry, "USD")
		if ok && (name == "" || !(price > 0) || math.IsInf(price, 0)) {
			t.Fatalf("%q costs %g", name, price)
		}
	})
}

func FuzzEvictionThreshold(f *testing.F) {
	for _, text := range []string{"5%", "100%", "100Mi", "-1%", "NaN%", "-1Gi", "1e30"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if kept := threshold(text, 8*gi, 100*mi); kept < 0 {
			t.Fatalf("%q keeps %d bytes free", text, kept)
		}
	})
}

func FuzzQuantities(f *testing.F) {
	f.Add("cpu", "100m")
	f.Add("memory", "1Ei")
	f.Fuzz(func(t *testing.T, name, text string) {
		amounts, err := quantities("kubeReserved", map[string]string{name: text})
		if err == nil && len(amounts) != 1 {
			t.Fatalf("%s %s is %v", name, text, amounts)
		}
		if err != nil && !strings.Contains(err.Error(), "kubeReserved") {
			t.Fatalf("%v does not name the field", err)
		}
	})
}

func FuzzImageAlias(f *testing.F) {
	f.Add("al2023@latest", "1.37")
	f.Add("bottlerocket@1.50.0", "")
	f.Fuzz(func(t *testing.T, alias, kubernetes string) {
		parameters, err := aliasParameters(alias, kubernetes)
		if err == nil && len(parameters) == 0 {
			t.Fatalf("%q on %q is neither found nor refused", alias, kubernetes)
		}
	})
}

func FuzzImageTime(f *testing.F) {
	f.Add("2026-11-01T00:00:00.000Z")
	f.Fuzz(func(_ *testing.T, text string) { parseTime(&text) })
}

func FuzzTypeLabels(f *testing.F) {
	f.Add("u-6tb1.112xlarge", "x86_64")
	f.Add("m5", "arm64")
	f.Fuzz(func(t *testing.T, name, architecture string) {
		labels := typeLabels(typeInfo(name, architecture, 2, 8192, 3, 10), "us-west-2", 29)
		for key := range labels {
			if key == "" {
				t.Fatalf("%q has a label without a name", name)
			}
		}
	})
}

// FuzzClassShape: a NodeClass as the API server may hold it gives a catalog of
// possible figures, or an error.
func FuzzClassShape(f *testing.F) {
	f.Add("100m", "5%", int32(110), "al2023@latest")
	f.Add("-5", "", int32(-1), "@")
	f.Fuzz(func(t *testing.T, reserved, eviction string, maxPods int32, alias string) {
		class := &ec2v1.EC2NodeClass{Spec: ec2v1.EC2NodeClassSpec{
			AMISelectorTerms: []ec2v1.AMISelectorTerm{{Alias: alias}},
			Kubelet: &ec2v1.KubeletConfiguration{KubeReserved: map[string]string{"cpu": reserved}, EvictionHard: map[string]string{"memory.available": eviction},
				MaxPods: sdk.Int32(maxPods)},
		}}
		s, err := newShape(class, Options{})
		if err != nil {
			return
		}
		info := typeInfo("m5.large", "x86_64", 2, 8192, 3, 10)
		for name, amount := range s.allocatable(info, s.capacity(info)) {
			if amount < 0 {
				t.Fatalf("%d of %s can be used", amount, name)
			}
		}
	})
}
