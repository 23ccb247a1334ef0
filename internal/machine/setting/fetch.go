package setting

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/machine/network"
	"github.com/ros-os/ros/internal/source"
	"github.com/ros-os/ros/internal/source/datasource"
)

const (
	// fetchedFolder keeps, over boots, what was fetched: a machine that starts
	// without the network has the files and the keys that it had. It goes when the
	// instances are forgotten.
	fetchedFolder = source.InstancesDir + "/.fetched"
	// networkLimit is how long the network is waited for before servers are asked
	// all the same: they may be reachable without it being whole.
	networkLimit = time.Minute
)

// fetch is one document that the configuration names by its address.
type fetch struct {
	address string
	header  map[string]string
	path    []string // of what asks for it
	// check says what is wrong with what came; nil: nothing can be.
	check func([]byte) error
}

// name is that of its file: the same address may give others other things.
func (f fetch) name() string {
	sum := sha256.New()
	_, _ = fmt.Fprintf(sum, "%q", f.address) // a hash takes everything
	for _, key := range slices.Sorted(maps.Keys(f.header)) {
		_, _ = fmt.Fprintf(sum, "%q%q", key, f.header[key])
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

func (f fetch) stamp() string { return "fetch-" + f.name() }

// fetches are all documents that a configuration names, each once.
func (p *pass) fetches() []fetch {
	var all []fetch
	for i, f := range p.cfg.WriteFiles {
		if f.Source.URI != "" {
			all = append(all, fetchFile(f, "write_files", strconv.Itoa(i), "source", "uri"))
		}
	}
	for _, at := range p.imports() {
		address, err := keyAddress(at.id)
		if err != nil {
			p.fail(err, at.path...)
			continue
		}
		all = append(all, fetch{address: address, path: at.path, check: func(data []byte) error {
			_, err := importedKeys(data, at.id)
			return err
		}})
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(f fetch) bool {
		twice := seen[f.name()]
		seen[f.name()] = true
		return twice
	})
}

func fetchFile(f cloudconfig.WriteFile, path ...string) fetch {
	return fetch{address: f.Source.URI, header: f.Source.Headers, path: path}
}

// fetched is what a document held when it was fetched last; ok is false when it
// never was.
func (m *Machine) fetched(f fetch) (data []byte, ok bool) {
	data, err := os.ReadFile(m.path(path.Join(fetchedFolder, f.name())))
	return data, err == nil // one that cannot be read is fetched again
}

// fetchLoop fetches, once for each boot, what the configuration names, whenever
// that changes, and tries again what did not come. What comes is put to use by
// another application.
func (m *Machine) fetchLoop(ctx context.Context, changed func()) {
	retry := time.NewTimer(0)
	defer retry.Stop()
	retry.Stop()
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		select {
		case <-ctx.Done():
			return
		case <-m.late.fetch:
			pause = firstRetry
		case <-retry.C:
		}
		p := m.pass(m.late.newest())
		p.fetchAll(ctx)
		if ctx.Err() != nil {
			return
		}
		if p.made > 0 {
			poke(m.late.wake) // for files with defer
		}
		if told := m.late.tell(&m.late.fetches, p.report); told || p.made > 0 {
			changed()
		}
		if len(p.report) > 0 {
			retry.Reset(pause)
		}
		m.record.save()
	}
}

// fetchAll fetches what was not fetched in this boot.
func (p *pass) fetchAll(ctx context.Context) {
	all := p.fetches()
	missing := slices.DeleteFunc(slices.Clone(all), func(f fetch) bool {
		_, kept := p.m.fetched(f)
		return kept && p.m.doneThisBoot(f.stamp())
	})
	if _, settled := source.Instance(p.m.root); settled && len(missing) == 0 {
		p.fail(p.m.forgetFetched(all)) // before that the configuration is not whole
	}
	if len(missing) == 0 || !p.m.awaitNetwork(ctx) {
		return
	}
	p.applyOne(ctx, module{name: "fetch", apply: func(p *pass, ctx context.Context) {
		for _, f := range missing {
			if ctx.Err() == nil {
				p.fetchOne(ctx, f)
			}
		}
	}})
}

// fetchOne fetches one document and keeps it.
func (p *pass) fetchOne(ctx context.Context, f fetch) {
	get := datasource.Download{Root: p.m.root, Network: p.cfg.Rancher.Network, AllowHTTP: p.cfg.Rancher.CloudInit.AllowHTTP, Most: largestFile}
	data, err := get.Get(ctx, f.address, f.header)
	if err == nil && f.check != nil {
		err = f.check(data)
	}
	if err == nil {
		err = p.m.writeSecret(path.Join(fetchedFolder, f.name()), data)
	}
	if err == nil {
		err = p.m.stampThisBoot(f.stamp())
	}
	switch _, kept := p.m.fetched(f); {
	case err == nil:
		p.note("fetch " + source.ShownURL(f.address))
		p.made++
	case kept:
		p.warn("cannot be fetched, what it gave before is used: "+err.Error(), "", f.path...)
	default:
		p.fail(fmt.Errorf("cannot be fetched: %w", err), f.path...)
	}
}

// forgetFetched removes what the configuration no longer names.
func (m *Machine) forgetFetched(all []fetch) error {
	entries, err := os.ReadDir(m.path(fetchedFolder))
	if err != nil {
		return nil //nolint:nilerr // there is nothing to forget
	}
	var errs []error
	for _, e := range entries {
		named := slices.ContainsFunc(all, func(f fetch) bool { return f.name() == e.Name() })
		if !named && !strings.HasPrefix(e.Name(), ".") {
			errs = append(errs, os.Remove(m.path(path.Join(fetchedFolder, e.Name()))))
		}
	}
	return errors.Join(errs...)
}

// awaitNetwork waits for the network, but not for ever; false when ctx ends first.
func (m *Machine) awaitNetwork(ctx context.Context) bool {
	bounded, cancel := context.WithTimeout(ctx, m.late.network)
	defer cancel()
	seen, end := m.watch(bounded, network.ReadyFile, "the network")
	defer end()
	for !m.exists(network.ReadyFile) {
		select {
		case <-bounded.Done():
			return ctx.Err() == nil
		case <-seen:
		}
	}
	return ctx.Err() == nil
}

// previewFetches says what is still to be fetched.
func (p *pass) previewFetches() {
	p.module = "fetch"
	for _, f := range p.fetches() {
		if _, kept := p.m.fetched(f); !kept {
			p.note("fetch " + source.ShownURL(f.address))
		}
	}
}
