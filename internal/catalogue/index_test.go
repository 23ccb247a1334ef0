package catalogue

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ros-os/ros/internal/pin"
)

func TestParseIndex(t *testing.T) {
	for _, row := range []struct {
		name, text string
		want       Index
		report     string
	}{
		{"all lists", "services: [b, a, b]\nconsoles: [x]\nengines: [docker-19.03.15]\n", Index{[]string{"a", "b"}, []string{"x"}, []string{"docker-19.03.15"}}, ""},
		{"a list is missing, another is empty", "consoles:\nengines: []\nservices: [a]\n", Index{Services: []string{"a"}}, ""},
		{"more than there is today", "services: [a]\nkernels: {x: y}\n", Index{Services: []string{"a"}}, ""},
		{"hostile names are left out", `services: [a, ../x, "a/b", "", "..", "\e[2J", {x: y}, [z], 1]`, Index{Services: []string{"1", "a"}}, `warning: "../x" is no name of a service, and is left out`},
		{"a web page", "<!DOCTYPE html>\n<html><body>login</body></html>\n", Index{}, "error: "},
		{"nothing", "", Index{}, "error: is not an index: expected a map"},
		{"a list of names", "[a, b]", Index{}, "error: "},
		{"a map of other things", "a: b\n", Index{}, "error: is not an index: it has none of the lists"},
		{"services is a map", "services: {a: b}\n", Index{}, "error: services is not a list"},
		{"not YAML", "services: [a", Index{}, "error: is not valid YAML"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, report := ParseIndex("index.yml", []byte(row.text))
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if told := told(report); !strings.HasPrefix(told, row.report) || row.report == "" && told != "" {
				t.Errorf("report %q", told)
			}
		})
	}
	if i := (Index{Services: []string{"a", "c"}}); !i.Has("c") || i.Has("b") {
		t.Error("an index does not know what it has")
	}
}

func FuzzParseIndex(f *testing.F) {
	for _, seed := range []string{"services: [a, b]\nconsoles: [x]\nengines: []\n", "services: [../x, {a: b}]", "<html>", "a: &a {b: *a}", "services:\n- a\n- a", "services: [\"\\u0000\"]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		index, report := ParseIndex("index.yml", data)
		for _, names := range [][]string{index.Services, index.Consoles, index.Engines} {
			if !slices.IsSorted(names) {
				t.Errorf("%q is not sorted", names)
			}
			for _, name := range names {
				if !isName(name) || strings.ContainsAny(name, "/\\ \n\x00%?#") || name == ".." {
					t.Errorf("%q is taken for a name", name)
				}
			}
		}
		for _, p := range report {
			if p.Msg == "" || strings.ContainsAny(p.Msg, "\x00\x1b") {
				t.Errorf("problem %q", p.Msg)
			}
		}
	})
}

func FuzzParseCopy(f *testing.F) {
	f.Add([]byte("# {\"url\":\"u\",\"sha256\":\"" + pin.Sum([]byte("x")) + "\"}\nx"))
	f.Add([]byte("# {}\n"))
	f.Add([]byte("# {\"url\":1}\nx"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, ok := parseCopy("u", data); ok && (p.URL != "u" || p.SHA256 != pin.Sum(p.Text)) {
			t.Errorf("%+v is taken for a copy", p)
		}
	})
}
