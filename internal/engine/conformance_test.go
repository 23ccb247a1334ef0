//go:build dockerd

package engine

import (
	"testing"

	"github.com/ros-os/ros/internal/engine/enginetest"
	"github.com/ros-os/ros/servicectl"
	"github.com/ros-os/ros/servicectl/plan"
)

func TestConformanceReal(t *testing.T) {
	d := startPrivate(t)
	newEngine := func(t *testing.T) servicectl.Engine {
		t.Helper()
		return d.engine(t)
	}
	enginetest.Conformance(t, newEngine, enginetest.Options{
		Image: testImage, Lister: newEngine, Bring: plan.Load, Command: []string{"sleep", "1000"},
	})
}
