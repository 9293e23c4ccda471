package sqsapi

import (
	"encoding/base64"
	"encoding/json"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/world"
)

// handle is what a receipt handle stands for: one receipt of a message.
type handle struct {
	Queue    string
	Number   int64
	ID       string
	Received int
}

// handleOf is the receipt handle of a message that was just received.
func handleOf(m world.Message) string {
	// Texts and numbers always marshal.
	text, _ := json.Marshal(handle{m.Queue, m.Number, m.ID, m.Received})
	return base64.StdEncoding.EncodeToString(text)
}

func badHandle(text string) error {
	return awserr.WithStatus(404, "ReceiptHandleIsInvalid", "The input receipt handle \"%s\" is not a valid receipt handle.", text)
}

// receipt finds the message that a handle is for. One that is gone, or was
// received again since, is not current. Use it within View or Update.
func (s *SQS) receipt(queue world.Queue, text string) (m world.Message, current bool, err error) {
	var h handle
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(decoded, &h) != nil || h.Queue != queue.Name {
		return m, false, badHandle(text)
	}
	m, exists := s.world.Messages.Get(world.MessageKey(h.Queue, h.Number))
	return m, exists && m.ID == h.ID && m.Received == h.Received, nil
}
