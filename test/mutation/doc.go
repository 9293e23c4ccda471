// Package mutation checks the tests: it breaks one rule of the engine at a time
// and requires that a test goes red. `make mutation` runs it; the ordinary
// tests only check that every mutant still applies.
package mutation
