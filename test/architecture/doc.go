// Package architecture holds the arrows of ARCHITECTURE.md, and the sizes that
// CONTRIBUTING.md asks for, as tests.
package architecture
