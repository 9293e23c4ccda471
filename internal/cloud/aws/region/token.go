package region

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// tokenLife is how long EKS takes a token.
const tokenLife = 14 * time.Minute

// Token is a bearer token for the Kubernetes API of a cluster: a presigned
// request by which the cluster asks STS who calls, and until when it is good.
func (r *Region) Token(ctx context.Context, cluster string) (string, time.Time, error) {
	request, err := sts.NewPresignClient(r.sts).PresignGetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}, func(options *sts.PresignOptions) {
		options.ClientOptions = append(options.ClientOptions, func(options *sts.Options) {
			options.APIOptions = append(options.APIOptions,
				smithyhttp.SetHeaderValue("x-k8s-aws-id", cluster), smithyhttp.SetHeaderValue("X-Amz-Expires", "60"))
		})
	})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("signing a token for cluster %q: %w", cluster, err)
	}
	return "k8s-aws-v1." + base64.RawURLEncoding.EncodeToString([]byte(request.URL)), time.Now().Add(tokenLife), nil
}
