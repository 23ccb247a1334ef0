package setting

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/cloudconfig"
)

const (
	// bootLimit is how long one command of bootcmd may take: disks and mounts
	// wait for it.
	bootLimit = 5 * time.Minute
	// commandLimit is how long any other command may take, unless the
	// configuration says another.
	commandLimit = 10 * time.Minute
	// graceful is how long a command has to end when its time is up.
	graceful = 5 * time.Second

	startScript = "/opt/rancher/bin/start.sh"
	rcLocal     = "/etc/rc.local"
	// scriptFolder has the scripts of user-data.
	scriptFolder = "/run/ros/source/scripts"

	commandPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// batch is commands that are run one after the other.
type batch struct {
	name        string
	perInstance bool // once for each instance, rather than for each boot
	commands    []command
}

// command is one program with where the configuration asks for it.
type command struct {
	name string
	argv []string
	path []string
}

// bootBatch is bootcmd.
func bootBatch(cfg cloudconfig.Config) batch {
	return batch{name: "bootcmd", commands: listed("bootcmd", cfg.BootCmd)}
}

// batches are the commands for the end of the boot, in their order, which is
// RancherOS's: runcmd, the scripts of user-data, start.sh, rc.local.
func (m *Machine) batches(cfg cloudconfig.Config) []batch {
	perInstance := cfg.Rancher.CloudInit.RunCmd == "per-instance"
	all := []batch{
		{name: "runcmd", perInstance: perInstance, commands: listed("runcmd", cfg.RunCmd)},
		{name: "scripts", perInstance: perInstance, commands: m.scripts()},
	}
	for _, file := range []string{startScript, rcLocal} {
		b := batch{name: path.Base(file)}
		if st, err := os.Stat(m.path(file)); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			b.commands = []command{{name: b.name, argv: []string{m.path(file)}}}
		}
		all = append(all, b)
	}
	return slices.DeleteFunc(all, func(b batch) bool { return len(b.commands) == 0 })
}

// listed are the commands of a list; entries that are empty are left out.
func listed(key string, list []cloudconfig.Command) []command {
	var out []command
	for i, c := range list {
		argv := argvOf(c)
		if len(argv) == 0 {
			continue
		}
		n := strconv.Itoa(i)
		out = append(out, command{name: key + "." + n, argv: argv, path: []string{key, n}})
	}
	return out
}

func argvOf(c cloudconfig.Command) []string {
	if strings.TrimSpace(c.Shell) != "" {
		return []string{"/bin/sh", "-c", c.Shell}
	}
	return c.Args
}

// scripts are the scripts of user-data in the order of their names.
func (m *Machine) scripts() []command {
	entries, err := os.ReadDir(m.path(scriptFolder))
	if err != nil {
		return nil // there are none
	}
	var out []command
	for _, e := range entries { // sorted
		if e.Type().IsRegular() && !strings.HasPrefix(e.Name(), ".") {
			out = append(out, command{name: "scripts." + e.Name(), argv: []string{filepath.Join(m.path(scriptFolder), e.Name())}})
		}
	}
	return out
}

// due says whether a batch is to be run now, and notes durably that it begins.
func (m *Machine) due(b batch) (bool, error) {
	if b.perInstance {
		if done, err := m.doneOnce(b.name); err != nil || done {
			return false, err
		}
		return true, m.stampOnce(b.name)
	}
	if m.doneThisBoot(b.name) {
		return false, nil
	}
	return true, m.stampThisBoot(b.name)
}

// runBatch runs the commands of a batch that is due. One that fails holds up no
// other.
func (p *pass) runBatch(ctx context.Context, b batch, limit time.Duration) {
	due, err := p.m.due(b)
	if err != nil {
		p.fail(fmt.Errorf("cannot run %s: %w", b.name, err), b.name)
	}
	if err != nil || !due {
		return
	}
	end := p.m.record.begin(b.name)
	p.m.record.save()
	before := len(p.report)
	for _, c := range b.commands {
		if ctx.Err() != nil {
			break
		}
		one, at := p.m.record.begin(c.name), len(p.report)
		if err := p.m.runCommand(ctx, c, limit); err != nil {
			if len(c.path) == 0 { // no place in the configuration tells which it is
				err = fmt.Errorf("%s: %w", c.name, err)
			}
			p.fail(err, c.path...)
		}
		one(p.report[at:])
		p.m.record.save()
	}
	end(p.report[before:])
	p.m.record.save()
}

// limitOf is how long a command may take.
func limitOf(cfg cloudconfig.Config) time.Duration {
	if s := cfg.Rancher.CloudInit.CommandTimeout; s > 0 {
		return time.Duration(s) * time.Second
	}
	return commandLimit
}

// runCommand runs a program to its end, or to the limit: then it is ended with
// all that it started, by SIGTERM and, when that does not help, SIGKILL. What it
// says goes to the log.
func (m *Machine) runCommand(ctx context.Context, c command, limit time.Duration) error {
	out, err := m.openOutput()
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }() // the command has written to it, not we
	poke(m.late.speaks)
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err = m.start(limited, c.argv, out)
	if errors.Is(err, unix.ENOEXEC) { // a script that does not say for whom
		err = m.start(limited, append([]string{"/bin/sh"}, c.argv...), out)
	}
	var exit *exec.ExitError
	switch {
	case limited.Err() != nil && ctx.Err() == nil:
		return fmt.Errorf("it did not end within %v and was killed", limit)
	case ctx.Err() != nil:
		return fmt.Errorf("it was stopped: %w", ctx.Err())
	case errors.As(err, &exit):
		return fmt.Errorf("it ended with %s; what it said is in %s", exit.Error(), outputFile)
	case err != nil:
		return fmt.Errorf("it cannot be run: %w", err)
	}
	return nil
}

// environment is what commands are run with. Which instance this is may not be known
// yet to those of bootcmd.
func (m *Machine) environment() []string {
	env := []string{commandPath, "HOME=/root", "USER=root", "LANG=C.UTF-8"}
	if id := m.instanceID(); id != "" {
		env = append(env, "INSTANCE_ID="+id)
	}
	return env
}

// start runs a program in a process group of its own.
func (m *Machine) start(ctx context.Context, argv []string, out *os.File) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = m.environment()
	if cmd.Err != nil && strings.HasPrefix(argv[0], "/") {
		return cmd.Err
	}
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	ended := make(chan struct{})
	defer close(ended)
	cmd.Cancel = func() error {
		group := -cmd.Process.Pid
		go func() {
			timer := time.NewTimer(m.late.graceful)
			defer timer.Stop()
			select {
			case <-ended:
			case <-timer.C:
			}
			_ = unix.Kill(group, unix.SIGKILL) // of what ended there is nothing left
		}()
		return unix.Kill(group, unix.SIGTERM)
	}
	return cmd.Run()
}

// previewCommands says which commands are still to be run. Once those of this boot
// have been, others wait for the next one.
func (p *pass) previewCommands() {
	if record, err := ReadRecord(p.m.path(RecordFile)); err == nil && record.Finished {
		return
	}
	for _, b := range append([]batch{bootBatch(p.cfg)}, p.m.batches(p.cfg)...) {
		done := p.m.doneThisBoot(b.name)
		if b.perInstance {
			var err error
			if done, err = p.m.doneOnce(b.name); err != nil {
				continue // it is not known yet
			}
		}
		if !done && len(b.commands) > 0 {
			p.module = b.name
			p.note(fmt.Sprintf("run %s (%d)", b.name, len(b.commands)))
		}
	}
}
