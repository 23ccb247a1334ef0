package setting

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ros-os/ros/internal/source"
)

// The frequencies of [Per], as cloud-init-per has them.
const (
	PerOnce     = "once"     // on this machine
	PerInstance = "instance" // for each instance
	PerAlways   = "always"
)

// everFolder has the stamps of what is done once for all instances.
const everFolder = source.InstancesDir + "/.once"

// Per calls run on the machine below root, unless it was run before under that name.
// That it ran is noted when it has ended, well or not, and not when ctx ended it. It
// waits until it is known which instance this is, if it has to know.
func Per(ctx context.Context, root, frequency, name string, run func() error) error {
	m := New(root)
	if name == "" || strings.Contains(name, "/") {
		return fmt.Errorf("%q is no name: it must have no slash", name)
	}
	folder := everFolder
	switch frequency {
	case PerAlways:
		return run()
	case PerOnce:
	case PerInstance:
		limited, cancel := context.WithTimeout(ctx, m.late.unsettled)
		defer cancel()
		if !m.awaitInstance(limited) {
			return fmt.Errorf("cannot run %s: %w", name, errUnsettled)
		}
		folder, _ = source.Instance(root)
	default:
		return fmt.Errorf("frequency %q is not known: one of %s, %s, %s", frequency, PerOnce, PerInstance, PerAlways)
	}
	stamp := stampPath(folder, "bootper."+strings.ReplaceAll(name, "-", "_"))
	if m.exists(stamp) {
		return nil
	}
	err := run()
	if ctx.Err() != nil {
		return err
	}
	return errors.Join(err, m.writeSecret(stamp, []byte("ended\n")))
}
