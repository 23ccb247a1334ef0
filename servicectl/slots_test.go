package servicectl

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

func TestTheNextSlotGoesToWhoComesFirstInThePlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(1)
		first, err := s.acquire(t.Context(), 9)
		if err != nil {
			t.Fatal(err)
		}
		var got []int // one at a time holds the slot that guards it
		var all sync.WaitGroup
		for _, rank := range []int{5, 3, 7, 4} {
			all.Go(func() {
				release, err := s.acquire(t.Context(), rank)
				if err != nil {
					t.Error(err)
					return
				}
				defer release()
				got = append(got, rank)
			})
			synctest.Wait()
		}
		first()
		all.Wait()
		if want := []int{3, 4, 5, 7}; !slices.Equal(got, want) {
			t.Errorf("the order is %v, want %v", got, want)
		}
		if s.free != 1 {
			t.Errorf("%d slots are free in the end", s.free)
		}
	})
}

func TestASlotIsNotLostToAWaiterThatGaveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(1)
		release, err := s.acquire(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		gaveUp := make(chan error, 1)
		go func() {
			_, err := s.acquire(ctx, 2)
			gaveUp <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-gaveUp; err == nil {
			t.Error("it got a slot that was not free")
		}
		release()
		if again, err := s.acquire(t.Context(), 3); err != nil {
			t.Error(err)
		} else {
			again()
		}
	})
}
