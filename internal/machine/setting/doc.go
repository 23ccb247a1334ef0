// Package setting makes the machine match Config, at boot and at every change
// of it: names, users, keys, files, kernel settings, clock, disks, mounts; runs
// the commands of the configuration; and hands over to the services network,
// console and ntp what they need of it.
//
// It is a list of modules ([modules]), each of which compares what is with what
// should be and changes only the difference: applying the same Config again
// changes nothing. [Preview] is the same comparison without the changes. What may
// take long is done in the background ([Machine.Run]).
//
// It knows the host's files. It starts no service, knows no Docker, and reads no
// layer of the configuration.
package setting
