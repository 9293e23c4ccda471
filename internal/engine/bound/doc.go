// Package bound proves how little any plan could cost. It takes prices for pods
// from whoever found them and trusts none: in whole numbers it looks how far
// the pods on one node could be worth more than the node costs, and scales the
// prices down by the worst case. It shares no code with the solver.
package bound
