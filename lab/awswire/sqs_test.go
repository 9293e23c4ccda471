package awswire

import (
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/drover-project/drover/lab/awserr"
)

// TestSQSSpeaksBothProtocols: one service, in the protocol that a request is in.
func TestSQSSpeaksBothProtocols(t *testing.T) {
	t.Parallel()
	svc, err := newService("sqs")
	if err != nil {
		t.Fatal(err)
	}
	form := httptest.NewRequest("POST", "/111122223333/jobs", strings.NewReader("Action=DeleteMessage&Version=2012-11-05&ReceiptHandle=r"))
	form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req, refusal := readRequest(form)
	if refusal != nil {
		t.Fatal(refusal)
	}
	older := svc.speaking(req)
	if name, refusal := older.protocol.operation(req); name != "DeleteMessage" || refusal != nil {
		t.Fatalf("%s, %v", name, refusal)
	}
	var in sqs.DeleteMessageInput
	if fault := older.protocol.decode(req, "DeleteMessage", reflect.ValueOf(&in).Elem()); fault != nil {
		t.Fatal(fault)
	}
	if aws.ToString(in.QueueUrl) != "/111122223333/jobs" {
		t.Errorf("the queue is %q", aws.ToString(in.QueueUrl))
	}

	out := sqs.ReceiveMessageOutput{Messages: []types.Message{{
		MessageId: aws.String("1"), Body: aws.String("<b>"), Attributes: map[string]string{"SentTimestamp": "5"},
		MessageAttributes: map[string]types.MessageAttributeValue{"k": {DataType: aws.String("String"), StringValue: aws.String("v")}},
	}}}
	answer, err := older.protocol.encode("ReceiveMessage", reflect.ValueOf(out), "id")
	if err != nil {
		t.Fatal(err)
	}
	const want = "<ReceiveMessageResult><Message><Attribute><Name>SentTimestamp</Name><Value>5</Value></Attribute><Body>&lt;b&gt;</Body>" +
		"<MessageAttribute><Name>k</Name><Value><DataType>String</DataType><StringValue>v</StringValue></Value></MessageAttribute>" +
		"<MessageId>1</MessageId></Message></ReceiveMessageResult>"
	if !strings.Contains(string(answer.body), want) {
		t.Errorf("got %s", answer.body)
	}

	gone := awserr.New("QueueDoesNotExist", "no")
	if body := string(older.protocol.failure(gone, "id").body); !strings.Contains(body, "<Code>AWS.SimpleQueueService.NonExistentQueue</Code>") {
		t.Errorf("got %s", body)
	}
	newer := svc.protocol.failure(gone, "id")
	if newer.header["X-Amzn-Query-Error"] != "AWS.SimpleQueueService.NonExistentQueue;Sender" || !strings.Contains(string(newer.body), `"QueueDoesNotExist"`) {
		t.Errorf("got %v %s", newer.header, newer.body)
	}
}
