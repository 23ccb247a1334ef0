// Package compose turns a configuration and service definitions, in RancherOS's
// compose v1 keys or today's compose specification, into a [Project]: services
// with their dependency graph, readiness checks and hashes. It is pure: it must
// not know files, the network, the clock, or a Docker client.
package compose
