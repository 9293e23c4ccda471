package awswire

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"reflect"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/pricing"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"

	"github.com/drover-project/drover/lab/awswire/shape"
	"github.com/drover-project/drover/lab/awswire/tables"
)

func serviceNames() []string {
	return []string{"ec2", "iam", "sts", "autoscaling", "cloudformation", "eks", "events", "sqs", "ssm", "pricing"}
}

const testKey = "LABKEY"

func testSecret(id string) (string, bool) { return "lab-secret", id == testKey }

func sha256Hex(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// doer is what the SDK sends requests with.
type doer interface {
	Do(*http.Request) (*http.Response, error)
}

// newClient makes the official client of a service. It does not check required
// members itself, so that the server's check is seen.
func newClient(service, endpoint string, transport doer) any {
	cfg := aws.Config{
		Region:       "us-west-2",
		BaseEndpoint: &endpoint,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: testKey, SecretAccessKey: "lab-secret"}, nil
		}),
		Retryer:    func() aws.Retryer { return aws.NopRetryer{} },
		APIOptions: []func(*middleware.Stack) error{withoutValidation},
	}
	if transport != nil {
		cfg.HTTPClient = transport
	}
	switch service {
	case "ec2":
		return ec2.NewFromConfig(cfg)
	case "iam":
		return iam.NewFromConfig(cfg)
	case "sts":
		return sts.NewFromConfig(cfg)
	case "autoscaling":
		return autoscaling.NewFromConfig(cfg)
	case "cloudformation":
		return cloudformation.NewFromConfig(cfg)
	case "eks":
		return eks.NewFromConfig(cfg)
	case "events":
		return eventbridge.NewFromConfig(cfg)
	case "sqs":
		// The answers of these tests are random, not what their checksums say.
		return sqs.NewFromConfig(cfg, func(o *sqs.Options) { o.DisableMessageChecksumValidation = true })
	case "ssm":
		return ssm.NewFromConfig(cfg)
	case "pricing":
		return pricing.NewFromConfig(cfg)
	}
	panic("no client for " + service)
}

func withoutValidation(stack *middleware.Stack) error {
	// An operation without required members has nothing to remove.
	_, _ = stack.Initialize.Remove("OperationInputValidation")
	return nil
}

// filler sets SDK values at random, the same on every run.
type filler struct {
	rand      *rand.Rand
	table     *shape.Service
	precision time.Duration
}

func newFiller(service string) *filler {
	table, err := tables.Load(service)
	if err != nil {
		panic(err)
	}
	f := &filler{rand: rand.New(rand.NewPCG(1, 2)), table: table, precision: time.Millisecond}
	switch table.Protocol {
	case shape.Query:
		f.precision = time.Second // times of IAM and STS have no fractions on the wire
	case shape.JSON10, shape.JSON11, shape.RESTJSON:
		// Times are seconds in floating point, and the SDK cuts off what is
		// below a millisecond: only binary fractions come back as they went.
		f.precision = 125 * time.Millisecond
	}
	return f
}

// deepestFill bounds recursive types.
const deepestFill = 7

func (f *filler) value(v reflect.Value, depth int) {
	switch {
	case v.Type() == reflect.TypeFor[middleware.Metadata]():
	case shape.IsTime(v.Type()):
		seconds := f.rand.Int64N(2_000_000_000)
		t := time.Unix(seconds, f.rand.Int64N(1e9)).UTC().Truncate(f.precision)
		v.Set(reflect.ValueOf(t))
	case shape.IsBlob(v.Type()):
		v.SetBytes([]byte{0, byte(f.rand.IntN(256)), 255})
	case v.Kind() == reflect.Pointer:
		if depth < deepestFill && f.rand.IntN(4) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			f.value(v.Elem(), depth+1)
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				f.value(v.Field(i), depth+1)
			}
		}
	case v.Kind() == reflect.Slice, v.Kind() == reflect.Map:
		f.collection(v, depth)
	case v.Kind() == reflect.Interface:
		f.union(v, depth)
	default:
		f.scalar(v)
	}
}

func (f *filler) collection(v reflect.Value, depth int) {
	if depth >= deepestFill || f.rand.IntN(4) == 0 {
		return
	}
	if v.Kind() == reflect.Slice {
		v.Set(reflect.MakeSlice(v.Type(), f.rand.IntN(3), 3))
		for i := range v.Len() {
			f.value(v.Index(i), depth+1)
		}
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for range f.rand.IntN(3) {
		key, element := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		f.scalar(key)
		f.value(element, depth+1)
		v.SetMapIndex(key, element)
	}
}

func (f *filler) union(v reflect.Value, depth int) {
	members, _ := f.table.Union(v.Type())
	if len(members) == 0 || depth >= deepestFill {
		return
	}
	holder := reflect.New(f.table.UnionMember(v.Type().Name(), members[f.rand.IntN(len(members))].Field))
	f.value(holder.Elem().FieldByName("Value"), depth+1)
	v.Set(holder)
}

func (f *filler) scalar(v reflect.Value) {
	switch {
	case v.Kind() == reflect.String:
		if values := v.MethodByName("Values"); values.IsValid() {
			list := values.Call(nil)[0]
			v.Set(list.Index(f.rand.IntN(list.Len())))
			return
		}
		texts := []string{"", "plain", `<&>"'`, "two\nlines\tand tab", "é 한국어 🐄", " spaces ", "100%+a=b&c"}
		v.SetString(texts[f.rand.IntN(len(texts))])
	case v.Kind() == reflect.Bool:
		v.SetBool(f.rand.IntN(2) == 0)
	case v.CanInt():
		v.SetInt(int64(f.rand.Int32()) - 1<<30)
	case v.CanFloat():
		v.SetFloat(float64(f.rand.IntN(1e6))/64 - 100)
	}
}
