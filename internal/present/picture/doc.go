// Package picture draws a plan: every node as a rectangle as large as the node,
// filled with its pods in the colours of their workloads. The same plan gives
// the same bytes.
package picture
