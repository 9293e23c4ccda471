package eventsapi

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/store"
	"github.com/drover-project/drover/lab/region/world"
)

// PutEvents tells events of the account's own, each of which may be refused; those of AWS cannot be told.
func (e *Events) PutEvents(_ context.Context, in *eventbridge.PutEventsInput) (*eventbridge.PutEventsOutput, error) {
	if err := supported(in, "Entries"); err != nil {
		return nil, err
	}
	if len(in.Entries) == 0 || len(in.Entries) > mostEntries {
		return nil, invalid("1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length between 1 and %d", mostEntries)
	}
	out := &eventbridge.PutEventsOutput{}
	err := e.world.Store.Update(func(tx *store.Tx) error {
		for _, entry := range in.Entries {
			result, err := e.put(tx, entry)
			if err != nil {
				return err
			}
			if result.ErrorCode != nil {
				out.FailedEntryCount++
			}
			out.Entries = append(out.Entries, result)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (e *Events) put(tx *store.Tx, entry types.PutEventsRequestEntry) (result types.PutEventsResultEntry, err error) {
	if refusal := e.checkEvent(entry); refusal != nil {
		return types.PutEventsResultEntry{ErrorCode: &refusal.Code, ErrorMessage: &refusal.Message}, nil
	}
	event := world.Event{
		DetailType: *entry.DetailType, Source: *entry.Source, Time: e.world.Clock.Now(), Resources: entry.Resources, Detail: json.RawMessage(*entry.Detail),
	}
	if entry.Time != nil {
		event.Time = *entry.Time
	}
	if event.ID, err = e.world.NewEventID(tx); err != nil {
		return result, err
	}
	return types.PutEventsResultEntry{EventId: &event.ID}, e.Deliver(tx, event)
}

func (e *Events) checkEvent(entry types.PutEventsRequestEntry) *awserr.Error {
	for _, field := range []struct {
		name  string
		value *string
	}{{"Source", entry.Source}, {"DetailType", entry.DetailType}, {"Detail", entry.Detail}} {
		if aws.ToString(field.value) == "" {
			return awserr.New("InvalidArgument", "Parameter %s is not valid. Reason: %s is a required argument.", field.name, field.name)
		}
	}
	var detail map[string]json.RawMessage
	switch {
	case strings.HasPrefix(*entry.Source, "aws."):
		return awserr.New("NotAuthorizedForSourceException", "Not authorized for the source.")
	case json.Unmarshal([]byte(*entry.Detail), &detail) != nil || detail == nil:
		return awserr.New("MalformedDetail", "Detail is malformed.")
	case e.checkBus(entry.EventBusName) != nil:
		return awserr.New("ResourceNotFoundException", "Event bus %s does not exist.", *entry.EventBusName)
	}
	return nil
}
