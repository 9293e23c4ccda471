package awswire

import "testing"

func TestClientName(t *testing.T) {
	for userAgent, want := range map[string]string{
		"aws-cli/1.44.1 md/Botocore#1.42.0 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.11 md/pyimpl#CPython cfg/retry-mode#legacy Botocore/1.42.0": "aws-cli",
		"aws-sdk-go-v2/1.39.0 ua/2.1 os/linux lang/go#1.26.8 md/GOOS#linux md/GOARCH#amd64 app/drover api/ec2#1.250.0 m/E":                              "drover",
		"karpenter.sh-1.14.0 aws-sdk-go-v2/1.39.0 ua/2.1 os/linux lang/go#1.26 api/ec2#1.2":                                                             "karpenter.sh-1.14.0",
		"aws-sdk-go/1.55.4 (go1.25; linux; amd64) aws-node-termination-handler/1.25.6":                                                                  "aws-node-termination-handler",
		"aws-sdk-go/1.55.4 (go1.25; linux; amd64)":                                                                                                      "aws-sdk-go",
		"curl/8.0": "curl",
		"":         "",
	} {
		if got := ClientName(userAgent); got != want {
			t.Errorf("%s\n got %q, want %q", userAgent, got, want)
		}
	}
}
