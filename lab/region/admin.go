package region

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/drover-project/drover/lab/region/world"
)

// admin serves /capacity:
//
//	GET     the finite pools, as a list
//	PUT     {"instanceType":"m5.large","zone":"*","capacityType":"on-demand","available":0}
//	DELETE  the same without available: infinite again; no body for all
//
// PUT and DELETE answer {"pools":n}; bad input is 400 {"error":"..."}.
type admin struct {
	world *world.World
}

type capacity struct {
	world.Pool
	Available *int64 `json:"available,omitempty"`
}

const largestBody = 64 << 10

func (a admin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/capacity" {
		reply(w, http.StatusNotFound, problem(fmt.Errorf("%s: there is only /capacity", r.URL.Path)))
		return
	}
	switch r.Method {
	case http.MethodGet:
		reply(w, http.StatusOK, a.list())
	case http.MethodPut:
		a.change(w, r, a.set)
	case http.MethodDelete:
		a.change(w, r, func(c capacity) (int, error) { return a.world.FreeCapacity(c.Pool) })
	default:
		w.Header().Set("Allow", "GET, PUT, DELETE")
		reply(w, http.StatusMethodNotAllowed, problem(fmt.Errorf("%s is not served: use GET, PUT or DELETE", r.Method)))
	}
}

func (a admin) list() []capacity {
	list := []capacity{}
	for _, limit := range a.world.Limits() {
		list = append(list, capacity{Pool: limit.Pool, Available: &limit.Available})
	}
	return list
}

func (a admin) set(c capacity) (int, error) {
	if c.InstanceType == "" || c.Available == nil {
		return 0, errors.New(`instanceType and available are required, such as {"instanceType":"m5.large","zone":"*","capacityType":"*","available":0}`)
	}
	return a.world.SetCapacity(c.Pool, *c.Available)
}

func (a admin) change(w http.ResponseWriter, r *http.Request, change func(capacity) (int, error)) {
	var c capacity
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, largestBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		reply(w, http.StatusBadRequest, problem(fmt.Errorf("the body is not a pool as JSON: %w", err)))
		return
	}
	pools, err := change(c)
	if err != nil {
		reply(w, http.StatusBadRequest, problem(err))
		return
	}
	reply(w, http.StatusOK, map[string]int{"pools": pools})
}

func problem(err error) map[string]string { return map[string]string{"error": err.Error()} }

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone when this fails
}
