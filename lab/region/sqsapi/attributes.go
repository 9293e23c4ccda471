package sqsapi

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/policy"
	"github.com/drover-project/drover/lab/region/queues"
	"github.com/drover-project/drover/lab/region/world"
)

// bounds are those of the attributes that are whole numbers.
func bounds() map[string][2]int {
	return map[string][2]int{
		"VisibilityTimeout": {0, 43200}, "MaximumMessageSize": {1024, mostBytes}, "MessageRetentionPeriod": {60, 1209600},
		"DelaySeconds": {0, mostDelay}, "ReceiveMessageWaitTimeSeconds": {0, mostWait}, "KmsDataKeyReusePeriodSeconds": {60, 86400},
	}
}

// Bounds of requests.
const (
	mostBytes   = 1 << 20
	mostDelay   = 900
	mostWait    = 20
	mostBatch   = 10
	mostReceive = 10
	mostHidden  = 43200
	mostRedrive = 1000
)

// change is a queue with attributes of a request laid over its own. Empty texts
// take one away.
func (s *SQS) change(queue world.Queue, asked map[string]string) (world.Queue, error) {
	after := maps.Clone(queue.Attributes)
	if after == nil {
		after = map[string]string{}
	}
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		value := asked[name]
		if err := s.check(name, value); err != nil {
			return queue, err
		}
		after[name] = value
		if value == "" {
			delete(after, name)
		}
	}
	switch managed, key := asked["SqsManagedSseEnabled"], asked["KmsMasterKeyId"]; {
	case managed == "true" && key != "":
		return queue, awserr.New("InvalidAttributeValue", "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.")
	case managed == "true":
		delete(after, "KmsMasterKeyId")
	case key != "":
		after["SqsManagedSseEnabled"] = "false"
	}
	queue.Attributes, queue.Changed = after, s.world.Clock.Now()
	return queue, nil
}

func wrongValue(name, reason string) error {
	if reason != "" {
		reason = " Reason: " + reason
	}
	return awserr.New("InvalidAttributeValue", "Invalid value for the parameter %s.%s", name, reason)
}

// check holds an attribute's value against what SQS takes.
func (s *SQS) check(name, value string) error {
	if limit, isNumber := bounds()[name]; isNumber {
		number, err := strconv.Atoi(value)
		if err != nil || number < limit[0] || number > limit[1] {
			return wrongValue(name, "")
		}
		return nil
	}
	switch name {
	case "Policy":
		if value == "" {
			return nil
		}
		if _, err := policy.Resource(value); err != nil {
			return awserr.Translate(err, map[string]string{"MalformedPolicyDocument": "InvalidAttributeValue"})
		}
	case "RedrivePolicy":
		return s.checkRedrive(value)
	case "RedriveAllowPolicy":
		var document map[string]any
		if value != "" && json.Unmarshal([]byte(value), &document) != nil {
			return wrongValue(name, "It is not a JSON object.")
		}
	case "SqsManagedSseEnabled":
		if value != "true" && value != "false" {
			return wrongValue(name, "")
		}
	case "KmsMasterKeyId":
	case "FifoQueue":
		if value == "true" {
			return fifoRefused()
		}
		return awserr.New("InvalidAttributeName", "Unknown Attribute FifoQueue.")
	default:
		return awserr.New("InvalidAttributeName", "Unknown Attribute %s.", name)
	}
	return nil
}

func fifoRefused() error {
	return awserr.New("UnsupportedOperation", "This endpoint has no FIFO queues, only standard ones.")
}

func (s *SQS) checkRedrive(value string) error {
	if value == "" {
		return nil
	}
	redrive, err := queues.ReadRedrive(value)
	if err != nil || redrive.Target == "" {
		return invalid("Value %s for parameter RedrivePolicy is invalid. Reason: Redrive policy is not a valid JSON map with deadLetterTargetArn and maxReceiveCount.", value)
	}
	if redrive.Most < 1 || redrive.Most > mostRedrive {
		return invalid("Value %s for parameter RedrivePolicy is invalid. Reason: Invalid value for maxReceiveCount: %d, valid values are from 1 to %d both inclusive.", value, redrive.Most, mostRedrive)
	}
	if _, exists := s.world.QueueOf(redrive.Target); !exists {
		return invalid("Value %s for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.", value)
	}
	return nil
}

// attributesOf are all attributes of a queue. Use it within View or Update.
func (s *SQS) attributesOf(queue world.Queue) map[string]string {
	all := queues.Defaults()
	maps.Copy(all, queue.Attributes)
	if all["KmsMasterKeyId"] != "" && all["KmsDataKeyReusePeriodSeconds"] == "" {
		all["KmsDataKeyReusePeriodSeconds"] = "300"
	}
	visible, taken, delayed := s.queues.Counts(queue)
	all["ApproximateNumberOfMessages"] = strconv.Itoa(visible)
	all["ApproximateNumberOfMessagesNotVisible"] = strconv.Itoa(taken)
	all["ApproximateNumberOfMessagesDelayed"] = strconv.Itoa(delayed)
	all["CreatedTimestamp"] = strconv.FormatInt(queue.Created.Unix(), 10)
	all["LastModifiedTimestamp"] = strconv.FormatInt(queue.Changed.Unix(), 10)
	all["QueueArn"] = s.world.QueueARN(queue.Name)
	return all
}

// choose picks attributes by their names.
func choose(all map[string]string, names []types.QueueAttributeName) (map[string]string, error) {
	chosen := map[string]string{}
	for _, name := range names {
		switch {
		case name == types.QueueAttributeNameAll:
			return all, nil
		case !slices.Contains(name.Values(), name):
			return nil, awserr.New("InvalidAttributeName", "Unknown Attribute %s.", name)
		}
		if value, has := all[string(name)]; has {
			chosen[string(name)] = value
		}
	}
	return chosen, nil
}
