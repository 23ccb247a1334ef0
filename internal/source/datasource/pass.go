package datasource

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/source"
)

// pass is one look at how it stands, and what follows from it.
type pass struct {
	runner  *Runner
	changed func()

	settled *settings // for which it is settled which datasource is used
	record  source.Record
	// report tells a cloud that the machine is there; nil when nobody waits for it.
	report func(ctx context.Context) error
}

// run asks who has to be asked, and fetches what is included. It says whether
// there is nothing left to do.
func (p *pass) run(ctx context.Context, want settings) (done bool) {
	record, err := source.ReadRecord(p.root())
	if err != nil {
		p.log(err)
	}
	p.record = record
	if !p.isSettled(want) {
		p.ask(ctx, want)
	}
	if ctx.Err() != nil {
		return false
	}
	included := p.include(ctx, want)
	if ctx.Err() != nil {
		return false
	}
	p.settle()
	p.tellCloud(ctx)
	return p.record.State == source.Settled && p.record.Problem == "" && included
}

func (p *pass) root() string { return p.runner.o.Root }

func (p *pass) log(err error) { p.runner.o.Log.WithField("err", err).Warn("datasources") }

// isSettled says whether the datasources need not be asked: a disk has spoken, or
// they were asked already, perhaps by a controller before this one.
func (p *pass) isSettled(want settings) bool {
	switch {
	case p.record.Disk:
		return true
	case p.record.State != source.Settled || p.record.Problem != "":
		return false
	case p.settled == nil:
		return slices.Equal(p.record.Wanted, want.sources)
	}
	return reflect.DeepEqual(*p.settled, want)
}

// ask asks all datasources that can be here.
func (p *pass) ask(ctx context.Context, want settings) {
	before := p.record
	all, passed := p.choose(want)
	p.record = source.Record{
		State: source.Asking, Wanted: want.sources, Asked: passed,
		Source: before.Source, Instance: before.Instance, Cached: before.Cached, Includes: before.Includes,
	}
	if before.State == source.Failed && slices.Equal(before.Wanted, want.sources) {
		p.record.State, p.record.Asked = source.Failed, before.Asked // until it is better
		want.limit = min(want.limit, againLimit)
	}
	p.save()
	winner, asked := p.answers(ctx, all, want)
	if ctx.Err() != nil {
		return
	}
	p.record.Asked = slices.Concat(asked, passed)
	switch {
	case winner != nil:
		p.adopt(*winner)
	case slices.ContainsFunc(asked, func(a source.Asked) bool { return a.Outcome == source.Unanswered }):
		p.record.State = source.Failed
		cached := p.record.Source == "" && p.useCache()
		p.prepare()
		if cached {
			p.restoreIncludes()
		}
	default: // none of them has anything, and none will
		p.record.State = source.Settled
		p.prepare()
	}
	p.settled = &want
	p.save()
	if winner != nil || p.record.State == source.Failed && before.State != source.Failed {
		p.changed()
	}
}

func (p *pass) choose(want settings) ([]candidate, []source.Asked) {
	cmdline, err := source.ReadCmdline(p.root())
	if err != nil {
		p.log(err)
	}
	o := opening{
		root: p.root(), platform: ReadPlatform(p.root()), web: newWeb(p.root(), want.network, want.allowHTTP), cmdline: cmdline,
		imdsV1: want.imdsV1,
	}
	if disk, found := p.disk(); found {
		o.disk = &disk
	}
	return choose(want.sources, o)
}

// disk is what a disk said that names an address for the rest.
func (p *pass) disk() (source.Seed, bool) {
	disk, found, err := source.ReadDisk(p.root())
	if err != nil {
		p.log(err)
	}
	return disk, found
}

// answers waits for the answers; when they take long, what was said at an earlier
// boot is used meanwhile.
func (p *pass) answers(ctx context.Context, all []candidate, want settings) (winner *answer, asked []source.Asked) {
	type outcome struct {
		winner *answer
		asked  []source.Asked
	}
	done := make(chan outcome, 1)
	go func() {
		w, a := round(ctx, all, p.runner.up, want.limit)
		done <- outcome{w, a}
	}()
	patience := time.NewTimer(cachePatience)
	defer patience.Stop()
	for {
		select {
		case o := <-done:
			return o.winner, o.asked
		case <-patience.C:
			if p.record.Source == "" && p.useCache() {
				p.prepare()
				p.restoreIncludes()
				p.save()
				p.changed()
				p.settle()
			}
		}
	}
}

// adopt puts to use what a datasource said.
func (p *pass) adopt(a answer) {
	name := a.asked.Name
	p.report = nil
	if r, ok := a.from.(reporter); ok {
		p.report = r.Report
	}
	p.record.State, p.record.Source, p.record.Cached, p.record.Problem = source.Settled, name, false, ""
	if a.err != nil {
		p.record.Problem = a.err.Error()
	}
	if err := p.keepPassword(&a.seed); err != nil {
		p.fail(err)
		p.report = nil // the cloud would forget what is not kept
	}
	if err := source.SaveSeed(p.root(), name, a.seed); err != nil {
		p.fail(err)
		return
	}
	folder := p.prepare()
	if a.err == nil && folder != "" { // half an answer is not what a later boot should use
		if err := source.SaveCache(p.root(), folder, name, p.machine(), a.seed); err != nil {
			p.log(err)
		}
	}
	p.runner.o.Log.WithField("step", "datasource").Infof("%s answered after %.1f s", name, a.asked.Seconds)
}

// keepPassword keeps a password that was given to an instance, and is the one that it
// was given before when it is given none.
func (p *pass) keepPassword(s *source.Seed) (err error) {
	folder := source.InstanceFolder(cloudconfig.InstanceID(s.MetaData))
	if len(s.Password) > 0 {
		return source.KeepPassword(p.root(), folder, s.Password)
	}
	s.Password, err = source.KeptPassword(p.root(), folder)
	return err
}

// useCache puts to use what a datasource said at an earlier boot of this machine,
// but not when a disk says that this is another instance.
func (p *pass) useCache() bool {
	name, seed, found, err := source.ReadCache(p.root(), p.machine())
	if disk, has := p.disk(); has {
		id := cloudconfig.InstanceID(disk.MetaData)
		found = found && (id == "" || id == cloudconfig.InstanceID(seed.MetaData))
	}
	if err == nil && found {
		err = source.SaveSeed(p.root(), name, seed)
	}
	if err != nil {
		p.log(err)
	}
	if err != nil || !found {
		return false
	}
	p.record.Source, p.record.Cached = name, true
	p.runner.o.Log.WithField("step", "datasource").Warnf("%s has not answered yet: what it said before is used", name)
	return true
}

// prepare makes the folder of the instance that this is.
func (p *pass) prepare() string {
	folder, err := source.PrepareInstance(p.root())
	if err != nil {
		p.fail(err)
	}
	p.record.Instance = folder
	return folder
}

// settle says which instance this is, when all is there that belongs to it.
func (p *pass) settle() {
	if known, settled := source.Instance(p.root()); p.record.Instance == "" || settled && known == p.record.Instance {
		return
	}
	if err := source.SettleInstance(p.root(), p.record.Instance); err != nil {
		p.fail(err)
		p.save()
	}
	p.changed()
}

// tellCloud tells the cloud that the machine is there. A cloud that does not hear
// it is told again with the next pass.
func (p *pass) tellCloud(ctx context.Context) {
	if p.report == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, againLimit)
	defer cancel()
	if err := p.report(ctx); err != nil {
		p.fail(err)
		p.save()
		p.changed()
		return
	}
	p.report = nil
}

// machine tells this machine from others that may have its disk one day.
func (p *pass) machine() string { return ReadPlatform(p.root()).UUID }

// fail notes what this machine, and no datasource, is the reason of.
func (p *pass) fail(err error) {
	p.record.Problem = err.Error()
	p.log(err)
}

func (p *pass) save() {
	if err := source.SaveRecord(p.root(), p.record); err != nil {
		p.log(err)
	}
}
