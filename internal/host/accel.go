package host

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// accelChoice is kept until the host boots again.
type accelChoice struct {
	Boot  string `json:"boot"`
	Accel Accel  `json:"accel"`
}

const probeTime = 5 * time.Second

// chooseAccel uses KVM when it really runs this kernel: a device file, and
// even a virtual processor that starts, prove nothing on a host that is
// virtual itself.
func chooseAccel(ctx context.Context, home, kernel string) (Accel, error) {
	boot, err := bootID()
	if err != nil {
		return "", err
	}
	cache := filepath.Join(home, "accel.json")
	var kept accelChoice
	if err := readJSON(cache, &kept); err == nil && kept.Boot == boot {
		return kept.Accel, nil
	}
	choice := accelChoice{Boot: boot, Accel: TCG}
	if _, err := os.Stat("/dev/kvm"); err == nil && kvmRuns(ctx, kernel) {
		choice.Accel = KVM
	}
	return choice.Accel, writeJSON(cache, choice)
}

// kvmRuns boots the kernel without a root: one that runs says so and panics,
// which ends QEMU.
func kvmRuns(ctx context.Context, kernel string) bool {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	args := append(KVM.args(), "-machine", "q35", "-nodefaults", "-no-user-config", "-display", "none",
		"-m", "256", "-smp", "2", "-no-reboot", "-serial", "stdio",
		"-kernel", kernel, "-append", "console=ttyS0 panic=-1")
	out, err := exec.CommandContext(ctx, qemuProgram, args...).Output()
	return err == nil && bytes.Contains(out, []byte("Kernel panic"))
}

// AccelArguments are QEMU's arguments for the fastest processor that really
// runs this kernel on this host.
func AccelArguments(ctx context.Context, kernel string) (string, error) {
	home := DefaultHome()
	if err := os.MkdirAll(home, 0o700); err != nil {
		return "", fmt.Errorf("cannot keep what the processor can do: %w", err)
	}
	accel, err := chooseAccel(ctx, home, kernel)
	if err != nil {
		return "", err
	}
	return strings.Join(accel.args(), " "), nil
}
