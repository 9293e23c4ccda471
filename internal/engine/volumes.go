package engine

import (
	"sort"
	"strings"

	"github.com/drover-project/drover/internal/model"
)

// Volumes that drivers attach are counted like any other resource: a pod asks
// for as many as it brings, a node offers what its limits leave.
const (
	volumeResource = "attachable-volumes-csi-"
	// sharedResource is asked for by pods with a volume for which room is set
	// aside; nodes without that room do not offer it.
	sharedResource  = "attachable-volumes-shared-"
	unlimitedVolume = int64(1) << 40
	// maxSetAside bounds, for each driver, the shared volumes for which every
	// node keeps room; further ones are counted for each of their pods.
	maxSetAside = 4
	// Room is only set aside for volumes of so many pods, and where nodes attach
	// so many volumes that nobody else misses it.
	manyUsers    = 8
	generousRoom = 16
	// maxHolders bounds how often an exclusive volume is offered to the next pod
	// because the one before found no place.
	maxHolders = 6
)

// attachments is what is known of the volumes of a snapshot.
type attachments struct {
	limited  map[string]bool         // drivers with a limit anywhere
	least    map[string]int64        // their least limit
	setAside map[string][]string     // by driver, IDs of shared volumes
	aside    map[model.Volume]bool   // the same, to look up
	users    map[model.Volume]int    // pending pods by volume
	running  map[model.Volume]string // exclusive volumes in use, by whom
}

// withVolumes returns the snapshot with attachable volumes as resources and with
// pods blocked that cannot have their ReadWriteOncePod volume, and the pods that
// got one before others. It returns the snapshot itself when no pending pod has
// a volume. Pods in passed have had their turn.
func withVolumes(snapshot *model.Snapshot, passed map[model.PodKey]bool) (*model.Snapshot, map[model.PodKey]bool) {
	if !anyVolume(snapshot.Pending) {
		return snapshot, nil
	}
	a := &attachments{limited: map[string]bool{}, least: map[string]int64{}, setAside: map[string][]string{}, aside: map[model.Volume]bool{},
		users: map[model.Volume]int{}, running: map[model.Volume]string{}}
	a.findLimits(snapshot)
	a.findShared(snapshot)
	counted := *snapshot
	holders := map[model.PodKey]bool{}
	counted.Pending = a.pending(snapshot.Pending, a.holders(snapshot.Pending, passed), holders)
	counted.Nodes = append([]model.Node(nil), snapshot.Nodes...)
	for i := range counted.Nodes {
		n := &counted.Nodes[i]
		n.Allocatable = a.room(n.Allocatable, n.AttachLimits, attachedTo(n))
	}
	counted.Catalogs = make(map[string]model.Catalog, len(snapshot.Catalogs))
	for name, catalog := range snapshot.Catalogs {
		catalog.InstanceTypes = append([]model.InstanceType(nil), catalog.InstanceTypes...)
		for i := range catalog.InstanceTypes {
			t := &catalog.InstanceTypes[i]
			t.Allocatable = a.room(t.Allocatable, t.AttachLimits, nil)
		}
		counted.Catalogs[name] = catalog
	}
	return &counted, holders
}

// passOn notes the holders that found no place, and all pods like them; it
// returns whether there are any that had not been noted.
func passOn(snapshot *model.Snapshot, holders map[model.PodKey]bool, unplaced []model.PodReason, passed map[model.PodKey]bool) bool {
	if len(holders) == 0 {
		return false
	}
	failed := map[model.PodKey]bool{}
	for _, reason := range unplaced {
		for _, key := range reason.Pods {
			failed[key] = failed[key] || holders[key]
		}
	}
	signer, kinds, news := newSigner(snapshot), map[string]bool{}, false
	for i := range snapshot.Pending {
		if pod := &snapshot.Pending[i]; failed[pod.PodKey] {
			kinds[string(signer.sign(pod))] = true
		}
	}
	for i := range snapshot.Pending {
		if pod := &snapshot.Pending[i]; len(kinds) > 0 && len(pod.Volumes) > 0 && kinds[string(signer.sign(pod))] {
			news = news || !passed[pod.PodKey]
			passed[pod.PodKey] = true
		}
	}
	return news
}

func anyVolume(pods []model.Pod) bool {
	for i := range pods {
		if len(pods[i].Volumes) > 0 {
			return true
		}
	}
	return false
}

func (a *attachments) findLimits(snapshot *model.Snapshot) {
	note := func(limits map[string]int64) {
		for driver, limit := range limits {
			if !a.limited[driver] || limit < a.least[driver] {
				a.limited[driver], a.least[driver] = true, limit
			}
		}
	}
	for i := range snapshot.Nodes {
		note(snapshot.Nodes[i].AttachLimits)
	}
	for _, catalog := range snapshot.Catalogs {
		for i := range catalog.InstanceTypes {
			note(catalog.InstanceTypes[i].AttachLimits)
		}
	}
}

// findShared notes who uses which volume and for which shared ones every node
// keeps room: those with most pods.
func (a *attachments) findShared(snapshot *model.Snapshot) {
	for i := range snapshot.Pending {
		for _, v := range distinct(snapshot.Pending[i].Volumes) {
			a.users[identity(v)]++
		}
	}
	for i := range snapshot.Nodes {
		for j := range snapshot.Nodes[i].Pods {
			pod := &snapshot.Nodes[i].Pods[j]
			for _, v := range pod.Volumes {
				if user := a.running[identity(v)]; user == "" || pod.String() < user {
					a.running[identity(v)] = pod.String()
				}
			}
		}
	}
	var shared []model.Volume
	for v, users := range a.users {
		if users >= manyUsers && a.limited[v.Driver] && a.least[v.Driver] >= generousRoom {
			shared = append(shared, v)
		}
	}
	sort.Slice(shared, func(i, j int) bool {
		x, y := shared[i], shared[j]
		if a.users[x] != a.users[y] {
			return a.users[x] > a.users[y]
		}
		return x.Driver < y.Driver || x.Driver == y.Driver && x.ID < y.ID
	})
	for _, v := range shared {
		if len(a.setAside[v.Driver]) < maxSetAside {
			a.setAside[v.Driver] = append(a.setAside[v.Driver], v.ID)
			a.aside[v] = true
		}
	}
}

func identity(v model.Volume) model.Volume { return model.Volume{Driver: v.Driver, ID: v.ID} }

// distinct leaves out volumes that a pod mounts twice.
func distinct(volumes []model.Volume) []model.Volume {
	var list []model.Volume
	for i, v := range volumes {
		first := true
		for _, other := range volumes[:i] {
			first = first && identity(other) != identity(v)
		}
		if first {
			list = append(list, v)
		}
	}
	return list
}

// holders gives every exclusive volume to the most important pod that wants it
// and has not had its turn, or when all had theirs to the most important.
func (a *attachments) holders(pods []model.Pod, passed map[model.PodKey]bool) map[model.Volume]*model.Pod {
	holder := map[model.Volume]*model.Pod{}
	for i := range pods {
		if len(pods[i].Blocked)+len(pods[i].Unsupported) > 0 {
			continue
		}
		for _, v := range pods[i].Volumes {
			if best := holder[identity(v)]; v.Exclusive && (best == nil || outranks(&pods[i], best, passed)) {
				holder[identity(v)] = &pods[i]
			}
		}
	}
	return holder
}

// pending returns the pods with their volumes among their requests, and blocked
// where another pod has their exclusive volume. It notes who got one before others.
func (a *attachments) pending(pods []model.Pod, holder map[model.Volume]*model.Pod, before map[model.PodKey]bool) []model.Pod {
	counted := append([]model.Pod(nil), pods...)
	for i := range counted {
		pod := &counted[i]
		if len(pod.Volumes) == 0 {
			continue
		}
		pod.Requests = a.requests(pod)
		for _, v := range pod.Volumes {
			user, inUse := a.running[identity(v)]
			if other := holder[identity(v)]; v.Exclusive && !inUse && other != nil && other.PodKey != pod.PodKey {
				user, inUse = other.String(), true
				before[other.PodKey] = true
			}
			if v.Exclusive && inUse {
				pod.Blocked = append(append([]model.Reason(nil), pod.Blocked...), model.Reason{Code: model.CodeVolumeInUse,
					Message: "the ReadWriteOncePod volume " + v.ID + " is for one pod at a time, and " + user + " has it"})
			}
		}
	}
	return counted
}

func outranks(a, b *model.Pod, passed map[model.PodKey]bool) bool {
	if passed[a.PodKey] != passed[b.PodKey] {
		return passed[b.PodKey]
	}
	if a.Priority != b.Priority {
		return a.Priority > b.Priority
	}
	return lessKey(a.PodKey, b.PodKey)
}

func (a *attachments) requests(pod *model.Pod) model.Resources {
	requests := pod.Requests.Add(nil)
	for _, v := range distinct(pod.Volumes) {
		switch {
		case !a.limited[v.Driver]:
		case a.aside[identity(v)]:
			requests[sharedResource+v.Driver] = 1
		default:
			requests[volumeResource+v.Driver]++
		}
	}
	return requests
}

// room adds what a node's limits leave to its allocatable resources.
func (a *attachments) room(allocatable model.Resources, limits map[string]int64, attached map[model.Volume]bool) model.Resources {
	room := allocatable.Add(nil)
	for driver := range a.limited {
		limit, known := limits[driver]
		if !known {
			room[volumeResource+driver], room[sharedResource+driver] = unlimitedVolume, unlimitedVolume
			continue
		}
		for v := range attached {
			if v.Driver == driver {
				limit--
			}
		}
		for _, id := range a.setAside[driver] {
			if !attached[model.Volume{Driver: driver, ID: id}] {
				limit--
			}
		}
		room[volumeResource+driver] = limit
		if limit >= 0 {
			room[sharedResource+driver] = unlimitedVolume
		}
	}
	return room
}

func attachedTo(n *model.Node) map[model.Volume]bool {
	attached := map[model.Volume]bool{}
	for i := range n.Pods {
		for _, v := range n.Pods[i].Volumes {
			attached[identity(v)] = true
		}
	}
	for _, v := range n.Attached {
		attached[identity(v)] = true
	}
	return attached
}

// volumeDriver returns the driver whose volumes a resource counts.
func volumeDriver(resource string) (string, bool) {
	if driver, ok := strings.CutPrefix(resource, volumeResource); ok {
		return driver, true
	}
	return strings.CutPrefix(resource, sharedResource)
}

// withoutVolumes leaves out what no kubelet knows as a resource.
func withoutVolumes(requests model.Resources) model.Resources {
	for name := range requests {
		if _, isVolume := volumeDriver(name); isVolume {
			delete(requests, name)
		}
	}
	return requests
}
