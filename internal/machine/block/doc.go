// Package block reads and writes what is at the beginning and the end of a block
// device: superblocks, signatures, partition tables of both kinds; and tells the
// kernel when a table has changed.
//
// It knows bytes on a device and the kernel's block layer. It decides nothing
// about what should be on a device, and knows no configuration.
package block
