// Package engine talks to the machine's two Docker daemons: it observes them,
// makes the steps of a plan, follows events and copies logs. Containers are
// created through Docker Compose's library, so that the compose specification
// means here what it means there. It is the only package that knows a Docker
// client; it must not decide what should run, nor when.
package engine
