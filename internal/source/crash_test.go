package source

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	firstText  = "#cloud-config\nhostname: first\n"
	secondText = "#cloud-config\nhostname: second\n"
	thirdText  = "#cloud-config\nhostname: third\n"
)

// at is a moment so many seconds into a boot.
func at(boot string, seconds int) Moment {
	up := time.Duration(seconds) * time.Second
	return Moment{Wall: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC).Add(up), Boot: boot, Up: up}
}

// put is a change to a whole new text.
func put(text string, try time.Duration) Change {
	return Change{
		Author: Author{Who: "alice", Command: "set hostname"}, Try: try,
		Edit: func([]byte) ([]byte, error) { return []byte(text), nil },
	}
}

// changes are what a crash may interrupt. before is done in peace; then comes
// the change itself, at second 100 of the boot.
var changes = []struct {
	name   string
	before []Change
	do     func(desk) error
	old    string // what the file had
	new    string
	after  string // what it has once the time of every trial is up; empty: what it had
}{
	{
		name: "the first change ever",
		do:   func(d desk) error { return d.update(put(firstText, 0)) },
		new:  firstText,
	},
	{
		name:   "a change",
		before: []Change{put(firstText, 0)},
		do:     func(d desk) error { return d.update(put(secondText, 0)) },
		old:    firstText, new: secondText,
	},
	{
		name:   "a trial",
		before: []Change{put(firstText, 0)},
		do:     func(d desk) error { return d.update(put(secondText, time.Minute)) },
		old:    firstText, new: secondText, after: firstText,
	},
	{
		name:   "a trial during a trial",
		before: []Change{put(firstText, 0), put(secondText, 10*time.Minute)},
		do:     func(d desk) error { return d.update(put(thirdText, time.Minute)) },
		old:    secondText, new: thirdText, after: firstText,
	},
	{
		name:   "the end of a trial",
		before: []Change{put(firstText, 0), put(secondText, time.Minute)},
		do:     func(d desk) error { _, _, err := d.settle(); return err },
		old:    secondText, new: firstText, after: firstText,
	},
	{
		name:   "a reboot during a trial",
		before: []Change{put(firstText, 0), put(secondText, 10*time.Minute)},
		do:     func(d desk) error { d.now.Boot = "b"; _, _, err := d.settle(); return err },
		old:    secondText, new: secondText, after: firstText,
	},
}

// TestACrashLeavesTheOldTextOrTheNew replays every prefix of what a change does
// to the disk, with everything that a crash at that point may lose.
func TestACrashLeavesTheOldTextOrTheNew(t *testing.T) {
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			base := inMemory(t)
			root := filepath.Join(base, "root")
			if err := os.Mkdir(root, 0o700); err != nil {
				t.Fatal(err)
			}
			for i, b := range c.before {
				if err := (desk{root: root, disk: idle{}, now: at("a", i)}).update(b); err != nil {
					t.Fatal(err)
				}
			}
			w := readWorld(t, root)
			r := &recorder{root: root}
			if err := c.do(desk{root: root, disk: r, now: at("a", 100)}); err != nil {
				t.Fatal(err)
			}
			states := 0
			for i := 0; ; i++ {
				done := i == len(r.ops)
				w.crashes(func(files map[string][]byte) {
					states++
					found := lay(t, base, files)
					where := fmt.Sprintf("after %d of %d operations", i, len(r.ops))
					text := checkSurvived(t, where, found, c.old, c.new)
					if done && text != c.new {
						t.Errorf("%s the change is lost", where)
					}
					checkGoesOn(t, where, found, c.after, text)
				})
				if done {
					break
				}
				w.do(r.ops[i])
			}
			t.Logf("%d operations, %d states", len(r.ops), states)
		})
	}
}

// checkSurvived looks at what a crash left, and returns the text of the file.
func checkSurvived(t *testing.T, where, root, old, new string) string {
	t.Helper()
	text, err := Current(root)
	if err != nil || string(text) != old && string(text) != new {
		t.Errorf("%s the file has %q, %v", where, text, err)
	}
	entries, err := History(root)
	if err != nil {
		t.Errorf("%s the history is damaged: %v", where, err)
	}
	for _, want := range []string{old, string(text)} {
		if want != "" && string(text) != old && !slices.ContainsFunc(entries, func(e Entry) bool { return string(e.Text) == want }) {
			t.Errorf("%s %q is not in the history", where, want)
		}
	}
	return string(text)
}

// checkGoesOn looks whether trials end as they should after the crash, and
// whether the file can be changed.
func checkGoesOn(t *testing.T, where, root, after, text string) {
	t.Helper()
	if after == "" {
		after = text
	}
	d := desk{root: root, disk: idle{}, now: at("c", 3600)}
	_, _, err := d.settle()
	if err != nil {
		t.Errorf("%s a trial cannot be ended: %v", where, err)
	}
	if got, err := Current(root); err != nil || string(got) != after {
		t.Errorf("%s and after the trial the file has %q, want %q (%v)", where, got, after, err)
	}
	if err := d.update(put("hostname: mended\n", 0)); err != nil {
		t.Errorf("%s it cannot be changed any more: %v", where, err)
	}
	for _, pattern := range []string{"/.*.tmp", "/.history/.*.tmp"} {
		if left, err := filepath.Glob(root + ConfDir + pattern); err != nil || len(left) > 0 {
			t.Errorf("%s there is left %v, %v", where, left, err)
		}
	}
}

// mortal is the machine's disk, and a process that dies after so many changes
// of it.
type mortal struct {
	osDisk
	left *int
}

func (m mortal) live(err error) error {
	if *m.left--; *m.left < 0 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // until it arrives
	}
	return err
}

func (m mortal) Mkdir(path string) error      { return m.live(m.osDisk.Mkdir(path)) }
func (m mortal) Rename(from, to string) error { return m.live(m.osDisk.Rename(from, to)) }
func (m mortal) Remove(path string) error     { return m.live(m.osDisk.Remove(path)) }
func (m mortal) SyncDir(path string) error    { return m.live(m.osDisk.SyncDir(path)) }

func (m mortal) CreateTemp(dir, pattern string) (file, error) {
	f, err := m.osDisk.CreateTemp(dir, pattern)
	return mortalFile{f, m}, m.live(err)
}

type mortalFile struct {
	file
	m mortal
}

func (f mortalFile) Write(data []byte) (int, error) {
	n, err := f.file.Write(data[:len(data)/2])
	if err = f.m.live(err); err != nil {
		return n, err
	}
	more, err := f.file.Write(data[len(data)/2:])
	return n + more, f.m.live(err)
}

func (f mortalFile) Sync() error { return f.m.live(f.file.Sync()) }

// dying puts a text on trial and dies on the way.
func dying(root string, after int) error {
	d := desk{root: root, disk: mortal{left: &after}, now: at("a", 100)}
	unlock, err := d.lock()
	if err != nil {
		return err
	}
	unlock()
	return d.update(put(secondText, time.Minute))
}

// TestAProcessThatIsKilledLeavesTheOldTextOrTheNew kills a real process after
// each change that it makes to a real folder.
func TestAProcessThatIsKilledLeavesTheOldTextOrTheNew(t *testing.T) {
	for n, ended := 0, false; !ended; n++ {
		root := inMemory(t)
		if err := (desk{root: root, disk: idle{}, now: at("a", 0)}).update(put(firstText, 0)); err != nil {
			t.Fatal(err)
		}
		cmd := childCommand(t, "dying", root, n)
		var said bytes.Buffer
		cmd.Stderr = &said
		err := cmd.Run()
		ended = err == nil
		if !ended && !strings.Contains(err.Error(), "killed") {
			t.Fatalf("it failed by itself: %v\n%s", err, &said)
		}
		where := fmt.Sprintf("killed after %d operations", n)
		text := checkSurvived(t, where, root, firstText, secondText)
		if ended && (text != secondText || n < 10) {
			t.Errorf("%d operations left %q", n, text)
		}
		checkGoesOn(t, where, root, firstText, text)
	}
}
