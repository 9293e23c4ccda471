package userdata

import (
	"strings"
	"testing"

	ec2v1 "github.com/aws/karpenter-provider-aws/pkg/apis/v1"
)

// FuzzRender: spec.userData is what people write. It is merged or refused, and
// the cluster's name is in the result whatever they wrote.
func FuzzRender(f *testing.F) {
	f.Add("[settings.kubernetes]\nmax-pods = 5\n")
	f.Add("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"b\"\n\n--b\nContent-Type: text/x-shellscript\n\n#!/bin/sh\n--b--\n")
	f.Add("apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\n")
	f.Add("settings = 1")
	f.Fuzz(func(t *testing.T, custom string) {
		node := Node{Cluster: Cluster{Name: "the-cluster", Endpoint: "https://example.com", CertificateAuthority: "Y2E=", ServiceCIDR: "10.100.0.0/16"}, Custom: custom}
		for _, family := range []string{ec2v1.AMIFamilyAL2023, ec2v1.AMIFamilyBottlerocket, ec2v1.AMIFamilyAL2} {
			if text, err := Render(family, node); err == nil && !strings.Contains(text, "the-cluster") {
				t.Fatalf("%s: the cluster is lost:\n%s", family, text)
			}
		}
	})
}
