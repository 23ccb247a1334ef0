package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
)

const (
	// phantomRefusals is how often a container that is not there may be in the way: one
	// that is just being removed is so once.
	phantomRefusals = 3
	// anewEvery is how often a daemon is started anew at most.
	anewEvery = 10 * time.Minute
)

// keeper finds in a refusal of Docker's the container that has the wanted name.
var keeper = regexp.MustCompile(`already in use by container "?([0-9a-f]{64})"?`)

// phantoms are containers that a daemon has removed, and that have names all the same:
// one that is renamed while it is removed gets its name back after it is gone. Nobody
// can be given that name, or free it, until the daemon is started anew, which finds no
// such container (https://github.com/moby/moby/issues/21198 and others like it).
type phantoms struct {
	pidFile string // the daemon's; empty: it is not to be started anew

	mu       sync.Mutex
	refusals map[string]int // by ID
	last     time.Time      // when the daemon was ended last
}

// inTheWay has a daemon started anew that refuses a name time and again for the sake of
// a container that it does not have, and adds that to the error.
func (d *daemon) inTheWay(ctx context.Context, err error) error {
	found := keeper.FindStringSubmatch(err.Error())
	if !errdefs.IsConflict(err) || found == nil {
		return err
	}
	if _, look := d.api().ContainerInspect(ctx, found[1]); !errdefs.IsNotFound(look) {
		return err
	}
	told := fmt.Errorf("%w There is no such container: Docker keeps its name until it is started anew", err)
	if !d.phantoms.due(found[1]) {
		return told
	}
	if err := endDaemon(d.phantoms.pidFile); err != nil {
		return fmt.Errorf("%w, which fails: %w", told, err)
	}
	logrus.WithField("container", found[1]).Warn("a Docker daemon is started anew: it keeps the name of a container that it has removed")
	return fmt.Errorf("%w, as it is now", told)
}

// due counts a refusal, and says whether the daemon is to be started anew.
func (p *phantoms) due(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refusals == nil {
		p.refusals = map[string]int{}
	}
	p.refusals[id]++
	if p.pidFile == "" || p.refusals[id] < phantomRefusals || !p.last.IsZero() && time.Since(p.last) < anewEvery {
		return false
	}
	clear(p.refusals)
	p.last = time.Now()
	return true
}

// endDaemon ends the daemon whose number is in a file: PID 1, or the controller itself,
// starts it again, and its containers go on meanwhile.
func endDaemon(pidFile string) error {
	text, err := os.ReadFile(pidFile)
	if err != nil {
		return fmt.Errorf("cannot find the daemon: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 1 {
		return fmt.Errorf("cannot find the daemon: %s has %q", pidFile, text)
	}
	program, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
	if err != nil || strings.TrimSpace(string(program)) != "dockerd" {
		return errors.New("cannot find the daemon: the process in " + pidFile + " is another one")
	}
	if err := unix.Kill(pid, unix.SIGTERM); err != nil {
		return fmt.Errorf("cannot end the daemon: %w", err)
	}
	return nil
}
