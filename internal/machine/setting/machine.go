package setting

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/machine/network"
)

// namespacedFile exists on a machine in namespaces: it shares the kernel with
// its host, whose modules and settings are not ours.
const namespacedFile = "/run/ros/public/namespaced"

// Machine is the host, below a root folder. It satisfies servicectl.Machine.
type Machine struct {
	root   string
	kernel kernel
	record *recorder

	// mu lets one application run at a time.
	mu sync.Mutex

	late late
}

// kernel is what has no file below the root folder.
type kernel struct {
	hostname    func() (string, error)
	setHostname func(string) error
	run         func(ctx context.Context, stdin string, argv ...string) error
	// has says whether there is such a program.
	has     func(name string) bool
	mount   func(source, target, fstype string, flags uintptr, data string) error
	unmount func(target string) error
	// resolve finds the address of a server.
	resolve func(ctx context.Context, host string) (string, error)
	// network says what service network would do; nil where it is not asked.
	network func(network.Settings) (network.Plan, error)
	// signal tells PID 1.
	signal func(unix.Signal) error
}

// New returns the machine whose file system is below root: "/" is this one.
func New(root string) *Machine {
	m := &Machine{
		root: root,
		kernel: kernel{
			hostname:    os.Hostname,
			setHostname: func(name string) error { return unix.Sethostname([]byte(name)) },
			run:         run,
			has:         func(name string) bool { _, err := exec.LookPath(name); return err == nil },
			mount:       unix.Mount,
			resolve:     resolve,
			unmount:     func(target string) error { return unix.Unmount(target, 0) },
			signal:      func(s unix.Signal) error { return unix.Kill(1, s) },
		},
		record: newRecorder(filepath.Join(root, RecordFile)),
		late:   newLate(),
	}
	if root == "/" {
		m.kernel.network = network.Preview // of the kernel that runs
	}
	return m
}

// Apply makes the machine match cfg and says what it could not do, also of what
// was done in the background before. A module that fails holds up no other.
func (m *Machine) Apply(ctx context.Context, cfg cloudconfig.Config) cloudconfig.Report {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.record.load()
	p := m.pass(cfg)
	p.applyAll(ctx, quick)
	p.fail(p.state.save(p.m))
	m.record.save()
	return append(p.report, m.late.hand(cfg)...)
}

func (m *Machine) pass(cfg cloudconfig.Config) *pass {
	return &pass{m: m, cfg: cfg, namespaced: m.exists(namespacedFile), state: m.readState()}
}

// path is a path of the machine.
func (m *Machine) path(p string) string { return filepath.Join(m.root, p) }

func (m *Machine) exists(p string) bool {
	_, err := os.Stat(m.path(p))
	return err == nil
}

// read reads a file of the machine; one that is missing is empty.
func (m *Machine) read(p string) (string, error) {
	data, err := os.ReadFile(m.path(p))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("cannot read %s: %w", p, err)
	}
	return string(data), nil
}

// run runs a program of the machine and gives its output as the error's text.
func run(ctx context.Context, stdin string, argv ...string) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("cannot run %s: %w: %s", argv[0], err, bytes.TrimSpace(out))
	}
	return nil
}
