package osimage

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseURI(t *testing.T) {
	for _, row := range []struct{ name, line, pkg, version string }{
		{"a plain one", "'http://deb.debian.org/b/busybox_1.35.0-4_amd64.deb' busybox_1.35.0-4_amd64.deb 441404 SHA256:00", "busybox", "1.35.0-4"},
		{"with an epoch", "'http://x/login_1%3a4.13_amd64.deb' login_1%3a4.13_amd64.deb 1 SHA256:00", "login", "1:4.13"},
		{"for every architecture", "'http://x/t_2026f-0_all.deb' t_2026f-0_all.deb 1", "t", "2026f-0"},
		{"apt's chatter", "Reading package lists...", "", ""},
		{"no package", "'http://x/y.tar' y.tar 1", "", ""},
		{"no version", "'http://x/y.deb' y.deb 1", "", ""},
		{"nothing", "", "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			pkg, version, ok := parseURI(row.line)
			if pkg != row.pkg || version != row.version || ok != (row.pkg != "") {
				t.Errorf("got %q %q %v", pkg, version, ok)
			}
		})
	}
}

func FuzzParseURI(f *testing.F) {
	f.Add("'http://x/login_1%3a4.13_amd64.deb' login_1%3a4.13_amd64.deb 1 SHA256:00")
	f.Fuzz(func(t *testing.T, line string) {
		if pkg, _, ok := parseURI(line); ok && strings.ContainsAny(pkg, " \t\n") {
			t.Errorf("package %q", pkg)
		}
	})
}

func TestMirrorsAreThoseOfTheHost(t *testing.T) {
	for _, row := range []struct{ name, host, mirror, security string }{
		{"Debian's own by default", "", debianMirror, securityMirror},
		{
			"deb822", "Types: deb\nURIs: http://mirror.example/debian\nSuites: trixie\n\nTypes: deb\nURIs: http://mirror.example/debian-security\n",
			"http://mirror.example/debian", "http://mirror.example/debian-security",
		},
		{"one line", "deb [signed-by=/k.gpg] https://a.example/debian/ bookworm main\n", "https://a.example/debian", securityMirror},
		{"a comment is none", "# http://snapshot.example/debian\nURIs: http://b.example/debian # near\n", "http://b.example/debian", securityMirror},
		{"other archives are left alone", "deb https://packages.example/apt stable main\nURIs: https://deb.nodesource.com/node_20.x\n", debianMirror, securityMirror},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := sourcesList(row.host)
			for _, want := range []string{
				" " + row.mirror + " bookworm main", " " + row.mirror + " bookworm-updates main",
				" " + row.security + " bookworm-security main",
			} {
				if !strings.Contains(got, want+"\n") {
					t.Errorf("%q is not in\n%s", want, got)
				}
			}
			if strings.Count(got, "\n") != 3 {
				t.Errorf("more than three sources:\n%s", got)
			}
		})
	}
}

func TestTheListOfPackagesStandsWhileAllAreThere(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	list := filepath.Join(dir, "list")
	if _, ok := readList(list); ok {
		t.Error("a list that is not there is taken")
	}
	write("list", "kernel.deb\na.deb\n")
	write("debs/kernel.deb", "")
	if _, ok := readList(list); ok {
		t.Error("a list is taken though a.deb is missing")
	}
	write("debs/a.deb", "")
	if files, ok := readList(list); !ok || len(files) != 2 || filepath.Base(files[0]) != "kernel.deb" {
		t.Errorf("got %v, %v", files, ok)
	}
}

func TestAPackageThatIsNeededNewlyIsNoticed(t *testing.T) {
	debs := []string{"/debs/kernel_1_amd64.deb", "/debs/bash_5.2-1_amd64.deb", "/debs/bash-completion_2_all.deb"}
	if !haveAll(debs, []string{"bash", "bash-completion"}) || haveAll(debs, []string{"bash", "tzdata"}) || haveAll(debs[2:], []string{"bash"}) {
		t.Error("it is not told which packages are there")
	}
}
