// Package engine decides: which pending pods go to which nodes, and which nodes
// to buy for the rest at the least cost per hour. It is a pure function of its
// input. It reads no clock, draws no random number and talks to nobody, so the
// same Snapshot gives the same Plan on every machine, in any order of input.
package engine
