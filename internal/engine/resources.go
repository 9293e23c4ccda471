package engine

import (
	"sort"
	"strconv"

	"github.com/drover-project/drover/internal/model"
)

// vector is an amount of each resource that some pending pod asks for, in the
// order of resourceIndex.names.
type vector []int64

// resourceIndex gives the resources that can decide a placement a fixed place.
// Resources that no pending pod asks for cannot keep one out.
type resourceIndex struct {
	names []string
}

func newResourceIndex(pending []model.Pod) resourceIndex {
	names := requested(pending, []string{model.CPU, model.Memory, model.PodCount}, 1)
	sort.Strings(names)
	return resourceIndex{names: names}
}

// isDevice reports whether nodes have the resource for some pods only: GPUs, mostly.
func (x resourceIndex) isDevice(r int) bool {
	name := x.names[r]
	return name != model.CPU && name != model.Memory && name != model.PodCount && name != model.EphemeralStorage
}

// requested adds to names those of which some pod asks for at least so much.
// Most pods ask for the same resources: looking those up is faster than going
// through what a pod asks for.
func requested(pods []model.Pod, names []string, least int64) []string {
	for i := range pods {
		requests := pods[i].Requests
		unknown := len(requests)
		for _, name := range names {
			if _, known := requests[name]; known {
				unknown--
			}
			if unknown == 0 {
				break
			}
		}
		if unknown == 0 {
			continue
		}
		for _, name := range sortedKeys(requests) {
			if requests[name] >= least && !contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

func (x resourceIndex) vector(amounts model.Resources) vector {
	v := make(vector, len(x.names))
	x.read(amounts, v)
	return v
}

func (x resourceIndex) read(amounts model.Resources, v vector) {
	for i, name := range x.names {
		v[i] = amounts[name]
	}
}

// podVector counts one pod even when the caller forgot the PodCount.
func (x resourceIndex) podVector(requests model.Resources) vector {
	v := make(vector, len(x.names))
	x.readPod(requests, v)
	return v
}

func (x resourceIndex) readPod(requests model.Resources, v vector) {
	x.read(requests, v)
	for i, name := range x.names {
		if name == model.PodCount && v[i] == 0 {
			v[i] = 1
		}
	}
}

func (v vector) clone() vector { return append(vector(nil), v...) }

func (v vector) add(other vector, times int) {
	for i := range v {
		v[i] += other[i] * int64(times)
	}
}

// fits reports whether v is at most room wherever something is asked for.
func (v vector) fits(room vector) bool {
	for i, amount := range v {
		if amount > 0 && amount > room[i] {
			return false
		}
	}
	return true
}

// times returns how often v fits into room, at most limit.
func (v vector) times(room vector, limit int) int {
	for i, amount := range v {
		if amount <= 0 {
			continue
		}
		if room[i] < amount {
			return 0
		}
		if n := room[i] / amount; n < int64(limit) {
			limit = int(n)
		}
	}
	return limit
}

// share is the largest part that v takes of any resource of room.
func (v vector) share(room vector) float64 {
	largest := 0.0
	for i, amount := range v {
		if amount > 0 {
			largest = max(largest, float64(amount)/float64(max(room[i], 1)))
		}
	}
	return largest
}

// has reports whether v, which podVector made of the requests, has all of them, and
// more than nothing of each.
func (v vector) has(requests model.Resources) bool {
	asked := len(requests)
	if _, counted := requests[model.PodCount]; !counted {
		asked++
	}
	for _, amount := range v {
		if amount > 0 {
			asked--
		}
	}
	return asked == 0
}

// costs reports whether some resource of v alone, at these prices of a unit, surely
// costs so much.
func (v vector) costs(units []float64, least int64) bool {
	bound := float64(least) + 1
	for i, amount := range v {
		if float64(float64(amount)*units[i]) >= bound {
			return true
		}
	}
	return false
}

// podRequests is what a pod counts for, with its one PodCount.
func podRequests(pod *model.Pod) model.Resources {
	if pod.Requests[model.PodCount] > 0 {
		return pod.Requests
	}
	return pod.Requests.Add(model.Resources{model.PodCount: 1})
}

// quantity writes an amount the way people write it in a manifest.
func quantity(name string, amount int64) string {
	switch name {
	case model.CPU:
		if amount%1000 == 0 {
			return strconv.FormatInt(amount/1000, 10)
		}
		return strconv.FormatInt(amount, 10) + "m"
	case model.Memory, model.EphemeralStorage:
		return byteQuantity(amount)
	}
	return strconv.FormatInt(amount, 10)
}

func byteQuantity(amount int64) string {
	const mi, gi = int64(1) << 20, int64(1) << 30
	switch {
	case amount == 0:
		return "0"
	case amount%gi == 0:
		return strconv.FormatInt(amount/gi, 10) + "Gi"
	case amount >= 10*gi || amount <= -10*gi:
		return strconv.FormatFloat(float64(amount)/float64(gi), 'f', 1, 64) + "Gi"
	case amount >= mi || amount <= -mi:
		return strconv.FormatInt(amount/mi, 10) + "Mi"
	}
	return strconv.FormatInt(amount, 10)
}
