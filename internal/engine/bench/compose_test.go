//go:build dockerd

package bench_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// composer is Docker Compose as a process of its own: this program answers as
// Docker's plugin when it is called by that name.
type composer struct {
	program string
	env     []string
	file    string
}

// newComposer builds the program.
func (r *rig) newComposer(b *testing.B) *composer {
	b.Helper()
	dir := r.folder(b)
	c := &composer{
		program: filepath.Join(dir, "docker-compose"), file: filepath.Join(dir, "compose.yml"),
		env: append(os.Environ(), "DOCKER_HOST=unix://"+r.system.Socket(), "DOCKER_CONFIG="+dir),
	}
	build := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w",
		"-o", c.program, "github.com/ros-os/ros/cmd/ros")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return c
}

// up makes what runs be what the file says; the largest part of the process that
// was in memory is in bytes.
func (c *composer) up(b *testing.B) (took time.Duration, memory int64) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), c.program, "-f", c.file, "-p", "bench", "up", "-d")
	cmd.Env = c.env
	begin := time.Now()
	out, err := cmd.CombinedOutput()
	took = time.Since(begin)
	if err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		b.Fatal("the system does not tell what a process has used")
	}
	return took, usage.Maxrss << 10
}
