package host

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
)

const qemuProgram = "qemu-system-x86_64"

// Accel is how QEMU runs the machine's processors.
type Accel string

// The ways to run a virtual machine.
const (
	KVM Accel = "kvm"
	TCG Accel = "tcg"
)

func (a Accel) args() []string {
	if a == KVM {
		return []string{"-accel", "kvm", "-cpu", "host"}
	}
	return []string{"-accel", "tcg,thread=multi", "-cpu", "max"}
}

// qemuArgs is QEMU's command line. QEMU runs in the machine's folder, so that
// the names of sockets stay short.
func qemuArgs(spec *Spec, accel Accel, sshPort int) []string {
	args := []string{
		"-name", spec.Name, "-machine", "q35", "-nodefaults", "-no-user-config", "-display", "none",
		"-smp", fmt.Sprint(spec.CPUs), "-m", fmt.Sprint(spec.MemoryMiB),
	}
	args = append(args, accel.args()...)
	args = append(args,
		"-kernel", filepath.Join(spec.Image, "vmlinuz"),
		"-initrd", filepath.Join(spec.Image, "initrd"),
		"-append", kernelCommandLine(spec, accel),
		"-chardev", "socket,id=console,path=console.sock,server=on,wait=off,logfile=console.log,logappend=on",
		"-serial", "chardev:console",
		"-qmp", "unix:qmp.sock,server=on,wait=off",
		"-device", "virtio-rng-pci",
	)
	for i, d := range spec.Disks {
		args = append(args, "-drive", "if=virtio,format=raw,discard=unmap,detect-zeroes=unmap,file="+optionValue(d.image(i)))
	}
	args = append(args, "-drive", "if=virtio,format=raw,readonly=on,file="+optionValue(spec.seedDisk()))
	for _, table := range spec.SMBIOS {
		args = append(args, "-smbios", table)
	}
	for nic := range spec.NICs {
		args = append(args, nicArgs(spec, nic, sshPort)...)
	}
	return args
}

// optionValue writes a value among QEMU's options, which commas separate.
func optionValue(s string) string { return strings.ReplaceAll(s, ",", ",,") }

// nicArgs joins one interface to a network of its own. The first one forwards
// SSH and the published ports; the others differ in their addresses, so that
// the machine's routes do not meet.
func nicArgs(spec *Spec, nic, sshPort int) []string {
	backend := fmt.Sprintf("user,id=net%d", nic)
	if nic == 0 {
		backend += forward(sshPort, 22)
		for _, p := range spec.Publish {
			backend += forward(p.Host, p.Guest)
		}
	} else {
		backend += fmt.Sprintf(",net=10.0.%d.0/24", 2+nic)
	}
	device := fmt.Sprintf("virtio-net-pci,romfile=,netdev=net%d,mac=%s", nic, net.HardwareAddr(spec.mac(nic)))
	return []string{"-netdev", backend, "-device", device}
}

func forward(host, guest int) string {
	return fmt.Sprintf(",hostfwd=tcp:127.0.0.1:%d-:%d", host, guest)
}

func kernelCommandLine(spec *Spec, accel Accel) string {
	words := []string{"console=ttyS0"}
	if accel == TCG {
		// A busy host delays an emulated timer enough for the kernel to take it
		// for broken, and to panic.
		words = append(words, "no_timer_check")
	}
	if len(spec.Disks) > 0 {
		words = append(words, "rancher.state.dev=LABEL=RANCHER_STATE", "rancher.state.autoformat=[/dev/vda]")
	}
	if spec.Append != "" {
		words = append(words, spec.Append)
	}
	return strings.Join(words, " ")
}
