// Package enginetest draws clusters to judge the engine with, and makes those
// that it fails on as small as they can be. Chance comes from the caller, so
// that a property test, a seed and a fuzzer can all drive it.
package enginetest
