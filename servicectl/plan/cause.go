package plan

import (
	"fmt"
	"math"
	"strconv"

	"github.com/ros-os/ros/compose"
)

// missing is why a container has to be made.
func (p *planner) missing(v *view) string {
	switch {
	case v.squatter != nil:
		return "its name was taken by another container"
	case len(v.moved) > 0:
		return "moved to " + daemonName(v.svc.Scope)
	case v.mem.Gone != "":
		return v.mem.Gone
	case v.mem.Ran != "":
		return "its container was removed behind the controller's back"
	}
	return "new"
}

// outdated is why the container is no longer right.
func (p *planner) outdated(v *view) string {
	c := v.main
	if c.ID == v.mem.Replace {
		return "replaced by the user"
	}
	if left, gone := p.leftBy(v, c); gone && c.Hash == v.svc.Hash && !p.imageUpdated(v, c) {
		return left.key + ": the container of " + left.service + " was replaced"
	}
	if broken := p.broken(v, c); broken != "" && c.Hash == v.svc.Hash {
		return broken
	}
	if c.Hash == v.svc.Hash {
		return "image " + v.svc.Spec.Image + " was updated"
	}
	if len(c.Fields) > 0 {
		if diff := compose.ExplainDiff(c.Fields, v.svc.Fields); diff != "" {
			return diff
		}
	}
	return "the configuration changed"
}

// exitCause is how a container ended.
func exitCause(svc *compose.Service, c *Container) string {
	limit := memoryLimit(svc)
	switch {
	case c.OOM && limit > 0:
		return fmt.Sprintf("killed: out of memory (limit %s)", bytes(limit))
	case c.OOM:
		return "killed: out of memory"
	case c.Error != "":
		return c.Error
	}
	return fmt.Sprintf("exited with status %d", c.ExitCode)
}

// memoryLimit is how much memory a service may have, in bytes; 0 is any.
func memoryLimit(svc *compose.Service) int64 {
	if d := svc.Spec.Deploy; d != nil && d.Resources.Limits != nil && d.Resources.Limits.MemoryBytes > 0 {
		return int64(d.Resources.Limits.MemoryBytes)
	}
	return int64(svc.Spec.MemLimit)
}

// bytes is an amount of memory as a person wants it.
func bytes(n int64) string {
	for _, unit := range []struct {
		size int64
		name string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= unit.size {
			return strconv.FormatFloat(math.Round(10*float64(n)/float64(unit.size))/10, 'f', -1, 64) + " " + unit.name
		}
	}
	return strconv.FormatInt(n, 10) + " bytes"
}

// cmpCause goes on with the cause of a change that an earlier pass began.
func cmpCause(m Memory, c *Container, otherwise string) string {
	if m.LastCause != "" && m.Ran != c.ID {
		return m.LastCause
	}
	return otherwise
}
