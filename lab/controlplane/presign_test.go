package controlplane_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"k8s.io/apimachinery/pkg/api/resource"
)

// presign makes the token of `aws eks get-token`.
func presign(t *testing.T, cluster string) string {
	t.Helper()
	const url = "https://sts.us-west-2.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Expires=60"
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("x-k8s-aws-id", cluster)
	empty := sha256.Sum256(nil)
	signed, _, err := v4.NewSigner().PresignHTTP(t.Context(), aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey},
		request, hex.EncodeToString(empty[:]), "sts", "us-west-2", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return "k8s-aws-v1." + base64.RawURLEncoding.EncodeToString([]byte(signed))
}

func podCount(n int64) *resource.Quantity { return resource.NewQuantity(n, resource.DecimalSI) }
