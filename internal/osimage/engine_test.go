package osimage

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestReleaseOfAModule(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "releases"), 0o755); err != nil {
		t.Fatal(err)
	}
	versions := "---\ndocker:\n  last: \"29.8.0\"\n  next: \"29.8.1\"\nclient:\n  next: \"0.7.0\"\n"
	if err := os.WriteFile(filepath.Join(dir, "releases", "versions.yaml"), []byte(versions), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name   string
		module goModule
		want   string
	}{
		{"a plain version", goModule{Path: "github.com/opencontainers/runc", Version: "v1.5.2"}, "1.5.2"},
		{"a module without go.mod", goModule{Path: "github.com/docker/cli", Version: "v29.9.3+incompatible"}, "29.9.3"},
		{"Docker Engine, as its sources say", goModule{Path: "github.com/moby/moby/v2", Version: "v2.0.0-beta.24", Dir: dir}, "29.8.1"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got, err := releaseOf(row.module); err != nil || got != row.want {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	if _, err := releaseOf(goModule{Path: "github.com/moby/moby/v2", Dir: t.TempDir()}); err == nil {
		t.Error("Docker Engine without its list of versions has a release")
	}
}

func TestLinkFlagsAreTheSameEveryTime(t *testing.T) {
	m := goModule{Version: "v29.9.3+incompatible", Time: time.Unix(1762205702, 0)}
	for _, p := range engineBuilds {
		first := p.linkFlags("29.9.3", m)
		for range 20 {
			if again := p.linkFlags("29.9.3", m); again != first {
				t.Fatalf("%s: %q, then %q", p.name, first, again)
			}
		}
		if strings.Contains(first, "-X =") || !strings.HasPrefix(first, "-s -w ") {
			t.Errorf("%s: %q", p.name, first)
		}
	}
}
