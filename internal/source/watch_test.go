package source_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ros-os/ros/internal/source"
)

// watched is a machine whose configuration folders are watched.
type watched struct {
	t       *testing.T
	conf    string
	changes chan struct{}
}

func watch(t *testing.T) watched {
	t.Helper()
	root := t.TempDir()
	w := watched{t: t, conf: filepath.Join(root, source.ConfDir), changes: make(chan struct{}, 99)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- source.Watch(ctx, root, func() { w.changes <- struct{}{} }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	w.told("the beginning")
	return w
}

func (w watched) write(name string) {
	w.t.Helper()
	path := filepath.Join(w.conf, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w watched) rename(from, to string) {
	w.t.Helper()
	if err := os.Rename(filepath.Join(w.conf, from), filepath.Join(w.conf, to)); err != nil {
		w.t.Fatal(err)
	}
}

// drain waits until nothing more is told for a while.
func (w watched) drain(quiet time.Duration) {
	for {
		select {
		case <-w.changes:
		case <-time.After(quiet):
			return
		}
	}
}

// silent checks that nothing is told for a while.
func (w watched) silent(what string) {
	w.t.Helper()
	select {
	case <-w.changes:
		w.t.Errorf("%s is told", what)
	case <-time.After(200 * time.Millisecond):
	}
}

func (w watched) told(what string) {
	w.t.Helper()
	select {
	case <-w.changes:
		w.drain(150 * time.Millisecond)
	case <-time.After(10 * time.Second):
		w.t.Errorf("%s was not told", what)
	}
}

func TestWatchTellsOfEveryChange(t *testing.T) {
	t.Parallel()
	w := watch(t)
	w.write("cloud-config.yml")
	w.told("a new file")
	w.rename("cloud-config.yml", "away")
	w.told("a file that was renamed")
	if err := os.Remove(filepath.Join(w.conf, "away")); err != nil {
		t.Fatal(err)
	}
	w.told("a file that was removed")
	w.write("cloud-config.d/10.yml")
	w.told("a file in cloud-config.d")
	w.write("web/deep/compose.yml")
	w.told("a file in a new folder")
	w.write("web/deep/compose.yml")
	w.told("a file in a folder that was new")
}

func TestWatchSeesFoldersComeAndGo(t *testing.T) {
	t.Parallel()
	w := watch(t)
	w.rename("cloud-config.d", "old.d")
	w.told("a folder that was renamed")
	w.write("cloud-config.d/10.yml")
	w.told("a folder that was made again")
	w.write("cloud-config.d/10.yml")
	w.told("a file in the folder that was made again")
	w.rename("old.d", "new.d")
	w.told("another rename")
	w.write("new.d/x")
	w.told("a file in a folder under its new name")
	if err := os.Rename(w.conf, w.conf+"-old"); err != nil {
		t.Fatal(err)
	}
	w.told("that the whole folder is gone")
	w.write("cloud-config.yml")
	w.told("that the whole folder is there again")
	w.write("cloud-config.d/20.yml")
	w.told("a folder in it")
	w.write("cloud-config.d/20.yml")
	w.told("a file in that")
}

func TestWatchDoesNotTellOfWhatIsHidden(t *testing.T) {
	t.Parallel()
	w := watch(t)
	w.write("seen.yml")
	w.told("a file that is not hidden")
	w.drain(time.Second)
	w.write(".cloud-config.yml.swp")
	w.write("cloud-config.d/.10.yml.swp")
	w.write(".history/000001.yml")
	w.write(".history/000001.yml")
	w.write(".try.json")
	if err := os.Chmod(filepath.Join(w.conf, "seen.yml"), 0o644); err != nil {
		t.Fatal(err)
	}
	select {
	case <-w.changes:
		t.Error("it was told")
	case <-time.After(400 * time.Millisecond):
	}
}

// TestFilesOutsideOfTheConfigurationAreWatchedWhereTheyAreNamed follows a file of
// variables that is written, put in place of another, and made with its folder.
func TestFilesOutsideOfTheConfigurationAreWatchedWhereTheyAreNamed(t *testing.T) {
	root := t.TempDir()
	opt := filepath.Join(root, "opt")
	n, err := source.NewNamed(root)
	if err != nil {
		t.Fatal(err)
	}
	w := watched{t: t, conf: opt, changes: make(chan struct{}, 99)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx, func() { w.changes <- struct{}{} }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	w.write("a/v.env")
	w.write("a/other.env")
	names := []string{"/opt/a/v.env", "/opt/b/later/v.env", source.ConfDir + "/web.env"}
	if !n.Want(names) || n.Want(names) {
		t.Error("what is watched from now on is not told, or twice")
	}
	w.write("a/other.env")
	w.silent("another file")
	w.write("a/v.env")
	w.told("a file that is written")
	w.rename("a/other.env", "a/v.env")
	w.told("a file that is replaced")
	w.write("b/later/v.env")
	w.told("a folder that is made")
	if !n.Want(names) {
		t.Error("its new folder is not watched")
	}
	w.write("b/later/v.env")
	w.told("the file in it")
	if err := os.RemoveAll(filepath.Join(opt, "a")); err != nil {
		t.Fatal(err)
	}
	w.told("a folder that is removed")
	n.Want(nil)
	w.write("b/later/v.env")
	w.silent("what is named no more")
}
