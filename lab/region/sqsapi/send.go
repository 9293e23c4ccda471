package sqsapi

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/awswire"
	"github.com/drover-project/drover/lab/region/queues"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// letter is a message as requests to send one describe it.
type letter struct {
	sender     string
	body       *string
	delay      int32
	attributes map[string]types.MessageAttributeValue
	system     map[string]types.MessageSystemAttributeValue
}

// sent is what a request that sent it is answered.
type sent struct{ id, body, attributes, system *string }

// SendMessage sends a message; a delay of 0 is the queue's own.
func (s *SQS) SendMessage(ctx context.Context, in *sqs.SendMessageInput) (*sqs.SendMessageOutput, error) {
	if err := supported(in, "QueueUrl", "MessageBody", "DelaySeconds", "MessageAttributes", "MessageSystemAttributes"); err != nil {
		return nil, err
	}
	var done sent
	sender := s.sender(ctx)
	err := s.update(in.QueueUrl, func(tx *store.Tx, queue world.Queue) (err error) {
		done, err = s.send(ctx, tx, queue, letter{sender, in.MessageBody, in.DelaySeconds, in.MessageAttributes, in.MessageSystemAttributes})
		return err
	})
	if err != nil {
		return nil, err
	}
	return &sqs.SendMessageOutput{MessageId: done.id, MD5OfMessageBody: done.body, MD5OfMessageAttributes: done.attributes, MD5OfMessageSystemAttributes: done.system}, nil
}

// SendMessageBatch sends up to ten messages, each of which may be refused.
func (s *SQS) SendMessageBatch(ctx context.Context, in *sqs.SendMessageBatchInput) (*sqs.SendMessageBatchOutput, error) {
	out := &sqs.SendMessageBatchOutput{Successful: []types.SendMessageBatchResultEntry{}, Failed: []types.BatchResultErrorEntry{}}
	var ids []string
	bytes := 0
	for _, e := range in.Entries {
		if err := supported(&e, "Id", "MessageBody", "DelaySeconds", "MessageAttributes", "MessageSystemAttributes"); err != nil {
			return nil, err
		}
		ids = append(ids, aws.ToString(e.Id))
		bytes += len(aws.ToString(e.MessageBody))
	}
	if err := checkBatch(ids); err != nil {
		return nil, err
	}
	if bytes > mostBytes {
		return nil, awserr.New("BatchRequestTooLong", "Batch requests cannot be longer than %d bytes. You have sent %d bytes.", mostBytes, bytes)
	}
	sender := s.sender(ctx)
	err := s.update(in.QueueUrl, func(tx *store.Tx, queue world.Queue) error {
		for _, e := range in.Entries {
			done, err := s.send(ctx, tx, queue, letter{sender, e.MessageBody, e.DelaySeconds, e.MessageAttributes, e.MessageSystemAttributes})
			if err != nil {
				out.Failed = append(out.Failed, failure(e.Id, err))
				continue
			}
			out.Successful = append(out.Successful, types.SendMessageBatchResultEntry{
				Id: e.Id, MessageId: done.id, MD5OfMessageBody: done.body, MD5OfMessageAttributes: done.attributes, MD5OfMessageSystemAttributes: done.system,
			})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

var entryID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// checkBatch checks the ids of a batch's entries.
func checkBatch(ids []string) error {
	switch {
	case len(ids) == 0:
		return awserr.New("EmptyBatchRequest", "There should be at least one entry in the request.")
	case len(ids) > mostBatch:
		return awserr.New("TooManyEntriesInBatchRequest", "Maximum number of entries per request are %d. You have sent %d.", mostBatch, len(ids))
	}
	for i, id := range ids {
		if !entryID.MatchString(id) {
			return awserr.New("InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		}
		if slices.Contains(ids[:i], id) {
			return awserr.New("BatchEntryIdsNotDistinct", "Id %s repeated.", id)
		}
	}
	return nil
}

// failure is an entry of a batch that was refused.
func failure(id *string, err error) types.BatchResultErrorEntry {
	entry := types.BatchResultErrorEntry{Id: id, SenderFault: true, Code: aws.String("InternalError"), Message: aws.String(err.Error())}
	if refusal, known := err.(*awserr.Error); known {
		entry.Code, entry.Message = &refusal.Code, &refusal.Message
	}
	return entry
}

// sender is the id of who sends: the account's user, or the session of a role.
func (s *SQS) sender(ctx context.Context) string {
	key := awswire.CallerFrom(ctx).AccessKeyID
	if session, found := s.world.Session(key); found {
		return session.RoleID + ":" + session.Name
	}
	return s.world.UserID(key)
}

func (s *SQS) send(ctx context.Context, tx *store.Tx, queue world.Queue, l letter) (done sent, err error) {
	m := world.Message{Body: aws.ToString(l.body), Sender: l.sender}
	if l.delay < 0 || l.delay > mostDelay {
		return done, outOfRange(l.delay, "DelaySeconds", "between 0 and 900, if provided")
	}
	delay := time.Duration(l.delay) * time.Second
	if l.delay == 0 && !awswire.CallerFrom(ctx).Given("DelaySeconds") {
		delay = queues.Seconds(queue, "DelaySeconds")
	}
	if m.Attributes, err = readAttributes(l.attributes); err != nil {
		return done, err
	}
	system, err := readSystem(l.system)
	if err != nil {
		return done, err
	}
	m.Trace = system["AWSTraceHeader"].Text
	if err := checkMessage(queue, m); err != nil {
		return done, err
	}
	if m, err = s.queues.Send(tx, queue, m, delay); err != nil {
		return done, err
	}
	return sent{&m.ID, aws.String(bodyDigest(m.Body)), optional(attributesDigest(m.Attributes)), optional(attributesDigest(system))}, nil
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func checkMessage(queue world.Queue, m world.Message) error {
	if m.Body == "" {
		return awserr.New("MissingParameter", "The request must contain the parameter MessageBody.")
	}
	if i := strings.IndexFunc(m.Body, forbidden); i >= 0 || !utf8.ValidString(m.Body) {
		return awserr.New("InvalidMessageContents", "Message contains characters outside the allowed set.")
	}
	bytes := len(m.Body)
	for name, a := range m.Attributes {
		bytes += len(name) + len(a.Type) + len(a.Text) + len(a.Binary)
	}
	if limit := queues.Number(queue, "MaximumMessageSize"); bytes > limit {
		return invalid("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", limit)
	}
	return nil
}

// forbidden are the characters that XML, and so SQS, does not have.
func forbidden(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
}

// mostAttributes is how many attributes a message can have.
const mostAttributes = 10

var attributeName = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

func readAttributes(in map[string]types.MessageAttributeValue) (map[string]world.MessageAttribute, error) {
	if len(in) > mostAttributes {
		return nil, invalid("Number of message attributes [%d] exceeds the allowed maximum [%d].", len(in), mostAttributes)
	}
	read := map[string]world.MessageAttribute{}
	for _, name := range slices.Sorted(maps.Keys(in)) {
		value := in[name]
		if !attributeName.MatchString(name) || len(name) > 256 {
			return nil, invalid("The message attribute name '%s' is invalid.", name)
		}
		a := world.MessageAttribute{Type: aws.ToString(value.DataType), Text: aws.ToString(value.StringValue), Binary: value.BinaryValue}
		if err := checkAttribute(name, a); err != nil {
			return nil, err
		}
		read[name] = a
	}
	return read, nil
}

func checkAttribute(name string, a world.MessageAttribute) error {
	kind, _, _ := strings.Cut(a.Type, ".")
	switch {
	case !slices.Contains([]string{"String", "Number", "Binary"}, kind):
		return invalid("The type of message (user) attribute '%s' is invalid. You must use only the following supported type prefixes: Binary, Number, String.", name)
	case kind == "Binary" && len(a.Binary) == 0, kind != "Binary" && a.Text == "":
		return invalid("The message (user) attribute '%s' must contain a non-empty value of type '%s'.", name, kind)
	}
	return nil
}

// readSystem reads the one system attribute that senders may set.
func readSystem(in map[string]types.MessageSystemAttributeValue) (map[string]world.MessageAttribute, error) {
	read := map[string]world.MessageAttribute{}
	for name, value := range in {
		if name != string(types.MessageSystemAttributeNameForSendsAWSTraceHeader) || aws.ToString(value.DataType) != "String" {
			return nil, invalid("The message system attribute '%s' is invalid: only AWSTraceHeader of the type String can be set.", name)
		}
		read[name] = world.MessageAttribute{Type: "String", Text: aws.ToString(value.StringValue)}
	}
	return read, nil
}
