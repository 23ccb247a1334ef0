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
)

// namespacedFile exists on a machine in namespaces: it shares the kernel with
// its host, whose modules and settings are not ours.
const namespacedFile = "/run/ros/public/namespaced"

// Machine is the host, below a root folder. It satisfies servicectl.Machine.
type Machine struct {
	root   string
	kernel kernel

	// mu lets one Apply run at a time.
	mu       sync.Mutex
	password password // what was set last
}

// kernel is what has no file below the root folder.
type kernel struct {
	hostname    func() (string, error)
	setHostname func(string) error
	run         func(ctx context.Context, stdin string, argv ...string) error
}

// New returns the machine whose file system is below root: "/" is this one.
func New(root string) *Machine {
	return &Machine{root: root, kernel: kernel{
		hostname:    os.Hostname,
		setHostname: func(name string) error { return unix.Sethostname([]byte(name)) },
		run:         run,
	}}
}

// step is one thing that is made to match.
type step struct {
	name  string
	apply func(*pass, context.Context)
}

// steps are in order: what services wait for comes first, users before the files
// that they may own.
func steps() []step {
	return []step{
		{"host name", (*pass).hostname},
		{"network settings", (*pass).handOverNetwork},
		{"console settings", (*pass).handOverConsole},
		{"kernel modules", (*pass).modules},
		{"kernel settings", (*pass).sysctl},
		{"users", (*pass).users},
		{"password", (*pass).setPassword},
		{"files", (*pass).writeFiles},
		{"proxy", (*pass).profile},
	}
}

// Apply makes the machine match cfg and says what it could not do. A step that
// fails holds up no other.
func (m *Machine) Apply(ctx context.Context, cfg cloudconfig.Config) cloudconfig.Report {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := &pass{m: m, cfg: cfg, namespaced: m.exists(namespacedFile)}
	for _, s := range steps() {
		if err := ctx.Err(); err != nil {
			p.fail(fmt.Errorf("cannot set %s: %w", s.name, err))
			break
		}
		s.apply(p, ctx)
	}
	return p.report
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

// pass is one application of a Config.
type pass struct {
	m          *Machine
	cfg        cloudconfig.Config
	namespaced bool
	report     cloudconfig.Report
}

// fail reports an error in what the value at path asks for.
func (p *pass) fail(err error, path ...string) {
	if err != nil {
		p.add(cloudconfig.Problem{Msg: err.Error()}, path)
	}
}

// warn reports something that is not done, and why.
func (p *pass) warn(msg, hint string, path ...string) {
	p.add(cloudconfig.Problem{Msg: msg, Hint: hint, Severity: cloudconfig.Warning}, path)
}

func (p *pass) add(problem cloudconfig.Problem, path []string) {
	problem.Path = strings.Join(path, ".")
	if len(path) > 0 {
		problem.Pos = p.cfg.Pos(path...)
	}
	p.report = append(p.report, problem)
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
