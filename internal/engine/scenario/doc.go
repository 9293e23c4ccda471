// Package scenario reads and writes the small language in which the engine's
// test cases are kept: one thing per line, a verb, a name, and key=value words.
// ../testdata/README.md explains every line.
package scenario
