// Package source finds and parses the layers of the configuration: the files in
// the image and on the state partition, what datasources gave, and the kernel
// command line; it recognises the formats of user-data, and takes apart what is
// packed together. It keeps what datasources gave, for this boot and for the
// instance. It changes the user's own file, durably and under a lock, keeps what
// that file was, takes back what was on trial, and tells of changes by others. In
// the place of a layer that went bad it gives the last copy with which the machine
// converged. It must not know what the configuration means, and it talks to no
// network and to no Docker.
package source
