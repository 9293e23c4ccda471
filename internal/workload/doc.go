// Package workload reads workloads in a neutral form - groups of equal pods as
// JSON, and a catalogue of instance types as CSV - into a model.Snapshot, so
// that plans can be made and measured without a cluster.
package workload
