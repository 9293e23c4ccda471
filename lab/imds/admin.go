package imds

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// Place is where the service of an instance is.
type Place struct {
	InstanceID string `json:"instanceID"`
	URL        string `json:"url"`
}

// Admin answers, under a route with {instance}, where the service of an
// instance is that is named by its id or host name: a Place, or 404 with
// {"error":"..."}.
func (s *Service) Admin() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("instance")
		place, err := s.place(name)
		switch {
		case errors.Is(err, ErrUnknown):
			reply(w, http.StatusNotFound, map[string]string{"error": fmt.Sprintf("%s: no running instance has this id or host name", name)})
		case err != nil:
			reply(w, http.StatusInternalServerError, map[string]string{"error": err.Error()})
		default:
			reply(w, http.StatusOK, place)
		}
	})
}

func (s *Service) place(name string) (p Place, err error) {
	if p.InstanceID, err = s.Find(name); err != nil {
		return p, err
	}
	p.URL, err = s.URL(p.InstanceID)
	return p, err
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone when this fails
}
