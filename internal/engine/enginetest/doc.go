// Package enginetest is for tests of whatever needs an engine: [Fake], an
// in-memory Docker that refuses what Docker refuses and fails on demand, and
// [Conformance], the suite that the fake and the real engine both pass. It must
// not know a Docker client.
package enginetest
