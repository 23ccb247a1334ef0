// Package servicectl keeps the machine's services converged: it observes, asks
// package plan what to do, executes the steps, and publishes a status. It owns
// restarts, backoff and intents, and serves the controller's API. It must not
// know a Docker client: it declares the [Engine] it needs.
package servicectl
