package datasource

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ros-os/ros/internal/source"
)

// fakeSource answers after a time, and fails before.
type fakeSource struct {
	after  time.Duration // since it was first asked
	fail   error         // until then; nil: it does not answer at all
	seed   string
	part   string // what it gives beside a failure
	never  bool
	begun  time.Time
	asked  int
	latest time.Time
}

func (f *fakeSource) Fetch(ctx context.Context) (source.Seed, error) {
	if f.asked++; f.begun.IsZero() {
		f.begun = time.Now()
	}
	f.latest = time.Now()
	left := f.after - time.Since(f.begun)
	switch {
	case !f.never && left <= 0:
		return source.Seed{UserData: []byte(f.seed)}, nil
	case f.fail != nil:
		return source.Seed{UserData: []byte(f.part)}, f.fail
	}
	if !f.never {
		timer := time.NewTimer(left)
		defer timer.Stop()
		select {
		case <-timer.C:
			return source.Seed{UserData: []byte(f.seed)}, nil
		case <-ctx.Done():
		}
	}
	<-ctx.Done()
	return source.Seed{}, unreachable{ctx.Err()}
}

func open() <-chan struct{} {
	up := make(chan struct{})
	close(up)
	return up
}

func TestTheFirstInOrderThatAnswersWins(t *testing.T) {
	refuses := errors.New("500")
	for _, tt := range []struct {
		name    string
		sources []*fakeSource
		want    string
		within  time.Duration
		told    string
	}{
		{
			name:    "a slow one in front wins over a quick one behind",
			sources: []*fakeSource{{after: 60 * time.Second, fail: refuses, seed: "first"}, {seed: "second"}},
			want:    "first", within: 70 * time.Second, told: "s0 used, s1 not needed",
		},
		{
			name:    "one that never answers takes its time and no more",
			sources: []*fakeSource{{never: true}, {seed: "second"}},
			want:    "second", within: 121 * time.Second, told: "s0 unanswered, s1 used",
		},
		{
			name:    "one that says no is passed over at once",
			sources: []*fakeSource{{never: true, fail: ErrNothing}, {never: true, fail: permanentError{errors.New("HTML")}}, {seed: "third"}},
			want:    "third", within: time.Second, told: "s0 not here, s1 unanswered, s2 used",
		},
		{
			name:    "those behind are given up when one in front has answered",
			sources: []*fakeSource{{after: time.Second, seed: "first"}, {never: true}},
			want:    "first", within: 2 * time.Second, told: "s0 used, s1 not needed",
		},
		{
			name:    "half an answer is better than none",
			sources: []*fakeSource{{never: true, fail: refuses, part: "half"}, {never: true, fail: ErrNothing}},
			want:    "half", within: 121 * time.Second, told: "s0 used, s1 not here",
		},
		{
			name:    "a whole answer is better than half",
			sources: []*fakeSource{{never: true, fail: refuses, part: "half"}, {seed: "whole"}},
			want:    "whole", within: 121 * time.Second, told: "s0 unanswered, s1 used",
		},
		{name: "nobody answers", sources: []*fakeSource{{never: true, fail: refuses}}, within: 121 * time.Second, told: "s0 unanswered"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var all []candidate
				for i, s := range tt.sources {
					all = append(all, candidate{name: "s" + string(rune('0'+i)), source: s})
				}
				begin := time.Now()
				winner, asked := round(t.Context(), all, open(), 120*time.Second)
				if took := time.Since(begin); took > tt.within {
					t.Errorf("it took %v, want at most %v", took, tt.within)
				}
				got := ""
				if winner != nil {
					got = string(winner.seed.UserData)
				}
				var told []string
				for _, a := range asked {
					told = append(told, a.Name+" "+a.Outcome)
				}
				if got != tt.want || strings.Join(told, ", ") != tt.told {
					t.Errorf("%q won, %v; want %q, %s", got, told, tt.want, tt.told)
				}
			})
		})
	}
}

func TestAServiceIsAskedLessAndLessOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fakeSource{never: true, fail: errors.New("503")}
		ask(t.Context(), candidate{source: s}, 60*time.Second)
		if s.asked < 10 || s.asked > 20 {
			t.Errorf("it was asked %d times in a minute", s.asked)
		}
	})
}

func TestTheNetworkIsWaitedForByThoseWhoNeedIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := make(chan struct{})
		local, remote := &fakeSource{seed: "local"}, &fakeSource{seed: "remote"}
		all := []candidate{{name: "remote", source: remote, network: true}, {name: "local", source: local}}
		begin := time.Now()
		time.AfterFunc(300*time.Second, func() { close(up) }) // longer than anybody's time
		winner, _ := round(t.Context(), all, up, 120*time.Second)
		if winner == nil || string(winner.seed.UserData) != "remote" || time.Since(begin) != 300*time.Second || remote.asked != 1 {
			t.Errorf("won by %v after %v, asked %d times", winner, time.Since(begin), remote.asked)
		}
		if local.latest.Sub(begin) != 0 {
			t.Error("what is on the machine waited for the network")
		}
	})
}
