package source

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// childVariable makes this test binary a process of its own that does one thing:
// its value is what and its arguments.
const childVariable = "ROS_SOURCE_TEST_CHILD"

func TestMain(m *testing.M) {
	task := os.Getenv(childVariable)
	if task == "" {
		os.Exit(m.Run())
	}
	if err := child(strings.Fields(task)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func child(task []string) error {
	n, err := strconv.Atoi(task[2])
	if err != nil {
		return err
	}
	switch what, root := task[0], task[1]; what {
	case "writers":
		return writers(root, n)
	case "dying":
		return dying(root, n)
	default:
		return fmt.Errorf("unknown task %q", what)
	}
}

// childCommand is the command for a process that does a task with a root and a
// number.
func childCommand(t *testing.T, task, root string, n int) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %d", childVariable, task, root, n))
	return cmd
}

// inMemory is a folder that no disk slows down, where there is one.
func inMemory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "ros-source-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
