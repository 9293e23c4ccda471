// Package oracle judges plans by the real kube-scheduler, in this process: its
// cache, its queue of nominations and its default profile with all plugins, over
// the nodes that a plan would bring about. There is no API server and nothing
// waits, so that thousands of clusters can be judged in a test.
//
// It builds Kubernetes objects from the model by itself and shares no code with
// what translates the other way.
package oracle
