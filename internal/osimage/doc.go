// Package osimage builds what boots: the root file system, the kernel, the
// initrd and the system images. It knows Debian packages, squashfs, cpio and
// kernel modules; it must not know how a running machine is configured.
//
// Everything goes through a [Tree] in memory, so that owners, modes, times and
// the order of files never depend on the host: the same inputs give the same
// bytes, and no step but apt's own needs more than an ordinary user.
package osimage
