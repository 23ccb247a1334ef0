package compose

import (
	"maps"
	"slices"
	"testing"

	"github.com/ros-os/ros/cloudconfig"
)

// TestWhatAServiceIsMadeOf changes a project's text and its variables: the one says
// nothing of the other.
func TestWhatAServiceIsMadeOf(t *testing.T) {
	const file = "/conf/compose.d/shop.yml"
	const text = "services:\n  base: {image: \"${TAG}\", env_file: web.txt}\n  web: {extends: base, labels: {a: b}}\n"
	made := func(text, tag, extra string) Service {
		t.Helper()
		project, report := Build(cloudconfig.Config{}, Options{
			Files: []ProjectFile{{
				Path: file, Name: "shop", Doc: document(t, file, text),
				Environment: map[string]string{"TAG": tag}, Variables: map[string]uint64{"/conf/compose.d/.env": TextSum([]byte(tag))},
			}},
			ReadFile: func(string) ([]byte, error) { return []byte("A=" + extra), nil },
		})
		if err := report.Err(); err != nil {
			t.Fatal(err)
		}
		return project.Services["shop-web-1"]
	}
	first := made(text, "a:1", "1")
	if got := slices.Sorted(maps.Keys(first.Variables)); !slices.Equal(got, []string{"/conf/compose.d/.env", "/conf/compose.d/web.txt"}) {
		t.Errorf("made with %q", got)
	}
	for name, row := range map[string]struct {
		is                  Service
		written, env, extra bool // is another one
	}{
		"nothing":                 {made(text, "a:1", "1"), false, false, false},
		"a line above":            {made("# more\n"+text, "a:1", "1"), false, false, false},
		"a variable":              {made(text, "a:2", "1"), false, true, false},
		"a file of variables":     {made(text, "a:1", "2"), false, false, true},
		"a label":                 {made(text[:len(text)-4]+"c}}\n", "a:1", "1"), true, false, false},
		"the one that it extends": {made("services:\n  base: {image: \"x:${TAG}\", env_file: web.txt}\n  web: {extends: base, labels: {a: b}}\n", "a:1", "1"), true, false, false},
	} {
		differs := func(file string) bool { return first.Variables[file] != row.is.Variables[file] }
		if first.Written != row.is.Written != row.written || differs("/conf/compose.d/.env") != row.env || differs("/conf/compose.d/web.txt") != row.extra {
			t.Errorf("%s: %x %v, at first %x %v", name, row.is.Written, row.is.Variables, first.Written, first.Variables)
		}
	}
}
