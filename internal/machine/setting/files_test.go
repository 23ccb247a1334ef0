package setting

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ros-os/ros/cloudconfig"
)

func zip(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestContent(t *testing.T) {
	b64 := base64.StdEncoding.EncodeToString
	tests := []struct {
		name, encoding, content string
		want, problem           string
	}{
		{"plain text is taken as it is", "", "a\n", "a\n", ""},
		{"base64", "b64", b64([]byte("hello")), "hello", ""},
		{"base64 with line breaks and no padding", "base64", "aGVs\n  bG8", "hello", ""},
		{"gzip", "gz", string(zip(t, []byte("hello"))), "hello", ""},
		{"gzip in base64", "gz+b64", b64(zip(t, []byte("hello"))), "hello", ""},
		{"gzip in base64 by its long names", "gzip+base64", b64(zip(t, []byte("hello"))), "hello", ""},
		{"an unknown encoding", "rot13", "x", "", `there is no encoding "rot13"`},
		{"bad base64", "b64", "%", "", "it is not base64"},
		{"bad gzip", "gz", "x", "", "it is not gzip"},
		{"a bomb", "gz", string(zip(t, make([]byte, largestFile+10))), "", "more than 64 MiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := content(cloudconfig.WriteFile{Path: "/f", Encoding: tt.encoding, Content: tt.content})
			if string(got) != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if (err != nil) != (tt.problem != "") || err != nil && !strings.Contains(err.Error(), tt.problem) {
				t.Errorf("error %v, want %q", err, tt.problem)
			}
		})
	}
}

func FuzzContent(f *testing.F) {
	f.Add("gz+b64", base64.StdEncoding.EncodeToString(zip(f, []byte("hello"))))
	f.Add("b64+b64+b64", "YQ==")
	f.Add("+", "x")
	f.Fuzz(func(t *testing.T, encoding, text string) {
		if strings.Count(encoding, "gz") > 1 {
			return // a bomb in a bomb only takes time
		}
		data, err := content(cloudconfig.WriteFile{Path: "/f", Encoding: encoding, Content: text})
		if err == nil && len(data) > largestFile {
			t.Errorf("%d bytes came out", len(data))
		}
	})
}

func TestPermissions(t *testing.T) {
	for text, want := range map[string]uint32{"": 0o644, "0600": 0o600, "755": 0o755, "0o640": 0o640, "4755": 0o4755} {
		if got, err := permissions(text); got != want || err != nil {
			t.Errorf("permissions(%q) = %o, %v; want %o", text, got, err, want)
		}
	}
	for _, text := range []string{"8", "rw", "-1", "77777"} {
		if got, err := permissions(text); err == nil {
			t.Errorf("permissions(%q) = %o", text, got)
		}
	}
}

func TestFilesAreWrittenAsTheyAreDescribed(t *testing.T) {
	h := newHost(t)
	h.write("/etc/kept", "old\n")
	h.write("/opt/here", "before\n")
	if err := os.Chown(h.m.path("/etc/kept"), 7, 8); err != nil {
		t.Fatal(err)
	}
	h.clean(`
write_files:
- {path: /opt/a/b/run.sh, permissions: "0755", owner: "rancher:docker", content: "#!/bin/sh\n"}
- {path: /etc/plain, content: x}
- {path: /etc/setuid, permissions: "4750", owner: rancher, content: x}
- {path: /etc/twice, content: "first\n"}
- {path: /etc/twice, content: "second\n", append: true, permissions: "0600"}
- {path: /etc/thrice, content: "first\n"}
- {path: /etc/thrice, content: "last\n"}
- {path: /etc/kept, content: "new\n", append: true}
- {path: /etc/new, content: "new\n", append: true}
- {path: /etc/hosts, content: "127.0.0.1 localhost\n", container: console}
- {path: /etc/b64, content: aGVsbG8=, encoding: b64, container: host}
`)
	for path, want := range map[string][2]string{
		"/opt/a/b/run.sh": {"#!/bin/sh\n", "0755 1100:1101"},
		"/etc/plain":      {"x", "0644 0:0"},
		"/etc/setuid":     {"x", "4750 1100:1100"},
		"/etc/twice":      {"first\nsecond\n", "0600 0:0"},
		"/etc/thrice":     {"last\n", "0644 0:0"},
		"/etc/kept":       {"old\nnew\n", "0644 7:8"},
		"/etc/new":        {"new\n", "0644 0:0"},
		"/etc/hosts":      {"127.0.0.1 localhost\n", "0644 0:0"},
		"/etc/b64":        {"hello", "0644 0:0"},
	} {
		if got := [2]string{h.read(path), h.attributes(path)}; got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	for path, want := range map[string]string{"/opt": "0755 0:0", "/opt/a": "0755 1100:1101", "/opt/a/b": "0755 1100:1101"} {
		if got := h.attributes(path); got != want {
			t.Errorf("the folder %s is %s, want %s", path, got, want)
		}
	}
}

func TestDataIsAppendedUnlessItIsThere(t *testing.T) {
	for _, tt := range []struct{ name, old, data, want string }{
		{"at the end of lines", "a\n", "b\n", "a\nb\n"},
		{"it is there", "a\nb\nc\n", "b\n", "a\nb\nc\n"},
		{"it begins the file", "b\nc\n", "b\n", "b\nc\n"},
		{"a remark is not what it says", "#UseDNS no\n", "UseDNS no\n", "#UseDNS no\nUseDNS no\n"},
		{"the end of another word", "PermitRootLogin no\n", "in no\n", "PermitRootLogin no\nin no\n"},
		{"a last line without an end", "a", "b\n", "a\nb\n"},
		{"no line", "root=/dev/vda", " quiet", "root=/dev/vda quiet"},
		{"no line, and a longer word", "quietly\n", "quiet", "quietly\nquiet"},
		{"nothing is there", "", "b\n", "b\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			once := string(withEnd([]byte(tt.old), []byte(tt.data)))
			if twice := string(withEnd([]byte(once), []byte(tt.data))); once != tt.want || twice != once {
				t.Errorf("once it is %q, twice %q, want %q", once, twice, tt.want)
			}
		})
	}
}

func TestAFileThatCannotBeWrittenHoldsUpNoOther(t *testing.T) {
	h := newHost(t)
	h.write("/etc/dir/x", "")
	const text = `
write_files:
- {path: /etc/dir, content: x}
- {path: /etc/owner, content: x, owner: nobody-here}
- {path: /etc/other, content: x, container: ntp}
- {path: /etc/far, source: {uri: "http://127.0.0.1:9/x"}}
- {path: /etc/dir/x/below, content: x}
- {path: /etc/dir/x/far/below, content: x}
- {path: /etc/good, content: x}
`
	told := h.apply(text)
	got := strings.Split(told, "\n")
	want := []string{
		"cloud-config.yml:5:", `there is no user "nobody-here"`,
		"cloud-config.yml:4:", "cannot write /etc/dir: is a directory",
		"cloud-config.yml:8:", "/etc/dir/x is not a folder",
		"cloud-config.yml:9:", "/etc/dir/x is not a folder",
	}
	if len(got)*2 != len(want) {
		t.Fatalf("problems\n%s", strings.Join(got, "\n"))
	}
	for i, p := range got {
		if !strings.HasPrefix(p, want[2*i]) || !strings.Contains(p, want[2*i+1]) {
			t.Errorf("problem %q, want %q…%q", p, want[2*i], want[2*i+1])
		}
	}
	if again := h.apply(text); again != told {
		t.Errorf("the second time it is told otherwise:\n%s\nfirst:\n%s", again, told)
	}
	if got := h.read("/etc/good"); got != "x" {
		t.Errorf("the good file holds %q", got)
	}
	if h.m.exists("/etc/far") {
		t.Error("a file whose content is elsewhere was made")
	}
	if got := h.read(cloudconfig.ContainerFiles + "/ntp/etc/other"); got != "x" {
		t.Errorf("the file for the container holds %q", got)
	}
}

// TestAFileOfAContainerStaysTheSameFile looks at what a container has bound.
func TestAFileOfAContainerStaysTheSameFile(t *testing.T) {
	const path = cloudconfig.ContainerFiles + "/web/etc/app.conf"
	h := newHost(t)
	inode := func() string { n, _, _ := strings.Cut(h.inodes()[h.m.path(path)], " "); return n }
	h.clean("write_files: [{path: /etc/app.conf, content: long first, container: web}]")
	before := inode()
	h.clean("write_files: [{path: /etc/app.conf, content: second, container: web}]")
	if inode() != before || h.read(path) != "second" {
		t.Errorf("the file is another one, or holds %q", h.read(path))
	}
}

// TestWhyAFileIsNotWrittenIsSaidAlike gives reasons that name a temporary file.
func TestWhyAFileIsNotWrittenIsSaidAlike(t *testing.T) {
	for _, err := range []error{
		&os.PathError{Op: "write", Path: "/etc/.motd4711", Err: unix.ENOSPC},
		&os.LinkError{Op: "rename", Old: "/etc/.motd4711", New: "/etc/motd", Err: unix.ENOSPC},
		unix.ENOSPC,
	} {
		if got := reason(fmt.Errorf("cannot: %w", err)); !errors.Is(got, unix.ENOSPC) || strings.Contains(got.Error(), "4711") {
			t.Errorf("reason(%v) = %v", err, got)
		}
	}
}

func TestNoTemporaryFilesStay(t *testing.T) {
	h := newHost(t)
	h.write("/proc/sys/net/ipv4/ip_forward", "0\n")
	h.clean(everything)
	h.clean(strings.Replace(everything, `"a\n"`, `"b\n"`, 1))
	for path := range h.inodes() {
		base := path[strings.LastIndex(path, "/")+1:]
		if strings.HasPrefix(base, ".") && base != ".ssh" && base != ".pwd.lock" {
			t.Errorf("%s stays", path)
		}
	}
}

// A bad entry before it was left out: the path of the problem is the one in the file.
func TestAProblemOfAnEntryNamesItAsWritten(t *testing.T) {
	h := newHost(t)
	l, report := cloudconfig.ParseLayer("cloud-config", "cloud-config.yml",
		[]byte("write_files:\n- {path: x}\n- {path: /etc/a}\n- {path: /opt/owner, owner: nobody-there}\n"))
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	cfg, _ := cloudconfig.Merge(cloudconfig.Salvage(l, cloudconfig.Layer{}).Layer).Config()
	got := h.m.Apply(t.Context(), cfg)
	if len(got) != 1 || !strings.HasPrefix(got[0].String(), "cloud-config.yml:4:3: write_files.2: cannot write /opt/owner") {
		t.Errorf("report %v", got)
	}
}

// A file of write_files is written once: no other module writes it as well.
func TestAFileOfTheUsersIsWrittenByNobodyElse(t *testing.T) {
	h := newHost(t)
	h.write("/usr/share/zoneinfo/Europe/Berlin", "")
	const text = `
hostname: web1
timezone: Europe/Berlin
locale: C.UTF-8
write_files:
- {path: /etc/hosts, content: "10.0.0.1 db\n"}
- {path: /etc/hostname, content: "mine\n"}
- {path: /etc/timezone, content: "mine\n"}
- {path: /etc/profile.d/locale.sh, content: "mine\n"}
`
	h.clean(text)
	for path, want := range map[string]string{
		"/etc/hosts": "10.0.0.1 db\n", "/etc/hostname": "mine\n", "/etc/timezone": "mine\n",
		"/etc/profile.d/locale.sh": "mine\n", "/etc/default/locale": "LANG='C.UTF-8'\n",
	} {
		if got := h.read(path); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	before := h.inodes()
	h.clean(text)
	if !maps.Equal(before, h.inodes()) {
		t.Error("applying it again changed something")
	}
	h.clean("hostname: web1\nwrite_files: [{path: /etc/hosts, content: \"10.0.0.1 db\\n\", append: true}]")
	if got := h.read("/etc/hosts"); got != "10.0.0.1 db\n127.0.1.1\tweb1\n" {
		t.Errorf("with lines that are added /etc/hosts is %q", got)
	}
	if h.m.exists("/etc/profile.d/locale.sh") || h.m.exists("/etc/default/locale") {
		t.Error("without a locale its files are there")
	}
}

// What the kernel shows of a setting ends with a line end, and has no size.
func TestASettingOfTheKernelIsWrittenOnce(t *testing.T) {
	h := newHost(t)
	h.write("/proc/sys/net/ipv4/tcp_rmem", "1\t2\t3\n")
	h.clean("write_files: [{path: /proc/sys/net/ipv4/tcp_rmem, content: 1 2 3, permissions: '0600'}]")
	if h.read("/proc/sys/net/ipv4/tcp_rmem") != "1\t2\t3\n" {
		t.Error("what is as it should be was written")
	}
	h.clean("write_files: [{path: /proc/sys/net/ipv4/tcp_rmem, content: 1 2 4}]")
	if got := h.read("/proc/sys/net/ipv4/tcp_rmem"); !strings.HasPrefix(got, "1 2 4") {
		t.Errorf("the kernel has %q", got)
	}
}
