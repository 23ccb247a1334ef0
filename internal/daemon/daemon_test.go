package daemon

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/golden"
)

// configOf reads a cloud-config that the test wrote, which must be sound.
func configOf(t *testing.T, text string) cloudconfig.Config {
	t.Helper()
	layer, parsed := cloudconfig.ParseLayer("cloud-config", "cloud-config.yml", []byte(text))
	cfg, report := cloudconfig.Merge(layer).Config()
	for _, r := range []cloudconfig.Report{parsed, report} {
		if err := r.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return cfg
}

// TestGolden reads testdata/*.txtar: a cloud-config, perhaps the user's own
// daemon.json, and what both daemons make of them.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := render(t, ar)
			if golden.Update() {
				ar.Files = append(slices.DeleteFunc(ar.Files, func(f txtar.File) bool {
					return f.Name == "system" || f.Name == "user"
				}), got...)
				if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			for _, g := range got {
				if want := part(ar, g.Name); string(want) != string(g.Data) {
					t.Errorf("%s:\n%s\nwant:\n%s", g.Name, g.Data, want)
				}
			}
		})
	}
}

func part(ar *txtar.Archive, name string) []byte {
	for _, f := range ar.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

func render(t *testing.T, ar *txtar.Archive) []txtar.File {
	t.Helper()
	cfg := configOf(t, string(part(ar, "cloud-config.yml")))
	env := Env{
		File:     part(ar, "daemon.json"),
		Exists:   func(string) bool { return false },
		HasGroup: func(name string) bool { return name == "docker" || name == "root" },
	}
	return []txtar.File{
		{Name: "system", Data: text1(System(cfg, env))},
		{Name: "user", Data: text1(User(cfg, env))},
	}
}

func text1(d Daemon) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "dockerd %s\n", strings.Join(d.Args, " "))
	for _, e := range d.Environ {
		fmt.Fprintf(&b, "environment %s\n", e)
	}
	for _, f := range d.Files {
		fmt.Fprintf(&b, "file %s %q\n", f.Path, f.Content)
	}
	for _, p := range d.Warnings.Sorted() {
		fmt.Fprintln(&b, p)
	}
	b.Write(d.JSON)
	return []byte(b.String())
}

// TestNoOptionIsBothFlagAndKey draws extra_args and a daemon.json: dockerd
// refuses to start when an option is in both, or unknown in either.
func TestNoOptionIsBothFlagAndKey(t *testing.T) {
	flags := slices.Sorted(func(yield func(string) bool) {
		for name := range dockerOptions {
			if !yield(name) {
				return
			}
		}
		yield("no-such-flag")
	})
	rapid.Check(t, func(t *rapid.T) {
		var cfg cloudconfig.Config
		for range rapid.IntRange(0, 8).Draw(t, "count") {
			word := "--" + rapid.SampledFrom(flags).Draw(t, "flag")
			if rapid.Bool().Draw(t, "with value") {
				word += "=" + rapid.SampledFrom([]string{"true", "7", "a=b", ""}).Draw(t, "value")
			}
			cfg.Rancher.Docker.ExtraArgs = append(cfg.Rancher.Docker.ExtraArgs, word)
		}
		doc := map[string]any{}
		for range rapid.IntRange(0, 5).Draw(t, "keys") {
			doc[rapid.SampledFrom(flags).Draw(t, "key")] = rapid.SampledFrom([]any{true, 7, "x", []string{"y"}, map[string]string{"a": "b"}}).Draw(t, "json")
		}
		file, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		d := User(cfg, Env{File: file})
		var got map[string]any
		if err := json.Unmarshal(d.JSON, &got); err != nil {
			t.Fatal(err)
		}
		checkOptions(t, got, d.Args[2:])
	})
}

func checkOptions(t *rapid.T, doc map[string]any, args []string) {
	for key, value := range doc {
		if form, known := formOfKey(key); !known || !fits(form, value) {
			t.Errorf("key %q: known %v, value %v", key, known, value)
		}
	}
	for _, word := range args {
		a, ok := parseArg(word)
		opt, known := dockerOptions[a.flag]
		if !ok || !known {
			t.Errorf("flag %q is not one of dockerd's", word)
		}
		if _, both := doc[opt.keyOf(a.flag)]; both && opt.keyOf(a.flag) != "runtimes" {
			t.Errorf("%q is both flag and key", word)
		}
	}
	if !slices.Contains(texts(doc["hosts"]), "unix://"+UserSocket) {
		t.Errorf("the machine's own socket is gone: %v", doc["hosts"])
	}
}

// FuzzFlags feeds flags as a user may write them.
func FuzzFlags(f *testing.F) {
	for _, seed := range []string{
		"--log-level\ndebug", "-H=tcp://1.2.3.4:5", "-Htcp://x", "-D", "--", "-", "--=x", "--log-opt\nmax-size=1m",
		"--storage-driver", "--dns=1.1.1.1\n--dns\n8.8.8.8", "--label", "plain", "--mtu=many", "--feature=cdi=false",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, words string) {
		var cfg cloudconfig.Config
		cfg.Rancher.Docker.ExtraArgs = strings.Split(words, "\n")
		var got map[string]any
		if err := json.Unmarshal(User(cfg, Env{}).JSON, &got); err != nil {
			t.Fatal(err)
		}
	})
}
