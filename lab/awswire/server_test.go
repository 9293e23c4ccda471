package awswire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/pricing"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/drover-project/drover/lab/awserr"
)

// fails answers every operation with one error.
type fails struct{ err error }

func (f fails) DescribeInstances(context.Context, *ec2.DescribeInstancesInput) (*ec2.DescribeInstancesOutput, error) {
	return nil, f.err
}
func (f fails) GetRole(context.Context, *iam.GetRoleInput) (*iam.GetRoleOutput, error) {
	return nil, f.err
}
func (f fails) GetParameter(context.Context, *ssm.GetParameterInput) (*ssm.GetParameterOutput, error) {
	return nil, f.err
}
func (f fails) GetProducts(context.Context, *pricing.GetProductsInput) (*pricing.GetProductsOutput, error) {
	return nil, f.err
}
func (f fails) DescribeCluster(context.Context, *eks.DescribeClusterInput) (*eks.DescribeClusterOutput, error) {
	return nil, f.err
}

type (
	onlyEC2 interface {
		DescribeInstances(context.Context, *ec2.DescribeInstancesInput) (*ec2.DescribeInstancesOutput, error)
	}
	onlyIAM interface {
		GetRole(context.Context, *iam.GetRoleInput) (*iam.GetRoleOutput, error)
	}
	onlySSM interface {
		GetParameter(context.Context, *ssm.GetParameterInput) (*ssm.GetParameterOutput, error)
	}
	onlyPricing interface {
		GetProducts(context.Context, *pricing.GetProductsInput) (*pricing.GetProductsOutput, error)
	}
	onlyEKS interface {
		DescribeCluster(context.Context, *eks.DescribeClusterInput) (*eks.DescribeClusterOutput, error)
	}
)

// serve starts an endpoint with the registrations, service name to handlers.
func serve(t *testing.T, opts Options, registrations map[string]any) (*Server, string) {
	t.Helper()
	if opts.Credentials == nil {
		opts.Credentials = testSecret
	}
	s := New(opts)
	for name, implementation := range registrations {
		if err := s.Register(name, implementation); err != nil {
			t.Fatal(err)
		}
	}
	endpoint := httptest.NewServer(s)
	t.Cleanup(endpoint.Close)
	return s, endpoint.URL
}

func failing(err error) map[string]any {
	f := fails{err}
	return map[string]any{
		"ec2": struct{ onlyEC2 }{f}, "iam": struct{ onlyIAM }{f}, "ssm": struct{ onlySSM }{f},
		"pricing": struct{ onlyPricing }{f}, "eks": struct{ onlyEKS }{f},
	}
}

// callEach calls one operation of every service.
func callEach(endpoint string) map[string]error {
	ctx, errs := context.Background(), map[string]error{}
	_, errs["ec2"] = newClient("ec2", endpoint, nil).(*ec2.Client).DescribeInstances(ctx, &ec2.DescribeInstancesInput{})
	_, errs["iam"] = newClient("iam", endpoint, nil).(*iam.Client).GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("r")})
	_, errs["ssm"] = newClient("ssm", endpoint, nil).(*ssm.Client).GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("p")})
	_, errs["pricing"] = newClient("pricing", endpoint, nil).(*pricing.Client).GetProducts(ctx, &pricing.GetProductsInput{ServiceCode: aws.String("AmazonEC2")})
	_, errs["eks"] = newClient("eks", endpoint, nil).(*eks.Client).DescribeCluster(ctx, &eks.DescribeClusterInput{Name: aws.String("c")})
	return errs
}

// codeAndStatus gives what an SDK user sees of an error.
func codeAndStatus(err error) string {
	var api smithy.APIError
	var response interface{ HTTPStatusCode() int }
	if !errors.As(err, &api) || !errors.As(err, &response) {
		return fmt.Sprint(err)
	}
	return fmt.Sprintf("%d %s", response.HTTPStatusCode(), api.ErrorCode())
}

func TestErrorsReachTheOfficialClient(t *testing.T) {
	const message = `no <such> "thing" & é`
	for _, c := range []struct {
		err  *awserr.Error
		want map[string]string
	}{
		{awserr.New("Some.Code", "%s", message), map[string]string{
			"ec2": "400 Some.Code", "iam": "400 Some.Code", "ssm": "400 Some.Code", "pricing": "400 Some.Code", "eks": "400 Some.Code"}},
		{awserr.WithStatus(503, "Some.Code", "%s", message), map[string]string{
			"ec2": "503 Some.Code", "iam": "503 Some.Code", "ssm": "503 Some.Code", "pricing": "503 Some.Code", "eks": "503 Some.Code"}},
		{awserr.New("ResourceNotFoundException", "%s", message), map[string]string{
			"eks": "404 ResourceNotFoundException", "pricing": "404 ResourceNotFoundException"}},
		{awserr.New("ParameterNotFound", "%s", message), map[string]string{"ssm": "400 ParameterNotFound"}},
		{awserr.New("NoSuchEntity", "%s", message), map[string]string{"iam": "404 NoSuchEntity", "ec2": "400 NoSuchEntity"}},
	} {
		_, endpoint := serve(t, Options{}, failing(fmt.Errorf("wrapped: %w", c.err)))
		for service, err := range callEach(endpoint) {
			want, checked := c.want[service]
			if !checked {
				continue
			}
			if got := codeAndStatus(err); got != want {
				t.Errorf("%s: got %s, want %s", service, got, want)
			}
			var api smithy.APIError
			if errors.As(err, &api) && api.ErrorMessage() != message {
				t.Errorf("%s: message %q, want %q", service, api.ErrorMessage(), message)
			}
		}
	}
}

// panics has a bug.
type panics struct{}

func (panics) DescribeInstances(_ context.Context, in *ec2.DescribeInstancesInput) (*ec2.DescribeInstancesOutput, error) {
	return &ec2.DescribeInstancesOutput{NextToken: aws.String(in.InstanceIds[7])}, nil
}

// forgets answers with nothing.
type forgets struct{}

func (forgets) DescribeInstances(context.Context, *ec2.DescribeInstancesInput) (*ec2.DescribeInstancesOutput, error) {
	return nil, nil
}

func TestFailuresOfTheLabAreLoggedAndHidden(t *testing.T) {
	for name, c := range map[string]struct {
		handler any
		logged  string
	}{
		"panic":   {panics{}, "server_test.go"},
		"nothing": {forgets{}, "neither an output nor an error"},
		"error":   {struct{ onlyEC2 }{fails{errors.New("disk is full")}}, "disk is full"},
	} {
		var log bytes.Buffer
		_, endpoint := serve(t, Options{Log: slog.New(slog.NewTextHandler(&log, nil))}, map[string]any{"ec2": c.handler})
		_, err := newClient("ec2", endpoint, nil).(*ec2.Client).DescribeInstances(context.Background(), &ec2.DescribeInstancesInput{})
		if got := codeAndStatus(err); got != "500 InternalFailure" || strings.Contains(err.Error(), c.logged) {
			t.Errorf("%s: got %v", name, err)
		}
		if strings.Count(log.String(), "level=ERROR") != 1 || !strings.Contains(log.String(), c.logged) {
			t.Errorf("%s: want one log line with %q, got %s", name, c.logged, log.String())
		}
	}
}

// signed sends a request signed by hand, as no SDK would build it.
func signed(t *testing.T, service, method, target, contentType, body string, headers ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequest(method, "http://lab.test"+target, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	err := v4.NewSigner().SignHTTP(context.Background(), aws.Credentials{AccessKeyID: testKey, SecretAccessKey: "lab-secret"},
		r, sha256Hex(body), service, "us-west-2", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func formCall(t *testing.T, service, body string) *http.Request {
	return signed(t, service, "POST", "/", "application/x-www-form-urlencoded", body)
}

func jsonCall(t *testing.T, service, operation, body string) *http.Request {
	return signed(t, service, "POST", "/", "application/x-amz-json-1.1", body, "X-Amz-Target", operation)
}

func restCall(t *testing.T, method, path, body string) *http.Request {
	return signed(t, "eks", method, path, "application/json", body)
}

const (
	ec2Call = "Version=2016-11-15&Action="
	iamCall = "Version=2010-05-08&Action="
)

func TestRequestsThatDoNotFitAreRefused(t *testing.T) {
	s := New(Options{Credentials: testSecret})
	for name, implementation := range failing(errors.New("reached the handler")) {
		if err := s.Register(name, implementation); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Register("ec2", creates{}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		request *http.Request
		status  int
		says    []string
	}{
		"ec2 unknown action":      {formCall(t, "ec2", ec2Call+"DescribeCows"), 400, []string{"<Code>InvalidAction</Code>", "DescribeCows"}},
		"ec2 action not done":     {formCall(t, "ec2", ec2Call+"RunInstances"), 400, []string{"<Code>InvalidAction</Code>", "not done by this lab"}},
		"ec2 no action":           {formCall(t, "ec2", "Version=2016-11-15"), 400, []string{"<Code>MissingAction</Code>"}},
		"ec2 other version":       {formCall(t, "ec2", "Version=1999-01-01&Action=DescribeInstances"), 400, []string{"<Code>InvalidAction</Code>", "1999-01-01"}},
		"ec2 unknown parameter":   {formCall(t, "ec2", ec2Call+"DescribeInstances&Colour=red"), 400, []string{"<Code>UnknownParameter</Code>", "Colour"}},
		"ec2 unknown below list":  {formCall(t, "ec2", ec2Call+"DescribeInstances&Filter.1.Nmae=x"), 400, []string{"<Code>UnknownParameter</Code>", "Filter.1.Nmae"}},
		"ec2 unknown below value": {formCall(t, "ec2", ec2Call+"DescribeInstances&MaxResults.1=5"), 400, []string{"<Code>UnknownParameter</Code>", "MaxResults.1"}},
		"ec2 list without number": {formCall(t, "ec2", ec2Call+"DescribeInstances&InstanceId.a=i-1"), 400, []string{"<Code>UnknownParameter</Code>"}},
		"ec2 wrong integer":       {formCall(t, "ec2", ec2Call+"DescribeInstances&MaxResults=many"), 400, []string{"<Code>InvalidParameterValue</Code>", "MaxResults", "integer"}},
		"ec2 integer too large":   {formCall(t, "ec2", ec2Call+"DescribeInstances&MaxResults=9999999999"), 400, []string{"<Code>InvalidParameterValue</Code>"}},
		"ec2 wrong boolean":       {formCall(t, "ec2", ec2Call+"DescribeInstances&DryRun=yes"), 400, []string{"<Code>InvalidParameterValue</Code>", "true or false"}},
		"ec2 list as value":       {formCall(t, "ec2", ec2Call+"DescribeInstances&Filter=x"), 400, []string{"<Code>InvalidParameterValue</Code>", "Filter"}},
		"ec2 wrong enum":          {formCall(t, "ec2", ec2Call+"CreateFleet&Type=never"), 400, []string{"<Code>InvalidParameterValue</Code>", "never", "instant"}},
		"ec2 missing":             {formCall(t, "ec2", ec2Call+"CreateFleet&Type=instant"), 400, []string{"<Code>MissingParameter</Code>", "LaunchTemplateConfigs"}},
		"ec2 missing below":       {formCall(t, "ec2", ec2Call+"CreateFleet&LaunchTemplateConfigs.1.Overrides.1.SubnetId=s&TargetCapacitySpecification.SpotTargetCapacity=1"), 400, []string{"<Code>MissingParameter</Code>", "TargetCapacitySpecification.TotalTargetCapacity"}},
		"iam unknown action":      {formCall(t, "iam", iamCall+"GetCow"), 400, []string{"<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">", "<Type>Sender</Type>", "<Code>InvalidAction</Code>"}},
		"iam missing":             {formCall(t, "iam", iamCall+"GetRole"), 400, []string{"<Code>ValidationError</Code>", "RoleName", "must not be null"}},
		"iam unknown parameter":   {formCall(t, "iam", iamCall+"GetRole&RoleName=r&Colour=red"), 400, []string{"<Code>ValidationError</Code>", "Colour"}},
		"ssm unknown operation":   {jsonCall(t, "ssm", "AmazonSSM.GetCow", "{}"), 400, []string{`"__type":"UnknownOperationException"`}},
		"ssm other prefix":        {jsonCall(t, "ssm", "Other.GetParameter", "{}"), 400, []string{`"__type":"UnknownOperationException"`}},
		"ssm not done":            {jsonCall(t, "ssm", "AmazonSSM.PutParameter", "{}"), 400, []string{`"__type":"UnknownOperationException"`, "not done by this lab"}},
		"ssm unknown member":      {jsonCall(t, "ssm", "AmazonSSM.GetParameter", `{"Name":"x","Colour":1}`), 400, []string{`"__type":"ValidationException"`, "Colour"}},
		"ssm wrong type":          {jsonCall(t, "ssm", "AmazonSSM.GetParameter", `{"Name":5}`), 400, []string{`"__type":"SerializationException"`, "Name"}},
		"ssm not JSON":            {jsonCall(t, "ssm", "AmazonSSM.GetParameter", `{"Name":`), 400, []string{`"__type":"SerializationException"`}},
		"ssm two objects":         {jsonCall(t, "ssm", "AmazonSSM.GetParameter", `{"Name":"x"}{}`), 400, []string{`"__type":"SerializationException"`}},
		"ssm missing":             {jsonCall(t, "ssm", "AmazonSSM.GetParameter", ``), 400, []string{`"__type":"ValidationException"`, "'Name'"}},
		"pricing wrong enum":      {jsonCall(t, "pricing", "AWSPriceListService.GetProducts", `{"ServiceCode":"AmazonEC2","Filters":[{"Type":"LIKE","Field":"f","Value":"v"}]}`), 400, []string{`"__type":"InvalidParameterException"`, "LIKE", "TERM_MATCH"}},
		"eks no such path":        {restCall(t, "GET", "/cows", ""), 404, []string{`"__type":"UnknownOperationException"`}},
		"eks no such method":      {restCall(t, "PATCH", "/clusters/c", ""), 404, []string{`"__type":"UnknownOperationException"`}},
		"eks not done":            {restCall(t, "GET", "/clusters", ""), 404, []string{`"__type":"UnknownOperationException"`, "ListClusters"}},
		"eks unknown query":       {restCall(t, "GET", "/clusters/c?colour=red", ""), 400, []string{`"__type":"InvalidParameterException"`, "colour"}},
		"eks label in the body":   {restCall(t, "GET", "/clusters/c", `{"name":"d"}`), 400, []string{`"__type":"InvalidParameterException"`, "name"}},
		"too large":               {formCall(t, "ec2", strings.Repeat("a", maxBody+1)), 413, []string{"RequestEntityTooLarge"}},
		"too many parameters":     {formCall(t, "ec2", manyParameters()), 400, []string{"MalformedQueryString"}},
		"not a form":              {formCall(t, "ec2", "%zz"), 400, []string{"MalformedQueryString"}},
		"service not served":      {formCall(t, "sqs", "Version=2012-11-05&Action=SendMessage"), 400, []string{"<Code>InvalidAction</Code>", "SendMessage of sqs"}},
	} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, c.request)
		if w.Code != c.status {
			t.Errorf("%s: status %d, want %d: %s", name, w.Code, c.status, w.Body)
		}
		for _, say := range c.says {
			if !strings.Contains(w.Body.String(), say) {
				t.Errorf("%s: want %s in %s", name, say, w.Body)
			}
		}
		if w.Header().Get("X-Amzn-Requestid") == "" {
			t.Errorf("%s: no request id", name)
		}
	}
}

func manyParameters() string {
	var b strings.Builder
	for i := range maxParameters + 1 {
		fmt.Fprintf(&b, "InstanceId.%d=&", i)
	}
	return b.String()
}

// creates refuses no fleet, so that only the wire can.
type creates struct{}

func (creates) CreateFleet(_ context.Context, in *ec2.CreateFleetInput) (*ec2.CreateFleetOutput, error) {
	return &ec2.CreateFleetOutput{FleetId: aws.String(string(in.LaunchTemplateConfigs[0].Overrides[0].InstanceType))}, nil
}

func TestInstanceTypesAreTheHandlersBusiness(t *testing.T) {
	_, endpoint := serve(t, Options{}, map[string]any{"ec2": creates{}})
	out, err := newClient("ec2", endpoint, nil).(*ec2.Client).CreateFleet(context.Background(), &ec2.CreateFleetInput{
		LaunchTemplateConfigs:       []ec2types.FleetLaunchTemplateConfigRequest{{Overrides: []ec2types.FleetLaunchTemplateOverridesRequest{{InstanceType: "z99.large"}}}},
		TargetCapacitySpecification: &ec2types.TargetCapacitySpecificationRequest{TotalTargetCapacity: aws.Int32(1)},
	})
	if err != nil || aws.ToString(out.FleetId) != "z99.large" {
		t.Errorf("got %v, %v", out, err)
	}
}

func TestRefusalsAreCounted(t *testing.T) {
	s := New(Options{Credentials: testSecret})
	if err := s.Register("ec2", creates{}); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*http.Request{
		formCall(t, "ec2", ec2Call+"RunInstances"), formCall(t, "ec2", ec2Call+"RunInstances"),
		formCall(t, "ec2", ec2Call+"DescribeCows"), jsonCall(t, "sqs", "AmazonSQS.SendMessage", "{}"),
		httptest.NewRequest("GET", "/favicon.ico", nil),
	} {
		s.ServeHTTP(httptest.NewRecorder(), r)
	}
	want := map[string]int{"ec2:RunInstances": 2, "ec2:DescribeCows": 1, "sqs:SendMessage": 1}
	if got := s.Unimplemented(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	const metrics = `# HELP drover_lab_unimplemented_total Requests refused because the lab does not do the operation.
# TYPE drover_lab_unimplemented_total counter
drover_lab_unimplemented_total{operation="DescribeCows",service="ec2"} 1
drover_lab_unimplemented_total{operation="RunInstances",service="ec2"} 2
drover_lab_unimplemented_total{operation="SendMessage",service="sqs"} 1
`
	if err := testutil.CollectAndCompare(s, strings.NewReader(metrics)); err != nil {
		t.Error(err)
	}
}

// identities answers who calls.
type identities struct{}

func (identities) GetCallerIdentity(ctx context.Context, _ *sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
	c := CallerFrom(ctx)
	return &sts.GetCallerIdentityOutput{UserId: &c.AccessKeyID, Arn: &c.Region, Account: &c.RequestID}, nil
}
func (identities) AssumeRoleWithWebIdentity(ctx context.Context, in *sts.AssumeRoleWithWebIdentityInput) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	return &sts.AssumeRoleWithWebIdentityOutput{Audience: in.RoleArn, Provider: aws.String("key=" + CallerFrom(ctx).AccessKeyID)}, nil
}

func TestCallerIsKnownToTheHandler(t *testing.T) {
	_, endpoint := serve(t, Options{}, map[string]any{"sts": identities{}})
	client := newClient("sts", endpoint, nil).(*sts.Client)
	out, err := client.GetCallerIdentity(context.Background(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	if *out.UserId != testKey || *out.Arn != "us-west-2" || len(*out.Account) != 36 {
		t.Errorf("caller %s %s %s", *out.UserId, *out.Arn, *out.Account)
	}
}

func TestPresignedGetWorks(t *testing.T) {
	_, endpoint := serve(t, Options{}, map[string]any{"sts": identities{}})
	presigned, err := sts.NewPresignClient(newClient("sts", endpoint, nil).(*sts.Client)).
		PresignGetCallerIdentity(context.Background(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	for signature, want := range map[string]int{presigned.URL: 200, presigned.URL + "0": 403} {
		answer, err := http.Get(signature)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("status %d, want %d", answer.StatusCode, want)
		}
	}
}

func TestWebIdentityNeedsNoSignature(t *testing.T) {
	_, endpoint := serve(t, Options{}, map[string]any{"sts": identities{}, "ec2": creates{}})
	out, err := newClient("sts", endpoint, nil).(*sts.Client).AssumeRoleWithWebIdentity(context.Background(),
		&sts.AssumeRoleWithWebIdentityInput{RoleArn: aws.String("arn"), RoleSessionName: aws.String("s"), WebIdentityToken: aws.String("t")})
	if err != nil || *out.Provider != "key=" {
		t.Errorf("got %v, %v", out, err)
	}
	answer, err := http.PostForm(endpoint, url.Values{"Action": {"CreateFleet"}, "Version": {"2016-11-15"}})
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden {
		t.Errorf("unsigned CreateFleet: status %d", answer.StatusCode)
	}
}

func TestSignaturesAreRefusedTheServicesWay(t *testing.T) {
	stranger := func(string) (string, bool) { return "", false }
	other := func(string) (string, bool) { return "another secret", true }
	for name, c := range map[string]struct {
		credentials func(string) (string, bool)
		want        map[string]string
	}{
		"unknown key": {stranger, map[string]string{
			"ec2": "401 AuthFailure", "iam": "403 InvalidClientTokenId", "ssm": "400 UnrecognizedClientException",
			"pricing": "400 UnrecognizedClientException", "eks": "403 UnrecognizedClientException"}},
		"other secret": {other, map[string]string{
			"ec2": "403 SignatureDoesNotMatch", "iam": "403 SignatureDoesNotMatch", "ssm": "400 InvalidSignatureException",
			"pricing": "400 InvalidSignatureException", "eks": "403 InvalidSignatureException"}},
	} {
		_, endpoint := serve(t, Options{Credentials: c.credentials, Account: "111122223333"}, failing(errors.New("reached the handler")))
		for service, err := range callEach(endpoint) {
			if got := codeAndStatus(err); got != c.want[service] {
				t.Errorf("%s, %s: got %s, want %s", name, service, got, c.want[service])
			}
			if name == "unknown key" && !strings.Contains(err.Error(), "drover-lab env") {
				t.Errorf("%s: %v does not say what to do", service, err)
			}
		}
	}
}

func TestRegisterRefusesMistakes(t *testing.T) {
	for name, c := range map[string]struct {
		service        string
		implementation any
		says           string
	}{
		"no operations":   {"ec2", struct{}{}, "no method"},
		"nil":             {"ec2", nil, "no method"},
		"unknown service": {"cows", creates{}, `"cows"`},
		"other service":   {"iam", creates{}, "iam has no operation CreateFleet"},
	} {
		err := New(Options{}).Register(c.service, c.implementation)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %q", name, err, c.says)
		}
	}
	s := New(Options{})
	if err := errors.Join(s.Register("ec2", creates{}), s.Register("ec2", panics{})); err != nil {
		t.Errorf("two implementations of different operations: %v", err)
	}
	if err := s.Register("ec2", creates{}); err == nil {
		t.Error("one operation was registered twice")
	}
}
