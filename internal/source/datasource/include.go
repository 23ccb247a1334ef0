package datasource

import (
	"context"
	"errors"
	"slices"

	"github.com/ros-os/ros/internal/source"
)

// includeRounds bounds how often what was fetched may include something else; how
// deep it may go is for package source to say.
const includeRounds = 6

// include fetches what user-data includes, and what that does. It says whether
// all is there.
func (p *pass) include(ctx context.Context, want settings) (done bool) {
	folder := p.record.Instance
	if folder == "" {
		return true // there is no user-data yet
	}
	web := newWeb(p.root(), want.network, want.allowHTTP)
	tried := map[string]bool{}
	done = true
	for range includeRounds {
		missing := slices.DeleteFunc(source.Includes(p.root()), func(i source.Include) bool {
			return tried[i.URL] || source.HasInclude(p.root(), i.URL)
		})
		if len(missing) == 0 {
			return done
		}
		select {
		case <-p.runner.up:
		case <-ctx.Done():
			return false
		}
		for _, i := range missing {
			tried[i.URL] = true
			asked := p.includeOne(ctx, web, folder, i)
			done = done && asked.Outcome == source.Used
			p.noteInclude(asked)
		}
		p.save()
		p.changed()
	}
	return done
}

func (p *pass) noteInclude(asked source.Asked) {
	p.record.Includes = slices.DeleteFunc(p.record.Includes, func(a source.Asked) bool { return a.Name == asked.Name })
	p.record.Includes = append(p.record.Includes, asked)
}

// restoreIncludes puts to use what the includes gave this instance before.
func (p *pass) restoreIncludes() {
	for range includeRounds {
		found := false
		for _, i := range source.Includes(p.root()) {
			if source.HasInclude(p.root(), i.URL) {
				continue
			}
			kept, err := source.RestoreInclude(p.root(), p.record.Instance, i.URL)
			if err != nil {
				p.log(err)
			}
			found = found || kept
		}
		if !found {
			return
		}
	}
}

// includeOne fetches one address. What it gave this instance before is used when
// it does not answer, and always when once is enough.
func (p *pass) includeOne(ctx context.Context, w *web, folder string, i source.Include) source.Asked {
	if i.Once {
		if kept, err := source.RestoreInclude(p.root(), folder, i.URL); kept && err == nil {
			return source.Asked{Name: i.Shown(), Outcome: source.Used}
		}
	}
	a := ask(ctx, candidate{name: i.Shown(), source: w.address(i.URL)}, againLimit)
	if a.err == nil {
		a.err = source.SaveInclude(p.root(), folder, i.URL, a.seed.UserData)
	}
	if a.err == nil {
		return a.asked
	}
	kept, err := source.RestoreInclude(p.root(), folder, i.URL)
	a.asked.Outcome, a.asked.Reason = source.Unanswered, errors.Join(a.err, err).Error()
	if kept {
		a.asked.Outcome = source.Used
		a.asked.Reason += "; what it gave before is used"
	}
	return a.asked
}
