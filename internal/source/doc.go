// Package source finds and parses the layers of the configuration: the files in
// the image and on the state partition, what datasources gave, and the kernel
// command line; it recognises the formats of user-data and writes the user's
// own file durably. It must not know what the configuration means, and it talks
// to no network and to no Docker.
package source
