// Package mutation breaks one rule of the engine at a time and expects the
// engine's tests to notice: a rule that can be broken unseen is not tested.
package mutation
