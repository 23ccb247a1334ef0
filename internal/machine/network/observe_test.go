package network

import (
	"errors"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"
)

// TestAListThatChangesWhileItIsReadIsReadAgain has containers start meanwhile.
func TestAListThatChangesWhileItIsReadIsReadAgain(t *testing.T) {
	other := errors.New("not permitted")
	for name, row := range map[string]struct {
		errs []error // of one try after the other
		want error
	}{
		"at once":                 {[]error{nil}, nil},
		"after two changes":       {[]error{netlink.ErrDumpInterrupted, netlink.ErrDumpInterrupted, nil}, nil},
		"another error":           {[]error{netlink.ErrDumpInterrupted, other}, other},
		"it changes all the time": {slices.Repeat([]error{netlink.ErrDumpInterrupted}, mostLists), netlink.ErrDumpInterrupted},
	} {
		tries := 0
		found, err := steady(func() ([]int, error) {
			tries++
			return []int{tries}, row.errs[tries-1]
		})
		if !errors.Is(err, row.want) || tries != len(row.errs) || found[0] != tries {
			t.Errorf("%s: %v after %d tries: %v", name, found, tries, err)
		}
	}
}
