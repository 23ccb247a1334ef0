package machine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ros-os/ros/internal/source"
)

func TestCgroupTables(t *testing.T) {
	hybrid := "3:cpu,cpuacct:/x\n2:memory:/x\n1:name=systemd:/x\n0::/x\n"
	if v1, unified := parseSelfCgroup(hybrid); !unified || !slices.Equal(v1, []string{"cpu,cpuacct", "memory", "name=systemd"}) {
		t.Errorf("hybrid: %q, %v", v1, unified)
	}
	if v1, unified := parseSelfCgroup("0::/\n"); !unified || len(v1) != 0 {
		t.Errorf("unified: %q, %v", v1, unified)
	}
	table := "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpuset\t0\t1\t1\ncpu\t0\t1\t1\ncpuacct\t0\t1\t1\nmemory\t0\t1\t0\nnet_cls\t0\t1\t1\nnet_prio\t0\t1\t1\n"
	if got := parseCgroupTable(table); !slices.Equal(got, []string{"cpuset", "cpu,cpuacct", "net_cls,net_prio"}) {
		t.Errorf("%q", got)
	}
}

func FuzzCgroupTables(f *testing.F) {
	f.Add("3:cpu,cpuacct:/x\n0::/\n")
	f.Add("cpu\t0\t1\t1\n")
	f.Fuzz(func(t *testing.T, text string) {
		v1, _ := parseSelfCgroup(text)
		if slices.Contains(v1, "") || slices.Contains(parseCgroupTable(text), "") {
			t.Errorf("a hierarchy without a name in %q", text)
		}
	})
}

func TestUevents(t *testing.T) {
	for _, row := range []struct {
		name, event string
		want        bool
	}{
		{"a disk appears", "add@/devices/x\x00ACTION=add\x00SUBSYSTEM=block\x00", true},
		{"a disk goes", "remove@/devices/x\x00ACTION=remove\x00SUBSYSTEM=block\x00", false},
		{"another device", "add@/devices/x\x00ACTION=add\x00SUBSYSTEM=blocks\x00", false},
		{"nothing", "", false},
	} {
		if got := isUevent([]byte(row.event), "block"); got != row.want {
			t.Errorf("%s: %v", row.name, got)
		}
	}
}

func TestListeningForDevicesEnds(t *testing.T) {
	_, stop, err := uevents(t.Context(), "block")
	if err != nil {
		t.Fatal(err)
	}
	stop()
	ctx, cancel := context.WithCancel(t.Context())
	_, stop, err = uevents(ctx, "block")
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	stop()
}

func TestPowerKey(t *testing.T) {
	event := func(kind, code uint16, value uint32) []byte {
		e := make([]byte, eventSize)
		binary.NativeEndian.PutUint16(e[16:], kind)
		binary.NativeEndian.PutUint16(e[18:], code)
		binary.NativeEndian.PutUint32(e[20:], value)
		return e
	}
	for _, row := range []struct {
		name   string
		events []byte
		want   bool
	}{
		{"pressed", event(1, 116, 1), true},
		{"released", event(1, 116, 0), false},
		{"another key", event(1, 30, 1), false},
		{"after another key", append(event(1, 30, 1), event(1, 116, 1)...), true},
		{"cut short", event(1, 116, 1)[:20], false},
	} {
		if got := powerEvent(row.events); got != row.want {
			t.Errorf("%s: %v", row.name, got)
		}
	}
}

func TestKernelErrors(t *testing.T) {
	log := "<6>[ 1.0] fine\n<3>[ 2.0] bad\n<30>[ 3.0] systemd fine\n<2>[ 4.0] worse\nno level\n<11>[ 5.0] user error\n"
	if got := errorLines(log, 2); got != "[ 4.0] worse\n[ 5.0] user error" {
		t.Errorf("%q", got)
	}
	if got := errorLines("", 2); got != "" {
		t.Errorf("%q", got)
	}
}

func TestRecoveryTellsTheReason(t *testing.T) {
	if text := recoveryText("the disk is gone", "I/O error"); !strings.Contains(text, "the disk is gone") || !strings.Contains(text, "I/O error") {
		t.Error(text)
	}
}

func TestANewStateDiskGetsWhatTheImageHas(t *testing.T) {
	image, state := filepath.Join(t.TempDir(), "home"), filepath.Join(t.TempDir(), "home")
	write(t, filepath.Join(image, "rancher/.profile"), "hello")
	if err := os.Chmod(filepath.Join(image, "rancher"), 0o777|fs.ModeSticky); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("rancher", filepath.Join(image, "docker")); err != nil {
		t.Fatal(err)
	}
	// An interrupted boot left half a copy.
	write(t, filepath.Join(filepath.Dir(state), ".new-home/rubbish"), "x")
	if err := fillOnce(image, state); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(state, "docker/.profile")); err != nil || string(data) != "hello" {
		t.Errorf("%q, %v", data, err)
	}
	if info, err := os.Stat(filepath.Join(state, "rancher")); err != nil || info.Mode() != fs.ModeDir|fs.ModeSticky|0o777 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(state), ".new-*")); err != nil || len(left) > 0 {
		t.Errorf("%q, %v", left, err)
	}
	// What its owner removed does not come back.
	if err := os.Remove(filepath.Join(state, "rancher/.profile")); err != nil {
		t.Fatal(err)
	}
	if err := fillOnce(image, state); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(state, "rancher/.profile")); !os.IsNotExist(err) {
		t.Errorf("came back: %v", err)
	}
}

func TestAnOlderStateDiskGetsNewFolders(t *testing.T) {
	image, state := t.TempDir(), t.TempDir()
	write(t, filepath.Join(image, "lib/new/file"), "x")
	write(t, filepath.Join(state, "lib/old"), "y")
	if err := addFolders(image, state); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(state, "lib/new")); err != nil || !info.IsDir() {
		t.Errorf("the folder is missing: %v", err)
	}
	if _, err := os.Stat(filepath.Join(state, "lib/new/file")); !os.IsNotExist(err) {
		t.Errorf("files are not added: %v", err)
	}
}

func TestLinksReplaceWhatIsInTheirWay(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "run")
	write(t, filepath.Join(link, "docker.pid"), "1")
	for range 2 {
		if err := makeLink(link, "/run"); err != nil {
			t.Fatal(err)
		}
	}
	if target, err := os.Readlink(link); err != nil || target != "/run" {
		t.Errorf("%q, %v", target, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "run.old/docker.pid")); err != nil {
		t.Errorf("an older system's folder is lost: %v", err)
	}
}

func TestHostFilesArePlainAndWrittenInPlace(t *testing.T) {
	etc := t.TempDir()
	if err := os.Symlink("/nowhere", filepath.Join(etc, "resolv.conf")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(etc, "hostname"), "a-much-longer-name\n")
	before, err := os.Stat(filepath.Join(etc, "hostname"))
	if err != nil {
		t.Fatal(err)
	}
	if err := writeHostFiles(etc, "box"); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(filepath.Join(etc, "hostname"))
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the file was replaced: %v", err)
	}
	for name, want := range map[string]string{"hostname": "box\n", "hosts": "127.0.1.1\tbox\n", "resolv.conf": ""} {
		info, err := os.Lstat(filepath.Join(etc, name))
		if err != nil || !info.Mode().IsRegular() {
			t.Fatalf("%s is not a plain file: %v", name, err)
		}
		if data, err := os.ReadFile(filepath.Join(etc, name)); err != nil || !strings.HasSuffix(string(data), want) {
			t.Errorf("%s holds %q, %v", name, data, err)
		}
	}
}

func TestLogsArePutAsideWhenTheyAreLong(t *testing.T) {
	l := &logFile{path: filepath.Join(t.TempDir(), "log", "x.log")}
	defer l.close()
	if _, err := l.open().WriteString(strings.Repeat("line\n", maxLog/5+1)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.open().WriteString("one\ntwo\nthree\n"); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(l.path + ".1"); err != nil || info.Size() < maxLog {
		t.Errorf("the old log: %v", err)
	}
	if got := l.tail(2); got != "two\nthree" {
		t.Errorf("%q", got)
	}
}

func TestALogIsPutAsideWhileItsProcessRuns(t *testing.T) {
	l := &logFile{path: filepath.Join(t.TempDir(), "x.log")}
	defer l.close()
	if err := l.bound(); err != nil {
		t.Errorf("a log that nobody writes: %v", err)
	}
	process := l.open() // which goes on writing to the same file
	long := strings.Repeat("line\n", maxLog/5+1)
	for _, text := range []string{"short\n", long, "after\n"} {
		if _, err := process.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := l.bound(); err != nil {
			t.Fatal(err)
		}
	}
	if data, err := os.ReadFile(l.path); err != nil || string(data) != "after\n" {
		t.Errorf("the log has %d bytes, %v", len(data), err)
	}
	if data, err := os.ReadFile(l.path + ".1"); err != nil || string(data) != "short\n"+long {
		t.Errorf("the old log has %d bytes, %v", len(data), err)
	}
}

func TestALogThatCannotBeWrittenGoesToTheConsole(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	l := &logFile{path: filepath.Join(file, "x.log")}
	if got := l.open(); got != os.Stderr {
		t.Errorf("%v", got.Name())
	}
}

func TestPing(t *testing.T) {
	for _, row := range []struct{ name, answer, want string }{
		{"an answer", "HTTP/1.0 200 OK\r\n\r\nOK", ""},
		{"a daemon that is not ready", "HTTP/1.1 503 Service Unavailable\r\n\r\n", `the daemon answers "HTTP/1.1 503 Service Unavailable"`},
		{"silence", "", "the daemon does not answer: EOF"},
		{"no HTTP", "hello\n", `the daemon answers "hello"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			socket := answering(t, row.answer)
			err := ping(t.Context(), socket)
			if got := fmt.Sprint(err); row.want == "" && err != nil || row.want != "" && got != row.want {
				t.Errorf("%v, want %q", err, row.want)
			}
		})
	}
	if err := ping(t.Context(), filepath.Join(t.TempDir(), "none.sock")); err == nil {
		t.Error("nothing listened, and answered")
	}
}

// answering listens and gives everybody the same answer.
func answering(t *testing.T, answer string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 1024)
			_, _ = conn.Read(buf) // the request
			_, _ = conn.Write([]byte(answer))
			_ = conn.Close()
		}
	}()
	return path
}

func TestGroupsAreKnownByTheirWholeName(t *testing.T) {
	file := filepath.Join(t.TempDir(), "group")
	write(t, file, "root:x:0:\ndocker:x:999:rancher\n")
	for name, want := range map[string]bool{"docker": true, "root": true, "dock": false, "": false, "rancher": false} {
		if got := hasGroup(file, name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func TestSharedFoldersAreFoundByTheirTag(t *testing.T) {
	sys := t.TempDir()
	write(t, filepath.Join(sys, "bus/virtio/drivers/9pnet_virtio/virtio3/mount_tag"), "config-2\x00")
	if !hasTag(sys, "config-2") || hasTag(sys, "config") {
		t.Error("a tag was taken for another")
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if sleep(ctx, time.Hour) || !sleep(t.Context(), time.Nanosecond) {
		t.Error("sleep lies about having slept")
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestHugePagesAreLeftToThoseWhoAskForThem(t *testing.T) {
	for cmdline, want := range map[string]string{
		"console=ttyS0\n":               "madvise",
		"transparent_hugepage=always\n": "always",
	} {
		dir := t.TempDir()
		words, setting := filepath.Join(dir, "cmdline"), filepath.Join(dir, "enabled")
		write(t, words, cmdline)
		write(t, setting, "always")
		if err := saveMemory(words, setting); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(setting); err != nil || string(got) != want {
			t.Errorf("with %q it is %q, %v; want %q", cmdline, got, err, want)
		}
		if err := saveMemory(words, filepath.Join(dir, "none", "enabled")); err != nil {
			t.Errorf("a kernel without huge pages: %v", err)
		}
	}
}

func TestUserDockerWaitsForMountsAndNotForEver(t *testing.T) {
	root := t.TempDir()
	wait := func(limit time.Duration) time.Duration {
		begun := time.Now()
		awaitMounts(t.Context(), root, limit)
		return time.Since(begun)
	}
	if took := wait(50 * time.Millisecond); took < 50*time.Millisecond {
		t.Errorf("it waited for %s", took)
	}
	file := filepath.Join(root, source.MountedFile)
	made := make(chan error, 1)
	go func() {
		<-time.After(30 * time.Millisecond)
		made <- errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, nil, 0o600))
	}()
	if took := wait(time.Minute); took > 30*time.Second {
		t.Errorf("it waited for %s", took)
	}
	if err := <-made; err != nil {
		t.Error(err)
	}
}
