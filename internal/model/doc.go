// Package model is drover's vocabulary as plain data: pods, nodes, offerings,
// NodePools, and the Snapshot, Plan and Report that pass between observing,
// deciding and acting. It imports the standard library only, so that every
// value can be printed, compared, stored and replayed.
package model
