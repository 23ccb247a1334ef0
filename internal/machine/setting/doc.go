// Package setting makes the machine match Config, at boot and at every change
// of it: host name, users, keys, files, modules and kernel settings; and hands
// over to the services network and console what they need of it.
//
// It knows the host's files. It starts no service, knows no Docker, and reads no
// layer of the configuration. Applying the same Config again changes nothing.
package setting
