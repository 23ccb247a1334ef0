package console

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"github.com/ros-os/ros/internal/supervise"
)

const (
	// ReadyFile exists while one can log in.
	ReadyFile = "/run/ros/console.ready"

	probeEvery = 50 * time.Millisecond
	slowAfter  = 10 * time.Second // then it is told that sshd does not answer
	// How long sshd may take to greet, at first and at last. Each probe costs a
	// process of it: with a fixed patience, a machine that is slower than that
	// would be busy with probes for ever.
	patienceFirst = 2 * time.Second
	patienceLast  = 32 * time.Second
	stopLimit     = 5 * time.Second
)

// paths are the files and programs of the service.
type paths struct {
	settings, ready, namespaced string
	cmdlines                    []string // the first that exists
	dev                         string
	keys                        string // folder
	sshd, sshdConfig, sshdRun   string
	agetty                      string
	issue, motd                 string
}

func machinePaths() paths {
	return paths{
		settings: SettingsFile, ready: ReadyFile, namespaced: "/run/ros/public/namespaced",
		cmdlines: []string{"/run/ros/cmdline", "/proc/cmdline"}, dev: "/dev",
		keys: "/var/lib/rancher/ssh",
		sshd: "/usr/sbin/sshd", sshdConfig: "/run/ros/sshd_config", sshdRun: "/run/sshd",
		agetty: "/usr/sbin/agetty", issue: "/etc/issue", motd: "/etc/motd",
	}
}

// service is the state between two passes.
type service struct {
	paths    paths
	programs *supervise.Set
	log      *logrus.Entry

	ssh      SSH           // of the last pass
	since    time.Time     // of the last pass
	probing  bool          // sshd is not known to answer yet
	patience time.Duration // of the next probe
	slow     bool          // it was told that it does not
}

// Run makes the host keys, keeps sshd and the gettys running, and looks again
// when the settings change, until ctx ends.
func Run(ctx context.Context) error {
	return newService(machinePaths()).run(ctx)
}

func newService(p paths) *service {
	return &service{
		paths: p, programs: supervise.NewSet(supervise.Direct{}),
		log: logrus.WithField("service", "console"),
	}
}

func (s *service) run(ctx context.Context) error {
	wake := make(chan struct{}, 1) // holds "look again"
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return watch(ctx, s.paths.settings, wake) })
	g.Go(func() error { return s.loop(ctx, wake) })
	return g.Wait()
}

func (s *service) loop(ctx context.Context, wake <-chan struct{}) error {
	defer s.stop(ctx)
	if err := removeFile(s.paths.ready); err != nil { // of a run that was killed
		return err
	}
	probe := time.NewTicker(probeEvery)
	defer probe.Stop()
	for {
		var tick <-chan time.Time
		if s.probing {
			tick = probe.C
		}
		select {
		case <-ctx.Done():
			return nil
		case <-wake:
			if err := s.pass(ctx); err != nil {
				s.log.WithError(err).Warn("cannot make the console as configured")
			}
		case <-tick:
			if err := s.probe(ctx); err != nil {
				return err
			}
		}
	}
}

// pass makes what the settings say. What did not change is left alone: a change
// of the port starts sshd anew, and no getty.
func (s *service) pass(ctx context.Context) error {
	settings, err := readSettings(s.paths.settings)
	if err != nil {
		return err // what runs goes on
	}
	keys, keyErr := hostKeys(s.paths.keys, settings.SSH)
	errs := []error{keyErr, greet(s.paths.issue, issue(settings.SSH, keys)), greet(s.paths.motd, motd)}
	var programs []supervise.Program
	if !settings.SSH.Disabled {
		config := sshdConfig(settings.SSH, keys)
		errs = append(errs, s.prepareSSHD(config))
		programs = append(programs, s.sshdProgram(config+fingerprints(keys)))
	}
	programs = append(programs, s.gettyPrograms(settings)...)
	errs = append(errs, s.programs.Keep(ctx, programs))
	s.ssh, s.since, s.probing, s.slow = settings.SSH, time.Now(), true, false
	s.patience = patienceFirst
	return errors.Join(errs...)
}

// fingerprints change when a key is replaced, for which sshd must start anew.
func fingerprints(keys []hostKey) string {
	var text string
	for _, key := range keys {
		text += string(key.Public.Marshal())
	}
	return text
}

func (s *service) prepareSSHD(config string) error {
	if err := os.MkdirAll(s.paths.sshdRun, 0o755); err != nil {
		return fmt.Errorf("cannot make the folder of sshd: %w", err)
	}
	if err := os.WriteFile(s.paths.sshdConfig, []byte(config), 0o600); err != nil {
		return fmt.Errorf("cannot write sshd's configuration: %w", err)
	}
	return nil
}

// probe tells that the console is ready once sshd answers.
func (s *service) probe(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	if !s.ssh.Disabled && !answers(limited, s.ssh.probeAddress()) {
		s.patience = min(2*s.patience, patienceLast)
		if !s.slow && time.Since(s.since) > slowAfter {
			s.slow = true
			s.log.Warnf("sshd does not answer on %s", s.ssh.probeAddress())
		}
		return nil
	}
	s.probing = false
	s.log.Info("one can log in")
	if err := os.WriteFile(s.paths.ready, nil, 0o644); err != nil {
		return fmt.Errorf("cannot tell that the console is ready: %w", err)
	}
	return nil
}

func (s *service) stop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer cancel()
	if err := removeFile(s.paths.ready); err != nil {
		s.log.WithError(err).Warn("cannot tell that the console ends")
	}
	if err := s.programs.Stop(ctx); err != nil {
		s.log.WithError(err).Warn("cannot stop a program of the console")
	}
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove %s: %w", path, err)
	}
	return nil
}

// watch wakes when the settings change, until ctx ends. The folder is watched,
// since the file is replaced.
func watch(ctx context.Context, path string, wake chan<- struct{}) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("cannot watch the console's settings: %w", err)
	}
	defer func() { _ = w.Close() }() // only read from
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("cannot make the folder of the settings: %w", err)
	}
	if err := w.Add(filepath.Dir(path)); err != nil {
		return fmt.Errorf("cannot watch the console's settings: %w", err)
	}
	nudge := func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	nudge() // for what there is already
	for {
		select {
		case <-ctx.Done():
			return nil
		case event := <-w.Events:
			if event.Name == path {
				nudge()
			}
		case <-w.Errors: //nolint:errcheck // events were lost, whichever: look again
			nudge()
		}
	}
}
