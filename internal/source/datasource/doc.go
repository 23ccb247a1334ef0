// Package datasource asks clouds, addresses and files for what they have for this
// machine: user-data, meta-data, vendor-data, the network. It decides which of
// them can be here, asks those at once and takes the first in order that answers,
// keeps what it said over reboots, and fetches what user-data includes. It must
// not know what any of that means: package source reads it. What is on disks is
// PID 1's business.
package datasource
