package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// StartOptions say what machine to start. What is left at its zero value is
// the default for a new machine, and stays as it is for an existing one.
type StartOptions struct {
	Name        string
	Kind        Kind // needed for a new machine
	Image       string
	CloudConfig string // a file
	Append      string
	MemoryMiB   int
	CPUs        int
	NICs        *int
	Unplugged   []string // interfaces whose cables are out until [Machine.Plug]
	Disks       []Disk
	NoDisk      bool
	StateSize   int64
	Seed        string // a folder or a disk, in place of one that is made of CloudConfig
	Key         string // a file, in place of a key that is made
	Publish     []Publish
	SMBIOS      []string // tables of a virtual machine's firmware
	Progress    func(line string)
}

// defaultImage is where the image build leaves its files.
const defaultImage = "build"

// Start makes the machine if there is none of that name, and boots it. It
// returns when its supervisor has started it; see [Machine.WaitReady].
func Start(ctx context.Context, store *Store, o StartOptions) (*Machine, error) {
	m, err := store.Open(o.Name)
	created := errors.Is(err, ErrNoMachine)
	switch {
	case created:
		if m, err = o.newMachine(ctx, store); err != nil {
			return nil, err
		}
		o.Progress("made machine " + o.Name)
	case err != nil:
		return nil, err
	}
	err = m.prepare(o)
	if err == nil && len(o.Unplugged) > 0 {
		err = m.Plug(false, o.Unplugged...)
	}
	if err == nil {
		err = m.launch(ctx, o.Progress)
	}
	if err != nil && created {
		// What never ran is of no use to anybody.
		err = errors.Join(err, m.Remove(ctx, true))
	}
	return m, err
}

func (o *StartOptions) newMachine(ctx context.Context, store *Store) (*Machine, error) {
	if o.Kind == "" {
		return nil, fmt.Errorf("cannot find machine %q: %w; to make it, say --ns or --vm", o.Name, ErrNoMachine)
	}
	spec := Spec{Name: o.Name, Kind: o.Kind, NICs: defaultNICs, Image: defaultImage, Disks: o.Disks, StateSize: o.StateSize}
	if o.Kind == VirtualMachine {
		spec.MemoryMiB, spec.CPUs = defaultMemoryMiB, defaultCPUs
		if len(o.Disks) == 0 && !o.NoDisk {
			spec.Disks = []Disk{{Size: defaultDisk}}
		}
	}
	if err := o.apply(&spec); err != nil {
		return nil, err
	}
	return store.create(ctx, spec)
}

// apply sets what was asked for and checks the whole.
func (o *StartOptions) apply(spec *Spec) error {
	if o.Image != "" {
		spec.Image = o.Image
	}
	if o.Append != "" {
		spec.Append = o.Append
	}
	if o.MemoryMiB > 0 {
		spec.MemoryMiB = o.MemoryMiB
	}
	if o.CPUs > 0 {
		spec.CPUs = o.CPUs
	}
	if o.NICs != nil {
		spec.NICs = *o.NICs
	}
	if len(o.Publish) > 0 {
		spec.Publish = o.Publish
	}
	if len(o.SMBIOS) > 0 {
		spec.SMBIOS = o.SMBIOS
	}
	if o.Seed != "" {
		spec.Seed = o.Seed
	}
	if o.Key != "" {
		spec.Key = o.Key
	}
	for what, path := range map[string]*string{"image": &spec.Image, "seed": &spec.Seed, "key": &spec.Key} {
		if *path == "" {
			continue
		}
		whole, err := filepath.Abs(*path)
		if err != nil {
			return fmt.Errorf("cannot find %s %q: %w", what, *path, err)
		}
		*path = whole
	}
	if err := spec.check(); err != nil {
		return err
	}
	return checkHost(spec)
}

// checkHost says at once what would otherwise fail deep in a supervisor.
func checkHost(spec *Spec) error {
	files, programs := []string{"root.squashfs"}, []string{"nsenter", "ssh"}
	if spec.Kind == VirtualMachine {
		files, programs = []string{"vmlinuz", "initrd"}, []string{qemuProgram, "ssh"}
	} else if os.Geteuid() != 0 {
		return errors.New("cannot make namespaces: --ns needs root")
	}
	for _, name := range files {
		if path := filepath.Join(spec.Image, name); !exists(path) {
			return fmt.Errorf("cannot find %s: build the image first, or name its folder with --image", path)
		}
	}
	if err := checkFiles(spec); err != nil {
		return err
	}
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("cannot run a machine without %s: %w", name, err)
		}
	}
	return nil
}

// checkFiles looks for the user's own files.
func checkFiles(spec *Spec) error {
	for _, d := range spec.Disks {
		if err := d.check(); err != nil {
			return err
		}
	}
	if spec.Key == "" {
		return nil
	}
	about, err := os.Stat(spec.Key)
	switch {
	case err != nil:
		return fmt.Errorf("cannot find the key: %w", err)
	case about.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("cannot use the key %s: others may read it, and ssh refuses such a key; chmod 600 %s", spec.Key, spec.Key)
	}
	return nil
}

// prepare adopts changes and writes the seed of this boot.
func (m *Machine) prepare(o StartOptions) error {
	run, err := m.Run()
	if err != nil {
		return err
	}
	if run.up() {
		return fmt.Errorf("cannot start machine %q: it is running already", m.Spec.Name)
	}
	if o.Kind != "" && o.Kind != m.Spec.Kind {
		return fmt.Errorf("cannot start machine %q as --%s: it was made as --%s", m.Spec.Name, o.Kind, m.Spec.Kind)
	}
	if o.StateSize != 0 && o.StateSize != m.Spec.StateSize || len(o.Disks) > 0 && fmt.Sprint(o.Disks) != fmt.Sprint(m.Spec.Disks) {
		return fmt.Errorf("cannot change the disks of machine %q: remove it and make another", m.Spec.Name)
	}
	if err := o.apply(&m.Spec); err != nil {
		return err
	}
	if err := m.writeSeed(o.CloudConfig); err != nil {
		return err
	}
	return m.save()
}

// launchTime bounds how long a supervisor takes to start a machine; probing
// for KVM is the longest part of it.
const launchTime = 30 * time.Second

// launch starts the supervisor, in a session of its own, and waits until it
// has started the machine.
func (m *Machine) launch(ctx context.Context, progress func(string)) error {
	for _, log := range []string{m.ConsoleLog(), m.SupervisorLog()} {
		if err := os.Rename(log, log+".old"); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("cannot put the old log away: %w", err)
		}
	}
	log, err := os.OpenFile(m.SupervisorLog(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("cannot open the supervisor's log: %w", err)
	}
	defer func() { _ = log.Close() }()
	cmd := exec.CommandContext(context.WithoutCancel(ctx), "/proc/self/exe", "__supervise", m.dir)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if m.Spec.Kind == Namespaces {
		cmd.SysProcAttr.Cloneflags = namespaceFlags
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot start the supervisor: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // how it ended stands in its log
	}()
	return m.awaitLaunch(ctx, cmd.Process.Pid, ended, progress)
}

func (m *Machine) awaitLaunch(ctx context.Context, pid int, ended <-chan struct{}, progress func(string)) error {
	ctx, cancel := context.WithTimeout(ctx, launchTime)
	defer cancel()
	for {
		var run Run
		if err := readJSON(m.path("run.json"), &run); err == nil && run.Supervisor.PID == pid && run.State == Running {
			progress(m.describeLaunch(&run))
			return nil
		}
		select {
		case <-ended:
			return fmt.Errorf("cannot start machine %q: %s", m.Spec.Name, lastLine(m.SupervisorLog()))
		default:
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("cannot start machine %q: %w; see `rosmachine log --supervisor %s`", m.Spec.Name, err, m.Spec.Name)
		}
	}
}

func (m *Machine) describeLaunch(run *Run) string {
	if m.Spec.Kind == Namespaces {
		return fmt.Sprintf("PID 1 runs in namespaces, as process %d of the host", run.Main.PID)
	}
	return fmt.Sprintf("QEMU runs (%s), process %d, SSH at 127.0.0.1:%d", run.Accel, run.Main.PID, run.SSHPort)
}

func lastLine(path string) string {
	lines := strings.Split(strings.TrimSpace(tail(path, 1)), "\n")
	return lines[len(lines)-1]
}
