// Package plan decides: [Make] compares the desired project with what was
// observed and returns the steps that make them match, each with its cause. It
// is pure: it must not know a Docker client, the clock (now is an argument) or
// a log.
package plan
