// Package manifest reads Kubernetes objects from files the way kubectl does,
// and more strictly: a field that does not exist, a value of the wrong type and
// an amount that is no quantity are problems with file, line and field. It finds
// all of them at once. What the objects mean is for others to say.
package manifest
