package servicectl_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/servicectl"
)

// keeper counts how often a reading was kept.
func (r *rig) keeper(fails bool) *atomic.Int32 {
	var kept atomic.Int32
	r.loader.mu.Lock()
	defer r.loader.mu.Unlock()
	r.loader.desired.Keep = func() error {
		kept.Add(1)
		if fails {
			return errors.New("no space left on device")
		}
		return nil
	}
	return &kept
}

func TestAReadingIsKeptOnceWhenTheMachineHasConvergedWithIt(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		first := r.keeper(true) // an error is told and does no harm
		r.start(t, machine()...)
		after(time.Hour)
		r.wantState(t, servicectl.Converged)
		if n := first.Load(); n != 1 {
			t.Errorf("kept %d times", n)
		}
		second := r.keeper(false)
		r.loader.report(cloudconfig.Report{{Msg: "a layer is bad"}}, nil)
		r.c.Reload()
		synctest.Wait()
		after(time.Hour)
		r.wantState(t, servicectl.Degraded)
		if n := second.Load(); n != 0 {
			t.Errorf("a degraded machine kept its reading %d times", n)
		}
		r.loader.report(cloudconfig.Report{{Msg: "odd", Severity: cloudconfig.Warning}}, nil)
		r.change(machine()...)
		after(time.Hour)
		r.wantState(t, servicectl.Converged)
		if first, second := first.Load(), second.Load(); first != 1 || second != 1 {
			t.Errorf("kept %d and %d times", first, second)
		}
	})
}

func TestNothingIsKeptWhileAServiceIsNotReady(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Helper()
		kept := r.keeper(false)
		r.start(t, svc("web", "web:1", "missing"))
		after(time.Hour)
		if n := kept.Load(); n != 0 {
			t.Errorf("kept %d times", n)
		}
	})
}
