package setting

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestWhatIsDoneForAnInstanceWaitsUntilItIsKnown(t *testing.T) {
	h := newHost(t)
	ran, ended := 0, make(chan error, 1)
	go func() {
		ended <- Per(t.Context(), h.m.root, PerInstance, "x", func() error { ran++; return nil })
	}()
	select {
	case err := <-ended:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	h.settle("i-1")
	if err := <-ended; err != nil || ran != 1 {
		t.Errorf("it ran %d times: %v", ran, err)
	}
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := Per(short, t.TempDir(), PerInstance, "x", func() error { ran++; return nil }); !errors.Is(err, errUnsettled) || ran != 1 {
		t.Errorf("of an instance that is not known: ran %d times, %v", ran, err)
	}
}

func TestWhatWasEndedRunsAgain(t *testing.T) {
	h := newHost(t)
	ctx, cancel := context.WithCancel(t.Context())
	if err := Per(ctx, h.m.root, PerOnce, "x", func() error { cancel(); return ctx.Err() }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	ran := false
	if err := Per(t.Context(), h.m.root, PerOnce, "x", func() error { ran = true; return nil }); err != nil || !ran {
		t.Errorf("it ran: %v, %v", ran, err)
	}
}
