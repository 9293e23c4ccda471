package world

import (
	"sync"

	"github.com/drover-project/drover/lab/machine"
	"github.com/drover-project/drover/lab/region/store"
)

// watchers are those who are told of machines, each in its own goroutine and
// with its own queue, so that a slow one delays nobody.
type watchers struct {
	mu     sync.Mutex
	next   int
	queues map[int]*queue
}

func newWatchers() *watchers { return &watchers{queues: map[int]*queue{}} }

func (w *watchers) add(q *queue) (remove func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	id := w.next
	w.next++
	w.queues[id] = q
	return func() {
		w.mu.Lock()
		delete(w.queues, id)
		w.mu.Unlock()
		q.close()
	}
}

func (w *watchers) publish(m machine.Machine) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, q := range w.queues {
		q.push(m)
	}
}

func (w *watchers) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, q := range w.queues {
		q.close()
	}
}

// queue is unbounded: the region must not wait for whoever watches it.
type queue struct {
	mu     sync.Mutex
	ready  *sync.Cond
	items  []machine.Machine
	closed bool
}

func newQueue() *queue {
	q := &queue{}
	q.ready = sync.NewCond(&q.mu)
	return q
}

func (q *queue) push(m machine.Machine) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = append(q.items, m)
	q.ready.Signal()
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.items = nil
	q.ready.Signal()
}

// pop waits for the next item; ok is false once the queue is closed.
func (q *queue) pop() (m machine.Machine, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && !q.closed {
		q.ready.Wait()
	}
	if q.closed {
		return m, false
	}
	m, q.items = q.items[0], q.items[1:]
	return m, true
}

// Watch implements machine.Source.
func (w *World) Watch(changed func(machine.Machine)) (stop func()) {
	var present []machine.Machine
	q := newQueue()
	w.Store.View(func() {
		for _, i := range w.Instances.All() {
			if i.State != machine.Terminated {
				present = append(present, w.Machine(i))
			}
		}
		stop = w.watchers.add(q)
	})
	for _, m := range present {
		changed(m)
	}
	go func() {
		for m, ok := q.pop(); ok; m, ok = q.pop() {
			changed(m)
		}
	}()
	return stop
}

// putInstance stores an instance and tells the watchers once that is durable.
func (w *World) putInstance(tx *store.Tx, i Instance) error {
	tx.OnCommit(func() { w.watchers.publish(w.Machine(i)) })
	return w.Instances.Put(tx, i.ID, i)
}

func (w *World) hardware(instanceType string) machine.Hardware {
	t, _ := w.Catalog.Type(instanceType)
	return machine.Hardware{
		Arch: t.Arch, VCPU: t.VCPU, MemoryMiB: t.MemoryMiB,
		ENIs: t.ENIs, IPv4PerENI: t.IPv4PerENI, MaxPodsENI: t.MaxPods, BranchENIs: t.BranchENIs,
		GPUs: t.GPU.Count, GPUName: t.GPU.Name, Accelerators: t.Neuron.Devices,
	}
}

// consoleLines is how much of a machine's output is kept.
const consoleLines = 500

// WriteConsole implements machine.Console.
func (w *World) WriteConsole(id, line string) {
	err := w.Store.Update(func(tx *store.Tx) error {
		i, found := w.Instances.Get(id)
		if !found {
			return nil
		}
		kept := i.Console[max(0, len(i.Console)+1-consoleLines):]
		i.Console = append(append([]string(nil), kept...), line)
		return w.Instances.Put(tx, id, i)
	})
	if err != nil {
		w.Options.Log.Error("console output is lost", "instance", id, "error", err)
	}
}
