package region_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// TestQueuesFromTheCommandLine: the unmodified aws CLI makes a queue, a rule and
// an event, and takes what comes.
func TestQueuesFromTheCommandLine(t *testing.T) {
	t.Parallel()
	l := open(t)
	w := serve(t, l)
	s := newShell(t, w.endpoint)
	// Version 1 of the CLI goes to AWS for sqs unless it is told on the command
	// line: of the environment it knows only the region.
	s.vars["ENDPOINT"] = w.endpoint
	s.file("attributes.json", `{"VisibilityTimeout": "20", "Policy": "`+strings.ReplaceAll(queuePolicy("jobs"), `"`, `\"`)+`"}`)
	s.file("pattern.json", `{"source": ["shop"], "detail": {"total": [{"numeric": [">", 1]}]}}`)
	s.file("event.json", `[{"Source": "shop", "DetailType": "Order", "Detail": "{\"total\": 5}"}]`)
	s.run([]cliStep{
		{command: "sqs --endpoint-url $ENDPOINT create-queue --queue-name jobs --attributes file://attributes.json --tags team=a --query QueueUrl", into: "URL"},
		{command: "sqs --endpoint-url $ENDPOINT get-queue-url --queue-name jobs --query QueueUrl", want: "$URL"},
		{command: "sqs --endpoint-url $ENDPOINT get-queue-url --queue-name none", fails: "(AWS.SimpleQueueService.NonExistentQueue)"},
		{command: "sqs --endpoint-url $ENDPOINT get-queue-attributes --queue-url $URL --attribute-names QueueArn VisibilityTimeout --query Attributes.[QueueArn,VisibilityTimeout]", want: queueARN("jobs") + "\t20"},
		{command: "sqs --endpoint-url $ENDPOINT send-message --queue-url $URL --message-body hello --message-attributes n={DataType=Number,StringValue=1} --query MD5OfMessageBody", want: "5d41402abc4b2a76b9719d911017c592"},
		{command: "sqs --endpoint-url $ENDPOINT receive-message --queue-url $URL --visibility-timeout 0 --wait-time-seconds 5 --query Messages[0].Body", want: "hello"},
		{command: "sqs --endpoint-url $ENDPOINT receive-message --queue-url $URL --message-attribute-names All --query Messages[0].[MessageAttributes.n.StringValue]", want: "1"},
		{command: "sqs --endpoint-url $ENDPOINT receive-message --queue-url $URL --query Messages", want: "None"},
		{command: "events put-rule --name orders --event-pattern file://pattern.json --query RuleArn", want: "arn:aws:events:us-west-2:" + account + ":rule/orders"},
		{command: "events put-targets --rule orders --targets Id=1,Arn=" + queueARN("jobs") + " --query FailedEntryCount", want: "0"},
		{command: "events put-events --entries file://event.json --query FailedEntryCount", want: "0"},
		{command: "sqs --endpoint-url $ENDPOINT receive-message --queue-url $URL --query Messages[0].Body"},
		{command: "sqs --endpoint-url $ENDPOINT get-queue-attributes --queue-url $URL --attribute-names ApproximateNumberOfMessagesNotVisible --query Attributes.ApproximateNumberOfMessagesNotVisible", want: "2"},
		{command: "events delete-rule --name orders", fails: "(ValidationException)"},
		{command: "events remove-targets --rule orders --ids 1 --query FailedEntryCount", want: "0"},
		{command: "events delete-rule --name orders"},
		{command: "sqs --endpoint-url $ENDPOINT delete-queue --queue-url $URL"},
	})
}

// form sends a request in the query protocol, as clients from before SQS spoke
// JSON do, to a path of the endpoint.
func (w wire) form(t *testing.T, path, form string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, w.endpoint+path, strings.NewReader(form+"&Version=2012-11-05"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	sum := sha256.Sum256([]byte(form + "&Version=2012-11-05"))
	credentials := aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: "secret"}
	if err := v4.NewSigner().SignHTTP(context.Background(), credentials, request, hex.EncodeToString(sum[:]), "sqs", "us-west-2", time.Now()); err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(content)
}

// between is the text of the first element of a name.
func between(body, element string) string {
	_, rest, _ := strings.Cut(body, "<"+element+">")
	text, _, _ := strings.Cut(rest, "</"+element+">")
	return text
}

// TestQueuesInTheQueryProtocol: older clients send forms to the queue's address
// and read XML.
func TestQueuesInTheQueryProtocol(t *testing.T) {
	t.Parallel()
	l := open(t)
	w := serve(t, l)
	_, body := w.form(t, "/", "Action=CreateQueue&QueueName=jobs&Attribute.1.Name=VisibilityTimeout&Attribute.1.Value=20&Tag.1.Key=team&Tag.1.Value=a")
	check(t, "address", between(body, "QueueUrl"), w.endpoint+"/"+account+"/jobs")
	path := "/" + account + "/jobs"
	_, body = w.form(t, path, "Action=SendMessage&MessageBody=%3Chello%3E&MessageAttribute.1.Name=n&MessageAttribute.1.Value.DataType=Number&MessageAttribute.1.Value.StringValue=1")
	check(t, "digest", len(between(body, "MD5OfMessageBody")), 32)
	_, body = w.form(t, path, "Action=ReceiveMessage&MaxNumberOfMessages=10&AttributeName.1=SentTimestamp&AttributeName.2=ApproximateReceiveCount&MessageAttributeName.1=All&VisibilityTimeout=20&WaitTimeSeconds=20")
	check(t, "body", between(body, "Body"), "&lt;hello&gt;")
	if !strings.Contains(body, "<Attribute><Name>ApproximateReceiveCount</Name><Value>1</Value></Attribute>") || !strings.Contains(body, "<Name>n</Name><Value><DataType>Number</DataType>") {
		t.Errorf("received %s", body)
	}
	status, body := w.form(t, path, "Action=DeleteMessage&ReceiptHandle="+url.QueryEscape(between(body, "ReceiptHandle")))
	check(t, "deleted", status, 200)
	check(t, "answer", strings.HasPrefix(body, `<DeleteMessageResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><ResponseMetadata>`), true)
	_, body = w.form(t, path, "Action=GetQueueAttributes&AttributeName.1=All")
	if !strings.Contains(body, "<Attribute><Name>QueueArn</Name><Value>"+queueARN("jobs")+"</Value></Attribute>") {
		t.Errorf("attributes %s", body)
	}
	for form, want := range map[string]string{
		"Action=GetQueueUrl&QueueName=none":                            "400 AWS.SimpleQueueService.NonExistentQueue",
		"Action=AddPermission&Label=l":                                 "400 InvalidAction",
		"Action=ReceiveMessage&MaxNumberOfMessages=11":                 "400 InvalidParameterValue",
		"Action=SetQueueAttributes&Attribute.1.Name=Colour":            "400 InvalidAttributeName",
		"Action=DeleteMessageBatch":                                    "400 MissingParameter",
		"Action=SendMessage&MessageBody=x&Colour=red":                  "400 InvalidParameterValue",
		"Action=CreateQueue&QueueName=jobs&Attribute.1.Name=x":         "400 InvalidAttributeName",
		"Action=DeleteMessage&ReceiptHandle=" + strings.Repeat("x", 8): "404 ReceiptHandleIsInvalid",
	} {
		status, body := w.form(t, path, form)
		check(t, form, fmt.Sprint(status, " ", between(body, "Code")), want)
	}
}

// TestZeroIsNotNothing: a request that asks for no time at all gets that, though
// the queue has a time of its own.
func TestZeroIsNotNothing(t *testing.T) {
	t.Parallel()
	l := open(t)
	q := l.queue("jobs", map[string]string{"VisibilityTimeout": "20", "DelaySeconds": "9", "ReceiveMessageWaitTimeSeconds": "20"})
	w := serve(t, l)
	path := "/" + account + "/jobs"
	w.form(t, path, "Action=SendMessage&MessageBody=x&DelaySeconds=0")
	for range 2 {
		_, body := w.form(t, path, "Action=ReceiveMessage&VisibilityTimeout=0")
		check(t, "visible at once", between(body, "Body"), "x")
	}
	_, body := w.form(t, path, "Action=ReceiveMessage")
	check(t, "visible", between(body, "Body"), "x")
	// With the queue's own time this would wait for the clock, which stands still.
	_, body = w.form(t, path, "Action=ReceiveMessage&WaitTimeSeconds=0")
	check(t, "nothing at once", between(body, "Body"), "")
	client := w.clients["sqs"].(*sqs.Client)
	if _, err := client.SendMessage(ctx(), &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String("later")}); err != nil {
		t.Fatal(err)
	}
	check(t, "counts", q.counts(), "0 1 1")
}
