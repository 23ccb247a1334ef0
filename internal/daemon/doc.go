// Package daemon says how the two Docker daemons of the machine are configured:
// it turns a [cloudconfig.Config] into dockerd's arguments, environment and
// daemon.json, for System Docker and for User Docker.
//
// It is pure: what it must know of the machine comes in an [Env]. It must not
// start a daemon, nor read or write a file.
package daemon
