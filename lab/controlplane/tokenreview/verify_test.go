package tokenreview

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	testKey    = "LAB0123456789ABCDEF0"
	testSecret = "not a secret"
	testHost   = "https://sts.us-west-2.amazonaws.com/"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func newVerifier() *Verifier {
	return &Verifier{
		ClusterName: "blue",
		Now:         func() time.Time { return now },
		Keys: func(id string) (string, Caller, bool) {
			return testSecret, Caller{ARN: "arn:aws:iam::111122223333:user/lab", UserID: "AIDALAB", Account: "111122223333"}, id == testKey
		},
	}
}

// claim is what a token is made from; the zero value is good.
type claim struct {
	base, key, secret, cluster, session, expires, action string
	signedAt                                             time.Time
}

// token signs the way that the AWS SDK for Go does.
func (c claim) token(t *testing.T) string {
	t.Helper()
	or := func(value, otherwise string) string {
		if value == "" {
			return otherwise
		}
		return value
	}
	signedAt := c.signedAt
	if signedAt.IsZero() {
		signedAt = now
	}
	query := url.Values{
		"Action": {or(c.action, "GetCallerIdentity")}, "Version": {"2011-06-15"}, "X-Amz-Expires": {or(c.expires, "60")},
	}
	request, err := http.NewRequest(http.MethodGet, or(c.base, testHost)+"?"+query.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("x-k8s-aws-id", or(c.cluster, "blue"))
	credentials := aws.Credentials{AccessKeyID: or(c.key, testKey), SecretAccessKey: or(c.secret, testSecret), SessionToken: c.session}
	signed, _, err := v4.NewSigner().PresignHTTP(t.Context(), credentials, request, emptySHA256, "sts", "us-west-2", signedAt)
	if err != nil {
		t.Fatal(err)
	}
	return prefix + base64.RawURLEncoding.EncodeToString([]byte(signed))
}

func TestVerifyAccepts(t *testing.T) {
	for name, c := range map[string]claim{
		"regional STS":               {},
		"global STS":                 {base: "https://sts.amazonaws.com/"},
		"STS in China":               {base: "https://sts.cn-north-1.amazonaws.com.cn/"},
		"the lab":                    {base: "http://127.0.0.1:4566/"},
		"the lab by name":            {base: "http://localhost:4566/"},
		"session credentials":        {session: "a/session+token=="},
		"signed 14 minutes ago":      {signedAt: now.Add(-14 * time.Minute)},
		"signer's clock is ahead":    {signedAt: now.Add(2 * time.Minute)},
		"no expiry of its own at 0s": {expires: "0"},
	} {
		t.Run(name, func(t *testing.T) {
			caller, err := newVerifier().Verify(context.Background(), c.token(t))
			if err != nil {
				t.Fatal(err)
			}
			if caller.ARN != "arn:aws:iam::111122223333:user/lab" {
				t.Errorf("caller is %+v", caller)
			}
		})
	}
}

func TestVerifyRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		claim claim
		want  string
	}{
		"expired":                    {claim{signedAt: now.Add(-15*time.Minute - time.Second)}, "expired"},
		"signed in the future":       {claim{signedAt: now.Add(6 * time.Minute)}, "future"},
		"wrong cluster":              {claim{cluster: "green"}, `not one of access key ` + testKey + ` for cluster "blue"`},
		"wrong secret":               {claim{secret: "guessed"}, "signature"},
		"unknown key":                {claim{key: "AKIAIOSFODNN7EXAMPLE"}, "not one of this lab"},
		"foreign host":               {claim{base: "https://sts.us-west-2.amazonaws.com.example.com/"}, "not STS"},
		"STS without TLS":            {claim{base: "http://sts.amazonaws.com/"}, "not STS"},
		"host that begins like STS":  {claim{base: "https://sts.example.amazonaws.com/"}, "not STS"},
		"another action":             {claim{action: "AssumeRole"}, "GetCallerIdentity"},
		"an expiry of more than 15m": {claim{expires: "901"}, "between 0 and 900"},
		"another path":               {claim{base: testHost + "admin"}, "path"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newVerifier().Verify(context.Background(), test.claim.token(t))
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q does not say %q", err, test.want)
			}
		})
	}
}

func TestVerifyRefusesWhatWasChangedAfterSigning(t *testing.T) {
	good := claim{}.token(t)
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(good, prefix))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"host":              {"sts.us-west-2.amazonaws.com", "sts.us-east-1.amazonaws.com"},
		"expiry":            {"X-Amz-Expires=60", "X-Amz-Expires=900"},
		"date":              {"X-Amz-Date=20261124T120000Z", "X-Amz-Date=20261124T120001Z"},
		"added parameter":   {"Version=2011-06-15", "Version=2011-06-15&DurationSeconds=1"},
		"doubled parameter": {"Version=2011-06-15", "Version=2011-06-15&Action=GetCallerIdentity"},
		"service":           {"%2Fsts%2F", "%2Fec2%2F"},
		"signature":         {"X-Amz-Signature=", "X-Amz-Signature=0"},
	} {
		t.Run(name, func(t *testing.T) {
			changed := strings.Replace(string(raw), change[0], change[1], 1)
			if changed == string(raw) {
				t.Fatalf("%q is not in %s", change[0], raw)
			}
			token := prefix + base64.RawURLEncoding.EncodeToString([]byte(changed))
			if _, err := newVerifier().Verify(context.Background(), token); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func TestVerifyRefusesWhatIsNoToken(t *testing.T) {
	for _, token := range []string{"", "abc", prefix, prefix + "***", prefix + base64.RawURLEncoding.EncodeToString([]byte("://")), "k8s-aws-v2.abc"} {
		if _, err := newVerifier().Verify(context.Background(), token); err == nil {
			t.Errorf("%q was accepted", token)
		}
	}
}

// TestVerifyTokenOfTheCLI runs the real client, which signs without calling
// anyone.
func TestVerifyTokenOfTheCLI(t *testing.T) {
	program, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("the aws CLI is not installed")
	}
	for name, endpoint := range map[string]string{"AWS": "", "the lab": "http://127.0.0.1:4566"} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(program, "eks", "get-token", "--cluster-name", "blue", "--region", "us-west-2", "--output", "json")
			cmd.Env = append(cmd.Environ(), "AWS_ACCESS_KEY_ID="+testKey, "AWS_SECRET_ACCESS_KEY="+testSecret,
				"AWS_SESSION_TOKEN=", "AWS_ENDPOINT_URL="+endpoint, "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null")
			output, err := cmd.Output()
			if err != nil {
				t.Fatalf("aws eks get-token: %v", err)
			}
			var credential struct {
				Status struct{ Token string }
			}
			if err := json.Unmarshal(output, &credential); err != nil {
				t.Fatal(err)
			}
			verifier := newVerifier()
			verifier.Now = time.Now
			if _, err := verifier.Verify(context.Background(), credential.Status.Token); err != nil {
				t.Errorf("%v", err)
			}
			verifier.ClusterName = "green"
			if _, err := verifier.Verify(context.Background(), credential.Status.Token); err == nil {
				t.Error("a token for another cluster was accepted")
			}
		})
	}
}
