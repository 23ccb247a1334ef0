package setting

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source"
)

const (
	// quietFor is how long the configuration must not have changed, once the
	// datasources are settled, before its commands are run: what they said has
	// to get there.
	quietFor = time.Second
	// unsettledLimit is how long commands wait for datasources that do not
	// answer.
	unsettledLimit = 5 * time.Minute
	// A mount whose server, or whose disk, is not there is tried again, more and
	// more seldom.
	firstRetry, lastRetry = 5 * time.Second, 5 * time.Minute
)

// late is what is done in the background: the newest Config, and what was wrong
// with the last one.
type late struct {
	wake  chan struct{} // has one element while there is a Config that was not applied
	again chan struct{} // the same for the commands
	fetch chan struct{} // the same for what is fetched

	speaks chan struct{} // has one element when a command begins to write to the log

	quiet, unsettled, graceful, network, look time.Duration

	mu       sync.Mutex
	cfg      cloudconfig.Config
	handed   bool
	slow     cloudconfig.Report
	fetches  cloudconfig.Report
	commands cloudconfig.Report
}

func newLate() late {
	return late{
		wake: make(chan struct{}, 1), again: make(chan struct{}, 1), fetch: make(chan struct{}, 1), speaks: make(chan struct{}, 1),
		look: firstLook, quiet: quietFor, unsettled: unsettledLimit, graceful: graceful, network: networkLimit,
	}
}

// hand gives the background a Config, and returns what it had to tell about the
// one before.
func (l *late) hand(cfg cloudconfig.Config) cloudconfig.Report {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.handed || !reflect.DeepEqual(l.cfg, cfg) {
		l.cfg, l.handed = cfg, true
		poke(l.wake)
		poke(l.again)
		poke(l.fetch)
	}
	return slices.Concat(l.slow, l.fetches, l.commands)
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (l *late) newest() cloudconfig.Config {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cfg
}

// tell keeps a report for the next application; it says whether it is another.
func (l *late) tell(into *cloudconfig.Report, report cloudconfig.Report) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	same := slices.Equal(*into, report)
	*into = report
	return !same
}

// Run does in the background what may take long, until ctx ends: bootcmd, disks
// and mounts at every change, what the network has for the configuration, and
// then, once for each boot, its commands. changed is called when there is something that [Machine.Apply]
// has to tell, or to do once more: a mount brought a home without keys.
func (m *Machine) Run(ctx context.Context, changed func()) error {
	if err := m.beginBoot(); err != nil {
		logrus.WithFields(logrus.Fields{"phase": "apply", "err": err}).Warn("who waits for the end of the boot sees that of the last one")
	}
	var beside sync.WaitGroup
	defer beside.Wait()
	beside.Go(func() { m.fetchLoop(ctx, changed) })
	beside.Go(func() { m.watchPasswords(ctx, changed) })
	beside.Go(func() { m.boundOutput(ctx) })
	started := false
	retry := time.NewTimer(0)
	defer retry.Stop()
	retry.Stop()
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		select {
		case <-ctx.Done():
			return nil
		case <-m.late.wake:
			pause = firstRetry
		case <-retry.C:
		}
		report, done := m.slowPass(ctx)
		told := m.late.tell(&m.late.slow, report)
		if told || done {
			changed() // which also logs it
		}
		if len(report) > 0 {
			retry.Reset(pause)
		}
		if !started {
			started = true
			beside.Go(func() { m.finish(ctx, changed) })
		}
	}
}

// slowPass applies the slow modules; done says that some of them changed
// something.
func (m *Machine) slowPass(ctx context.Context) (report cloudconfig.Report, done bool) {
	p := m.pass(m.late.newest())
	if b := bootBatch(p.cfg); len(b.commands) > 0 {
		p.runBatch(ctx, b, bootLimit)
	}
	p.applyAll(ctx, slow)
	m.record.save()
	return p.report, p.made > 0
}

// finish runs the commands of the configuration once the datasources are
// settled, and then does what is done at the end of a boot.
func (m *Machine) finish(ctx context.Context, changed func()) {
	if !m.awaitSettled(ctx) {
		return
	}
	changed() // whose host keys they are is known only now
	p := m.pass(m.late.newest())
	// What is added to bootcmd from now on is for the next boot.
	p.fail(m.stampThisBoot("bootcmd"))
	for _, b := range m.batches(p.cfg) {
		p.runBatch(ctx, b, limitOf(p.cfg))
	}
	tell := func() {
		if m.late.tell(&m.late.commands, p.report) {
			changed()
		}
	}
	tell()
	if ctx.Err() == nil {
		p.end(ctx)
		tell()
		m.record.finish()
	}
	m.record.save()
}

// watch tells on seen when a file of the machine's changes, until end, which waits
// for the watching to end.
func (m *Machine) watch(ctx context.Context, file, what string) (seen <-chan struct{}, end func()) {
	ctx, cancel := context.WithCancel(ctx)
	changed := make(chan struct{}, 1)
	var watching sync.WaitGroup
	watching.Go(func() {
		if err := source.WatchFile(ctx, m.path(file), func() { poke(changed) }); err != nil && ctx.Err() == nil {
			logrus.WithFields(logrus.Fields{"phase": "apply", "err": err}).Warn(what + " is not watched")
		}
	})
	return changed, func() { cancel(); watching.Wait() }
}

// awaitSettled waits until it is known which instance this is and the
// configuration is quiet; false when ctx ends first.
func (m *Machine) awaitSettled(ctx context.Context) bool {
	limited, cancel := context.WithTimeout(ctx, m.late.unsettled)
	defer cancel()
	if m.awaitInstance(limited) {
		return m.awaitQuiet(ctx)
	}
	return ctx.Err() == nil
}

// awaitInstance waits until it is known which instance this is; false when ctx ends
// first.
func (m *Machine) awaitInstance(ctx context.Context) bool {
	seen, end := m.watch(ctx, source.InstanceFile, "the instance")
	defer end()
	for {
		if _, settled := source.Instance(m.root); settled {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-seen:
		}
	}
}

// awaitQuiet waits until no new Config has come for a while.
func (m *Machine) awaitQuiet(ctx context.Context) bool {
	timer := time.NewTimer(m.late.quiet)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-m.late.again:
			timer.Reset(m.late.quiet)
		case <-timer.C:
			return true
		}
	}
}
