package imds

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// versions are the names that the tree has; all show the same here.
func versions() []string {
	return []string{
		"1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01", "2008-09-01", "2009-04-04",
		"2011-01-01", "2011-05-01", "2012-01-12", "2014-02-25", "2014-11-05", "2015-10-20", "2016-04-19", "2016-06-30", "2016-09-02",
		"2018-03-28", "2018-08-17", "2018-09-24", "2019-10-01", "2020-10-27", "2021-01-03", "2021-03-23", "2021-07-15", "2022-09-24",
		"2024-04-11", latest,
	}
}

const (
	latest    = "latest"
	tokenPath = "/latest/api/token"
)

// ServeHTTP answers on the port of one instance.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", "EC2ws")
	i := r.Context().Value(ownKey{}).(*instance)
	i.mu.Lock()
	m := i.machine
	i.mu.Unlock()
	switch {
	case m.Metadata.Disabled:
		refuse(w, http.StatusForbidden)
	case r.URL.Path == tokenPath:
		s.serveToken(w, r, m.ID)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed)
	case !s.mayRead(r, m.ID, m.Metadata.TokensRequired):
		refuse(w, http.StatusUnauthorized)
	default:
		s.serveTree(w, r, i)
	}
}

// serveToken begins a session. A request that came through a proxy gets none.
func (s *Service) serveToken(w http.ResponseWriter, r *http.Request, id string) {
	if r.Method != http.MethodPut {
		w.Header().Set("Allow", "OPTIONS, PUT")
		refuse(w, http.StatusMethodNotAllowed)
		return
	}
	if len(r.Header.Values("X-Forwarded-For")) > 0 {
		refuse(w, http.StatusForbidden)
		return
	}
	seconds, err := strconv.Atoi(r.Header.Get(ttlHeader))
	if err != nil || seconds < 1 || seconds > longestTTL {
		refuse(w, http.StatusBadRequest)
		return
	}
	token := s.tokens.issue(id, s.clock.Now().Add(time.Duration(seconds)*time.Second))
	w.Header().Set(ttlHeader, strconv.Itoa(seconds))
	send(w, token)
}

// mayRead reports whether a request comes with a token that holds, or without
// one where that is enough.
func (s *Service) mayRead(r *http.Request, id string, required bool) bool {
	given := r.Header.Values(tokenHeader)
	if len(given) == 0 {
		return !required
	}
	return s.tokens.holds(given[0], id, s.clock.Now())
}

func (s *Service) serveTree(w http.ResponseWriter, r *http.Request, i *instance) {
	version, path, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
	if version == "" {
		send(w, strings.Join(versions(), "\n"))
		return
	}
	if !slices.Contains(versions(), version) {
		refuse(w, http.StatusNotFound)
		return
	}
	i.mu.Lock()
	m := i.machine
	i.mu.Unlock()
	t := newTree(m)
	s.addRole(t, i, m)
	content, err := t.read(path)
	switch {
	case errors.Is(err, errNone):
		refuse(w, http.StatusNotFound)
	case err != nil:
		s.log.Error("the metadata service cannot answer", "instance", m.ID, "path", r.URL.Path, "error", err)
		refuse(w, http.StatusInternalServerError)
	default:
		send(w, content)
	}
}

func send(w http.ResponseWriter, content string) {
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, content) // the client is gone when this fails
}

// refuse answers with the page that the service has for a status.
func refuse(w http.ResponseWriter, status int) {
	title := fmt.Sprintf("%d - %s", status, http.StatusText(status))
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
	"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>%[1]s</title>
 </head>
 <body>
  <h1>%[1]s</h1>
 </body>
</html>
`, title)
}
