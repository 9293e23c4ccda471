// Package offline is a Kubernetes cluster that exists in manifests only. It does
// to them what the API server (defaults, admission) and the workload controllers
// (pods from templates) would do, as far as a plan depends on it, and answers
// reads like an informer cache.
package offline
