package machine

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWhatIsForInitIsKeptToRoot(t *testing.T) {
	dir := t.TempDir()
	p := cmdlinePaths{
		kernel: filepath.Join(dir, "cmdline"),
		whole:  filepath.Join(dir, "ros", "cmdline"), public: filepath.Join(dir, "ros", "public", "cmdline"),
	}
	var bound []string
	bind := func(from, onto string) error {
		bound = append(bound, from, onto)
		return nil
	}
	write(t, p.kernel, "console=ttyS0 rancher.debug\n")
	if err := p.hide(bind); err != nil || bound != nil {
		t.Fatalf("nothing is to be hidden: %v, %q", err, bound)
	}
	const line = "console=ttyS0 -- rancher.password=secret\n"
	write(t, p.kernel, line)
	if err := p.hide(bind); err != nil {
		t.Fatal(err)
	}
	if len(bound) != 2 || bound[0] != p.public || bound[1] != p.kernel {
		t.Errorf("bound %q", bound)
	}
	for file, want := range map[string]string{p.whole: line, p.public: "console=ttyS0\n"} {
		if got, err := os.ReadFile(file); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; want %q", file, got, err, want)
		}
	}
	if info, err := os.Stat(p.whole); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: others may read it", info, err)
	}
}
