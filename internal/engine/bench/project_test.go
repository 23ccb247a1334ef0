//go:build dockerd

package bench_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/engine/dockerdtest"
	"github.com/ros-os/ros/servicectl"
)

// What every container runs, and what ends it: by SIGTERM it would not end before
// its time is over, since the first process of a container has no default handlers.
const (
	mainOf     = "sleep"
	mainArg    = "infinity"
	stopSignal = "SIGKILL"
)

// nobody is the round in which no service is another one than usual.
const nobody = -1

func serviceName(i int) string { return fmt.Sprintf("s%d", i) }

// composeFile is a file with so many services. The first one is another one in
// each round.
func composeFile(size, round int) string {
	var out strings.Builder
	out.WriteString("services:\n")
	for i := range size {
		of := nobody
		if i == 0 {
			of = round
		}
		fmt.Fprintf(&out, "  %s:\n    image: %s\n    command: [%s, %s]\n    network_mode: host\n    restart: always\n"+
			"    stop_signal: %s\n    environment: [ROUND=%d]\n    labels: {%s: %s}\n",
			serviceName(i), dockerdtest.Image, mainOf, mainArg, stopSignal, of, compose.LabelScope, compose.System)
	}
	return out.String()
}

// writeProject writes such a file.
func writeProject(b *testing.B, path string, size, round int) {
	b.Helper()
	if err := os.WriteFile(path, []byte(composeFile(size, round)), 0o600); err != nil {
		b.Fatal(err)
	}
}

// fileLoader is a configuration in a compose file.
type fileLoader string

func (f fileLoader) Load(context.Context) (servicectl.Desired, error) {
	text, err := os.ReadFile(string(f))
	if err != nil {
		return servicectl.Desired{}, err
	}
	layer, report := cloudconfig.ParseLayer(string(f), string(f), text)
	p, found := compose.Build(cloudconfig.Config{}, compose.Options{
		Definitions: map[string]cloudconfig.Document{"bench": layer.Doc},
	})
	return servicectl.Desired{Project: p, Report: append(report, found...)}, nil
}
