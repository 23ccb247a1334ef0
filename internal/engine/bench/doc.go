// Package bench is tests alone: it measures a whole controller over real daemons,
// in the same run as the least that could do the work and as Docker Compose, and
// reports what it measured. It judges nothing, and it knows of the product what a
// user does: the configuration, the status, and what Docker says.
package bench
