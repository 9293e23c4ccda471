package region

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/drover-project/drover/lab/region/weather"
	"github.com/drover-project/drover/lab/region/world"
)

// admin serves the lab's own requests. Bodies are JSON, of an object; bad input
// is 400 {"error":"..."}.
//
//	GET     /capacity              the finite pools
//	PUT     /capacity              {"instanceType":"m5.large","zone":"*","capacityType":"on-demand","available":0}, or "total"
//	DELETE  /capacity              the same without a number: infinite again; no body for all
//	POST    /interruptions         weather.Interruption; answers the instances
//	POST    /recommendations       weather.Recommendation
//	POST    /scheduled-events      weather.Maintenance
//	DELETE  /scheduled-events      cancellation
//	PUT     /prices, /depths       weather.PriceChange, weather.DepthChange
//	GET     /pools?pool=T/Z&used=1 the Spot pools
//	PUT     /zones, DELETE /zones  weather.ZoneFailure, {"zone":"us-west-2a"}
//	GET     /weather               weather.Status
//	POST    /weather               {"seed":7,"intensity":1}; DELETE stops it
//	POST    /weather/replay        {"file":"storm.yaml","content":"..."}
type admin struct {
	world   *world.World
	weather *weather.Keeper
}

const largestBody = 4 << 20

func newAdmin(w *world.World, k *weather.Keeper) http.Handler {
	a := admin{world: w, weather: k}
	routes := http.NewServeMux()
	routes.HandleFunc("GET /capacity", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, a.list()) })
	routes.HandleFunc("PUT /capacity", served(a.set))
	routes.HandleFunc("DELETE /capacity", served(func(c capacity) (any, error) {
		pools, err := a.world.FreeCapacity(c.Pool)
		return changed{Pools: pools}, err
	}))
	routes.HandleFunc("POST /interruptions", served(func(in weather.Interruption) (any, error) { return listed(k.Interrupt(in)) }))
	routes.HandleFunc("POST /recommendations", served(func(in weather.Recommendation) (any, error) { return listed(k.Recommend(in)) }))
	routes.HandleFunc("POST /scheduled-events", served(func(in weather.Maintenance) (any, error) { return listed(k.Schedule(in)) }))
	routes.HandleFunc("DELETE /scheduled-events", served(func(in cancellation) (any, error) { return listed(k.CancelEvents(in.EventIDs, in.Selection)) }))
	routes.HandleFunc("PUT /prices", served(func(in weather.PriceChange) (any, error) {
		pools, err := k.SetPrice(in)
		return changed{Pools: pools}, err
	}))
	routes.HandleFunc("PUT /depths", served(func(in weather.DepthChange) (any, error) {
		pools, err := k.SetDepth(in)
		return changed{Pools: pools}, err
	}))
	routes.HandleFunc("GET /pools", a.pools)
	routes.HandleFunc("PUT /zones", served(func(in weather.ZoneFailure) (any, error) { return listed(k.FailZone(in)) }))
	routes.HandleFunc("DELETE /zones", served(func(in weather.ZoneName) (any, error) { return listed(nil, k.RestoreZone(in.Zone)) }))
	routes.HandleFunc("GET /weather", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, k.Status()) })
	routes.HandleFunc("POST /weather", served(func(in weather.Change) (any, error) {
		err := k.Start(in.Seed, in.Intensity)
		return k.Status(), err
	}))
	routes.HandleFunc("DELETE /weather", served(func(struct{}) (any, error) {
		stopped, err := k.Stop()
		return map[string][]string{"stopped": stopped}, err
	}))
	routes.HandleFunc("POST /weather/replay", served(func(in recording) (any, error) {
		if _, err := k.Replay(in.File, []byte(in.Content)); err != nil {
			return nil, err
		}
		return k.Status().Replay, nil
	}))
	routes.HandleFunc("/", unserved(routes))
	return routes
}

// unserved answers what no other route takes.
func unserved(routes *http.ServeMux) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var allowed []string
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
			other := r.Clone(r.Context())
			other.Method = method
			if _, pattern := routes.Handler(other); pattern != "/" {
				allowed = append(allowed, method)
			}
		}
		if len(allowed) == 0 {
			reply(w, http.StatusNotFound, problem(fmt.Errorf("%s: the lab has no such request", r.URL.Path)))
			return
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		reply(w, http.StatusMethodNotAllowed, problem(fmt.Errorf("%s is not served: use %s", r.Method, strings.Join(allowed, ", "))))
	}
}

type capacity struct {
	world.Pool
	Available *int64 `json:"available,omitempty"`
	Total     *int64 `json:"total,omitempty"`
	Seed      int64  `json:"seed,omitempty"`
}

// changed is the answer to a change of pools.
type changed struct {
	Pools       int                `json:"pools"`
	Interrupted []weather.Affected `json:"interrupted,omitempty"`
}

// cancellation names scheduled events, or the instances whose events are meant.
type cancellation struct {
	weather.Selection
	EventIDs []string `json:"eventIds,omitempty"`
}

// recording is a file of events; its name is for people.
type recording struct {
	File    string `json:"file"`
	Content string `json:"content"`
}

func (a admin) list() []capacity {
	list := []capacity{}
	for _, limit := range a.world.Limits() {
		list = append(list, capacity{Pool: limit.Pool, Available: &limit.Available})
	}
	return list
}

func (a admin) set(c capacity) (any, error) {
	if c.InstanceType == "" || (c.Available == nil) == (c.Total == nil) {
		return nil, errors.New(`instanceType and one of available and total are required, such as {"instanceType":"m5.large","zone":"*","capacityType":"*","available":0}`)
	}
	var answer changed
	var err error
	if c.Total != nil {
		answer.Pools, answer.Interrupted, err = a.weather.SetTotal(c.Pool, *c.Total, c.Seed)
	} else {
		answer.Pools, err = a.world.SetCapacity(c.Pool, *c.Available)
	}
	return answer, err
}

// pools lists the Spot pools that fit the pattern TYPE/ZONE, all without one.
func (a admin) pools(w http.ResponseWriter, r *http.Request) {
	var pattern world.Pool
	var err error
	if text := r.URL.Query().Get("pool"); text != "" {
		pattern, err = weather.ParsePool(text)
	}
	var list []weather.PoolNow
	if err == nil {
		list, err = a.weather.Pools(pattern, r.URL.Query().Has("used"))
	}
	answer(w, append([]weather.PoolNow{}, list...), err)
}

func listed(list []weather.Affected, err error) (any, error) {
	return append([]weather.Affected{}, list...), err
}

// served reads the body of a request and answers it.
func served[T any](do func(T) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in T
		decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, largestBody))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&in); err != nil && !errors.Is(err, io.EOF) {
			answer(w, nil, fmt.Errorf("the body is not what this request takes, as JSON: %w", err))
			return
		}
		body, err := do(in)
		answer(w, body, err)
	}
}

func answer(w http.ResponseWriter, body any, err error) {
	if err != nil {
		reply(w, http.StatusBadRequest, problem(err))
		return
	}
	reply(w, http.StatusOK, body)
}

func problem(err error) map[string]string { return map[string]string{"error": err.Error()} }

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone when this fails
}
