package world

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/drover-project/drover/lab/region/store"
)

// userName is the account's one user.
const userName = "lab"

// UserARN names the account's one user.
func (w *World) UserARN() string {
	return fmt.Sprintf("arn:aws:iam::%s:user/%s", w.Options.Account, userName)
}

// UserID is the id of the account's user, by the access key of a call; empty
// is a call without a wire.
func (w *World) UserID(accessKeyID string) string {
	const made, prefix = "AKIALAB", len("AKIA")
	if len(accessKeyID) < prefix {
		accessKeyID = made
	}
	return "AIDA" + accessKeyID[prefix:]
}

// RoleARN names a role.
func (w *World) RoleARN(r Role) string {
	return fmt.Sprintf("arn:aws:iam::%s:role%s%s", w.Options.Account, r.Path, r.Name)
}

// SessionARN names the caller that a session is.
func (w *World) SessionARN(s Session) string {
	return fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", w.Options.Account, s.RoleName, s.Name)
}

// OpenSession makes temporary credentials of a role.
func (w *World) OpenSession(tx *store.Tx, r Role, name string, lasts time.Duration) (Session, error) {
	const secretBytes, tokenBytes = 30, 96
	id, err := w.NewID(tx, "")
	if err != nil {
		return Session{}, err
	}
	secret, err := randomText(secretBytes)
	if err != nil {
		return Session{}, err
	}
	token, err := randomText(tokenBytes)
	if err != nil {
		return Session{}, err
	}
	s := Session{
		// No key of AWS begins so.
		AccessKeyID: "LABS" + w.suffix("session"+id), Secret: secret, Token: token, RoleName: r.Name, RoleID: r.ID, Name: name,
		Expires: w.Clock.Now().Add(lasts),
	}
	return s, w.Sessions.Put(tx, s.AccessKeyID, s)
}

func randomText(size int) (string, error) {
	b := make([]byte, size)
	if _, err := rand.Read(b); err != nil {
		return "", fmt.Errorf("making a secret: %w", err)
	}
	return base64.StdEncoding.EncodeToString(b), nil
}

// Session finds temporary credentials, also ones that have expired.
func (w *World) Session(accessKeyID string) (s Session, found bool) {
	w.Store.View(func() { s, found = w.Sessions.Get(accessKeyID) })
	return s, found
}

// forgetSessions removes credentials a day after they expired: until then a
// caller is told that they have, not that there never were any.
func (w *World) forgetSessions(tx *store.Tx, now time.Time) {
	for _, key := range w.Sessions.Keys() {
		if s, _ := w.Sessions.Get(key); now.Sub(s.Expires) > sessionsKeptFor {
			w.Sessions.Delete(tx, key)
		}
	}
}

const sessionsKeptFor = 24 * time.Hour
