// Package defaults holds what drover plans for manifests against what the API
// server itself would have made of them.
package defaults
