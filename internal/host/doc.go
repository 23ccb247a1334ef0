// Package host runs machines on a developer's host: in Linux namespaces
// ([Namespaces]) and in QEMU ([VirtualMachine]).
//
// It knows the files an image build leaves behind (vmlinuz, initrd,
// root.squashfs), how to give a machine its disks, network, seed and console,
// and how to take all of it away again. It must not know what happens inside
// the machine: from there it uses only `ros wait`, `ros status`, SSH, the
// console container and the signals PID 1 answers to.
//
// Every running machine has one supervisor process, in a session of its own,
// which owns everything that machine is made of. The commands only talk to it
// by signals and read what it wrote down; when it dies, the machine dies with
// it, and [Machine.Remove] finds the rest.
package host
