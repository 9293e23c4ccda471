package region_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/drover-project/drover/lab/region/weather"
)

// A queue that is made twice gets one message of each event.
func TestInterruptionQueueHearsOfInterruptions(t *testing.T) {
	t.Parallel()
	l := open(t)
	for range 2 {
		if err := l.EnsureInterruptionQueue(t.Context(), "blue"); err != nil {
			t.Fatal(err)
		}
	}
	id := l.runSpot("m5.large", 1)[0]
	l.interrupt(weather.Interruption{Selection: those(id)})
	l.clock.Advance(2 * time.Minute)
	url, err := l.SQS().GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("blue")})
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for {
		out, err := l.SQS().ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: url.QueueUrl, MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			break
		}
		for _, m := range out.Messages {
			var event struct {
				DetailType string `json:"detail-type"`
				Detail     struct {
					Instance string `json:"instance-id"`
					State    string `json:"state"`
				} `json:"detail"`
			}
			if err := json.Unmarshal([]byte(*m.Body), &event); err != nil {
				t.Fatal(err)
			}
			if event.Detail.Instance == id {
				counts[event.DetailType+" "+event.Detail.State]++
			}
		}
	}
	for _, what := range []string{
		"EC2 Spot Instance Interruption Warning ", "EC2 Instance State-change Notification running", "EC2 Instance State-change Notification shutting-down",
	} {
		check(t, what, counts[what], 1)
	}
}
