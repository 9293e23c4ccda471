package world

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/drover-project/drover/lab/awserr"
	"github.com/drover-project/drover/lab/region/store"
)

// Token is the client token of a call with the parameters it stands for.
type Token struct {
	Operation string
	Value     string // empty: the call is not idempotent
	// Parameters is what must be the same for the same token, as JSON.
	Parameters any
}

func (t Token) key() string { return t.Operation + "/" + t.Value }

func (t Token) digest() (string, error) {
	b, err := json.Marshal(t.Parameters)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// Answered finds what a token was answered before. Other parameters than then
// are IdempotentParameterMismatch.
func (w *World) Answered(t Token, output any) (found bool, err error) {
	if t.Value == "" {
		return false, nil
	}
	answer, found := w.answers.Get(t.key())
	if !found {
		return false, nil
	}
	digest, err := t.digest()
	if err != nil {
		return false, err
	}
	if digest != answer.Parameters {
		return false, awserr.New("IdempotentParameterMismatch",
			"The client token %s was used before with other parameters. Use another token, or the same parameters.", t.Value)
	}
	return true, json.Unmarshal(answer.Output, output)
}

// Remember stores the answer for a token in the transaction of the call.
func (w *World) Remember(tx *store.Tx, t Token, output any) error {
	if t.Value == "" {
		return nil
	}
	digest, err := t.digest()
	if err != nil {
		return err
	}
	b, err := json.Marshal(output)
	if err != nil {
		return err
	}
	return w.answers.Put(tx, t.key(), Answer{Parameters: digest, Output: b, Given: w.Clock.Now()})
}

func (w *World) forgetAnswers(tx *store.Tx, now time.Time) {
	for _, key := range w.answers.Keys() {
		if answer, _ := w.answers.Get(key); now.Sub(answer.Given) > answersKeptFor {
			w.answers.Delete(tx, key)
		}
	}
}
