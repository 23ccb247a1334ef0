package setting

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/ros-os/ros/cloudconfig"
)

const defaultSeedFile = "/dev/urandom"

// randomSeed adds to the kernel's randomness, once for each instance.
func (p *pass) randomSeed(ctx context.Context) {
	r := p.cfg.RandomSeed
	if r.Data == "" && len(r.Command) == 0 {
		return
	}
	if done, err := p.m.doneOnce("random_seed"); done || err != nil {
		if err != nil && !errors.Is(err, errUnsettled) {
			p.fail(err, "random_seed")
		}
		return
	}
	p.do("add randomness", []string{"random_seed"}, func() error {
		if err := p.m.stampOnce("random_seed"); err != nil {
			return err
		}
		return errors.Join(p.seedData(r), p.seedCommand(ctx, r))
	})
}

func (p *pass) seedData(r cloudconfig.RandomSeed) error {
	if r.Data == "" {
		return nil
	}
	encoding := r.Encoding
	if encoding == "raw" {
		encoding = ""
	}
	target := r.File
	if target == "" {
		target = defaultSeedFile
	}
	data, err := content(cloudconfig.WriteFile{Path: target, Content: r.Data, Encoding: encoding})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(p.m.path(target), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("cannot add randomness: %w", err)
	}
	if _, err := f.Write(data); err != nil {
		return errors.Join(fmt.Errorf("cannot add randomness: %w", err), f.Close())
	}
	return f.Close()
}

func (p *pass) seedCommand(ctx context.Context, r cloudconfig.RandomSeed) error {
	if len(r.Command) == 0 {
		return nil
	}
	if !p.m.kernel.has(r.Command[0]) {
		if r.CommandRequired {
			return fmt.Errorf("cannot add randomness: there is no %s on this system", r.Command[0])
		}
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, bootLimit)
	defer cancel()
	target := r.File
	if target == "" {
		target = defaultSeedFile
	}
	argv := append([]string{"env", "RANDOM_SEED_FILE=" + p.m.path(target)}, r.Command...)
	if err := p.m.kernel.run(limited, "", argv...); err != nil {
		return fmt.Errorf("cannot add randomness: %w", err)
	}
	return nil
}
