package network

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"github.com/ros-os/ros/internal/supervise"
)

const (
	// betweenPasses folds a burst of events, such as Docker starting many
	// containers, into one look.
	betweenPasses = 100 * time.Millisecond
	// When something could not be made it is tried again, more and more seldom.
	retryAfter, lastRetry = 5 * time.Second, 5 * time.Minute
	stopLimit             = 5 * time.Second
	// manyTimes is how often the same steps are made one time after the other
	// before they are made less often.
	manyTimes = 3
	// lastingAfter is how long a problem is there before others are told.
	lastingAfter = 2 * retryAfter
)

// paths are the files of the service.
type paths struct {
	settings, status, ready string
	dhcpcdConf, resolvConf  string
	leases                  string // folder
	announced               string
}

func machinePaths() paths {
	return paths{
		settings: SettingsFile, status: StatusFile, ready: ReadyFile,
		dhcpcdConf: "/run/ros/network/dhcpcd.conf", resolvConf: "/etc/resolv.conf", leases: "/var/lib/dhcpcd",
		announced: "/run/ros/network/announced.json",
	}
}

// service is the state between two passes.
type service struct {
	paths     paths
	observer  observer
	executor  executor
	programs  *supervise.Set
	announced *announced
	given     map[string]applied   // by link
	settings  string               // those of the last pass, as JSON
	since     time.Time            // when they came
	told      string               // the status that was logged last
	published Status               // the last one
	last      []Step               // the steps that were made last
	lastText  string               // the plan of the last pass
	unstable  int                  // how often it was the same
	failures  int                  // passes one after the other in which something failed
	problems  map[string]time.Time // those of the last pass, and since when
	refused   map[commandsOf]failedCommands
}

// sysctlFolder is where kernel settings of the network can be written: a
// container has /proc/sys read-only, and a part of it in a place of its own.
func sysctlFolder() string {
	const own = "/run/sysctl/net"
	if _, err := os.Stat(own); err == nil {
		return own
	}
	return "/proc/sys/net"
}

// Run makes the interfaces match the settings, again whenever those, a link or
// a lease change, until ctx ends. What it made stays when it ends.
func Run(ctx context.Context) error {
	return newService(machinePaths()).run(ctx)
}

func newService(p paths) *service {
	return &service{
		paths: p, programs: supervise.NewSet(supervise.Direct{}), given: map[string]applied{}, refused: map[commandsOf]failedCommands{},
		announced: &announced{path: p.announced},
		observer:  observer{sysctl: sysctlFolder(), leases: p.leases}, executor: executor{sysctl: sysctlFolder()},
	}
}

func (s *service) run(ctx context.Context) error {
	if err := errors.Join(s.remember(), s.announced.remember()); err != nil {
		logrus.WithFields(logrus.Fields{"service": "network", "err": err}).Warn("cannot know what an earlier run made")
	}
	wake := make(chan struct{}, 1) // holds "look again", never what happened
	nudge := func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return watchFiles(ctx, s.paths, nudge) })
	g.Go(func() error { return watchLinks(ctx, nudge) })
	g.Go(func() error { return s.announced.watch(ctx, nudge) })
	g.Go(func() error { return s.loop(ctx, wake) })
	return g.Wait()
}

// remember takes over what an earlier run of this service gave the links.
func (s *service) remember() error {
	status, err := ReadStatus(s.paths.status)
	s.given, s.last, s.published = status.given(), status.Last, status
	if err != nil || len(status.Begun) == 0 {
		return err
	}
	have, err := s.observer.observe()
	if len(have.Links) == 0 {
		return err // what was given last is better than nothing
	}
	s.given = resume(s.given, status.Begun, have.Links)
	return err
}

func (s *service) loop(ctx context.Context, wake <-chan struct{}) error {
	defer s.stop(ctx)
	for {
		var deadline <-chan time.Time
		began := sinceBoot() // what ends during the pass needs another one
		if wait := sooner(s.pass(ctx), s.announced.endsAfter(began)); wait > 0 {
			deadline = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(s.pause()):
		}
		select {
		case <-ctx.Done():
			return nil
		case <-deadline:
		case <-wake:
		}
	}
}

// sooner is the shorter of two times to wait, of which 0 is for ever.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

func (s *service) stop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer cancel()
	log := logrus.WithField("service", "network")
	if err := s.programs.Stop(ctx); err != nil {
		log.WithError(err).Warn("cannot stop dhcpcd")
	}
	if err := removeFile(s.paths.ready); err != nil {
		log.WithError(err).Warn("cannot tell that the network is not looked after")
	}
}

// pass looks at everything once and makes what is not as it should be. It says
// after what time it wants to look again, 0 for when something happens.
func (s *service) pass(ctx context.Context) time.Duration {
	settings, found, err := readSettings(s.paths.settings)
	if err != nil || !found {
		s.tell(Status{Waiting: []string{"no settings were handed over yet"}}, err)
		return 0
	}
	changed := s.adopt(settings)
	if changed {
		s.runCommands(ctx, commandsOf{what: "pre_cmds"}, settings.PreCmds)
	}
	status, err := s.converge(ctx, settings)
	if changed {
		s.runCommands(ctx, commandsOf{what: "post_cmds"}, settings.PostCmds)
	}
	status.Problems = append(status.Problems, s.refusals(status.Links)...)
	var fresh bool
	status.Lasting, fresh = s.lasting(status.Problems, time.Now())
	s.published = status
	if perr := publish(s.paths, status); err == nil {
		err = perr
	}
	s.tell(status, err)
	if wait := s.retry(err != nil, fresh); wait > 0 {
		return wait
	}
	return max(0, time.Until(s.deadline(settings))) // then it is known what is lacking
}

// retry is after what time what failed is tried again, and fresh problems are looked
// at; 0 when there are none.
func (s *service) retry(failed, fresh bool) time.Duration {
	if failed {
		s.failures++
	} else {
		s.failures = 0
	}
	switch {
	case fresh:
		return retryAfter
	case !failed:
		return 0
	}
	wait := retryAfter
	for n := 1; n < s.failures && wait < lastRetry; n++ {
		wait *= 2
	}
	return min(wait, lastRetry)
}

// lasting are the problems that have been there for a while; fresh says that others
// have not, and may go by themselves.
func (s *service) lasting(problems []string, now time.Time) (lasting []string, fresh bool) {
	before := s.problems
	s.problems = map[string]time.Time{}
	for _, problem := range problems {
		since, known := before[problem]
		if !known {
			since = now
		}
		s.problems[problem] = since
		if now.Sub(since) < lastingAfter {
			fresh = true
		} else if !slices.Contains(lasting, problem) {
			lasting = append(lasting, problem)
		}
	}
	return lasting, fresh
}

// adopt says whether these settings are other ones than in the last pass.
func (s *service) adopt(settings Settings) bool {
	text, err := json.Marshal(settings)
	if err != nil || string(text) == s.settings {
		return false
	}
	s.settings, s.since, s.failures = string(text), time.Now(), 0
	return true
}

func (s *service) deadline(settings Settings) time.Time { return s.since.Add(settings.timeout()) }

// pause is the least time between two passes.
func (s *service) pause() time.Duration {
	if s.unstable >= manyTimes {
		return retryAfter
	}
	return betweenPasses
}

// tell logs a status that differs from the one before. What of its problems lasts is
// for others, and an error that is one of them is told already.
func (s *service) tell(status Status, err error) {
	status.Lasting, status.Lacks = nil, nil
	if err != nil && !slices.ContainsFunc(strings.Split(err.Error(), "\n"), func(line string) bool { return !slices.Contains(status.Problems, line) }) {
		err = nil
	}
	text, jerr := json.Marshal(status)
	if jerr != nil {
		text = []byte(jerr.Error())
	}
	if err != nil {
		text = append(text, err.Error()...)
	}
	if string(text) == s.told {
		return
	}
	s.told = string(text)
	log := logrus.WithField("service", "network")
	for _, p := range status.Problems {
		log.Warn(p)
	}
	if err != nil {
		log.WithError(err).Warn("cannot make the whole network as configured")
	}
	if status.Ready {
		for _, l := range status.Links {
			log.Infof("%s has %v", l.Name, l.Addresses)
		}
		log.Info("the network is up")
		return
	}
	log.Infof("the network is not up: %s", because(status.Waiting))
}

// keepPrograms keeps dhcpcd and wpa_supplicant running where they are needed.
func (s *service) keepPrograms(ctx context.Context, settings Settings, wants []want) (problems []string, err error) {
	programs, conf, problems := dhcpcdPrograms(s.paths.dhcpcdConf, settings.Hostname, wants)
	wifi, files, bad := settings.wifiPrograms(filepath.Dir(s.paths.dhcpcdConf), wants)
	if conf != "" {
		files[s.paths.dhcpcdConf] = conf
	}
	var errs []error
	for _, path := range sortedKeys(files) {
		errs = append(errs, replace(path, []byte(files[path])))
	}
	errs = append(errs, s.programs.Keep(ctx, append(programs, wifi...)))
	return append(problems, bad...), errors.Join(errs...)
}
