//go:build integration

package integration

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// workshop is what all tests of one run share; TestMain fills it before the
// first one, and nothing changes it after.
type workshop struct {
	image   string // the build folder
	program string // rosmachine
	home    string // of the machines
	probe   string // a tar archive with /probe, to be imported as an image
}

// shop is set once, by TestMain.
var shop workshop

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "ros-integration-")
	if err == nil {
		err = prepare(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "integration:", err)
		os.Exit(1)
	}
	code := m.Run()
	if os.Getenv("KEEP") == "" || code == 0 {
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, "integration:", err)
		}
	} else {
		fmt.Fprintf(os.Stderr, "kept: ROSMACHINE_HOME=%s %s list\n", shop.home, shop.program)
	}
	os.Exit(code)
}

func prepare(dir string) error {
	image := os.Getenv("ROS_BUILD")
	if image == "" {
		image = "../build"
	}
	image, err := filepath.Abs(image)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(image, "root.squashfs")); err != nil {
		return fmt.Errorf("cannot find the image (ROS_BUILD names its folder): %w", err)
	}
	shop = workshop{
		image: image, program: filepath.Join(dir, "rosmachine"),
		home: filepath.Join(dir, "home"), probe: filepath.Join(dir, "probe.tar"),
	}
	probe := filepath.Join(dir, "probe")
	for out, pkg := range map[string]string{shop.program: "../cmd/rosmachine", probe: "./testdata/probe"} {
		cmd := exec.CommandContext(context.Background(), "go", "build", "-o", out, pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("cannot build %s: %w\n%s", pkg, err, text)
		}
	}
	return packProbe(probe, shop.probe)
}

// packProbe makes a file system out of one program.
func packProbe(program, archive string) error {
	code, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	err = w.WriteHeader(&tar.Header{Name: "probe", Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(code))})
	if err == nil {
		_, err = w.Write(code)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	return os.WriteFile(archive, out.Bytes(), 0o644)
}
