// Package cloudconfig knows what a user may write: layers, their merge with the
// origin of every value, strict decoding into [Config], validation, redaction of
// secrets, and editing a document without losing its comments. It is pure: it
// must not know files, the network, the clock, logs or Docker.
package cloudconfig
