package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// cutTime bounds how long the kernel takes to end everything of a machine.
const cutTime = 20 * time.Second

// Stop asks the machine to switch itself off. One that has not done so after
// timeout has its power cut, which is an error.
func (m *Machine) Stop(ctx context.Context, timeout time.Duration) error {
	run, err := m.Run()
	if err != nil {
		return err
	}
	if !run.up() {
		return nil
	}
	if err := m.order(&run, orderPowerOff); err != nil {
		return err
	}
	half, cancel := context.WithTimeout(ctx, timeout/2)
	defer cancel()
	err = run.Supervisor.wait(half)
	if err != nil && m.Spec.Kind == VirtualMachine && ctx.Err() == nil {
		// Nothing answers the power button yet, or any more.
		m.tryRemote(ctx, "poweroff")
	}
	whole, cancel := context.WithTimeout(ctx, timeout-timeout/2)
	defer cancel()
	if err = run.Supervisor.wait(whole); err == nil {
		m.hangUp(ctx)
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("cannot wait for machine %q to stop: %w", m.Spec.Name, ctx.Err())
	}
	late := fmt.Errorf("machine %q did not switch itself off within %s: its power was cut", m.Spec.Name, timeout)
	return errors.Join(late, m.Kill(ctx))
}

// Kill cuts the machine's power.
func (m *Machine) Kill(ctx context.Context) error {
	run, err := m.Run()
	if err != nil {
		return err
	}
	if run.up() {
		if err := m.order(&run, orderCut); err != nil {
			return err
		}
		bounded, cancel := context.WithTimeout(ctx, cutTime)
		defer cancel()
		if err := run.Supervisor.wait(bounded); err != nil {
			return errors.Join(fmt.Errorf("cannot end machine %q: %w", m.Spec.Name, err), m.bury(ctx, &run))
		}
	}
	m.hangUp(ctx)
	return m.bury(ctx, &run)
}

// bury ends what a supervisor that died may have left.
func (m *Machine) bury(ctx context.Context, run *Run) error {
	ctx, cancel := context.WithTimeout(ctx, cutTime)
	defer cancel()
	for _, p := range []Process{run.Supervisor, run.Main} {
		if err := p.signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		if err := p.wait(ctx); err != nil {
			return fmt.Errorf("cannot end process %d: %w", p.PID, err)
		}
	}
	if m.Spec.Kind != Namespaces {
		return nil
	}
	hierarchies, err := hostHierarchies()
	if err != nil {
		return err
	}
	return groups{hierarchies, m.group()}.remove()
}

// Reboot asks the machine to start again, and returns when it has begun to.
func (m *Machine) Reboot(ctx context.Context, timeout time.Duration) error {
	run, err := m.running()
	if err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	before := m.guestBoot(bounded, run)
	if m.Spec.Kind == VirtualMachine && before != "" {
		m.tryRemote(bounded, "reboot")
		m.hangUp(bounded)
	} else if err := m.order(run, orderReboot); err != nil {
		return err
	}
	for {
		if err := pause(bounded, readyPoll); err != nil {
			return fmt.Errorf("cannot see machine %q reboot: %w", m.Spec.Name, err)
		}
		now, err := m.Run()
		if err != nil {
			return err
		}
		if !now.up() {
			return fmt.Errorf("cannot reboot machine %q: it %s: %s", m.Spec.Name, now.State, now.Reason)
		}
		if boot := m.guestBoot(bounded, &now); boot != "" && boot != before {
			return nil
		}
	}
}

// guestBoot names the boot that the machine is in; empty when it cannot tell.
func (m *Machine) guestBoot(ctx context.Context, run *Run) string {
	if m.Spec.Kind == Namespaces {
		return fmt.Sprint(run.Boots)
	}
	if !sshAnswers(ctx, run.SSHPort, greetingLast) {
		return ""
	}
	out, err := m.ssh(ctx, run, false, "rancher", "cat /proc/sys/kernel/random/boot_id").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// tryRemote runs a command that ends the connection it came over.
func (m *Machine) tryRemote(ctx context.Context, command string) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if cmd, err := m.Command(ctx, Where{}, command); err == nil {
		_ = cmd.Run()
	}
}

func (m *Machine) order(run *Run, order syscall.Signal) error {
	err := run.Supervisor.signal(order)
	if errors.Is(err, os.ErrProcessDone) {
		return nil // it ended by itself meanwhile
	}
	return err
}

// Remove takes the machine away with its disks. A running one is only removed
// by force.
func (m *Machine) Remove(ctx context.Context, force bool) error {
	run, err := m.Run()
	if err != nil && !force {
		return err
	}
	if run.up() && !force {
		return fmt.Errorf("cannot remove machine %q: it is running; stop it first, or use --force", m.Spec.Name)
	}
	if err := m.Kill(ctx); err != nil {
		return err
	}
	if err := m.checkNoMounts(); err != nil {
		return err
	}
	if err := os.RemoveAll(m.dir); err != nil {
		return fmt.Errorf("cannot remove machine %q: %w", m.Spec.Name, err)
	}
	return nil
}

// checkNoMounts keeps [Machine.Remove] from deleting through a mount that
// somebody made in the machine's folder.
func (m *Machine) checkNoMounts() error {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("cannot read the host's mounts: %w", err)
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) > 4 && strings.HasPrefix(fields[4], m.dir+"/") {
			return fmt.Errorf("cannot remove machine %q: something is mounted at %s", m.Spec.Name, fields[4])
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("cannot read the host's mounts: %w", err)
	}
	return nil
}
