package network

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/golden"
)

// TestTranslation reads testdata/translate/*.txtar: a document of network-config,
// and beside it what it means in this system's own model.
func TestTranslation(t *testing.T) {
	files, err := filepath.Glob("testdata/translate/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			n, report := cloudconfig.ParseNetworkConfig("network-config", a.Files[0].Data)
			doc, more := FromNetworkConfig("test", n)
			text, err := json.MarshalIndent(doc, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			var problems strings.Builder
			for _, p := range append(report, more...) {
				fmt.Fprintln(&problems, p)
			}
			golden.Equal(t, strings.TrimSuffix(path, ".txtar")+".golden", string(text)+"\n"+problems.String())
		})
	}
}

// FuzzNetworkConfig holds that what any document means can be handed over, and
// that a plan for it names only links that there can be.
func FuzzNetworkConfig(f *testing.F) {
	files, err := filepath.Glob("testdata/translate/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range files {
		a, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(a.Files[0].Data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		n, _ := cloudconfig.ParseNetworkConfig("x", data)
		doc, _ := FromNetworkConfig("x", n)
		text, err := json.Marshal(Settings{Documents: []Document{doc}})
		if err != nil {
			t.Fatalf("cannot be handed over: %v", err)
		}
		var s Settings
		if err := json.Unmarshal(text, &s); err != nil {
			t.Fatalf("cannot be read again: %v\n%s", err, text)
		}
		have := actual{IPv6: true, Links: []link{{Name: "eth0", Index: 2, Kind: "device", MAC: "52:54:00:00:00:01"}, {Name: "eth1", Index: 3, Kind: "device"}}}
		plan, _ := diff(s, have, nil)
		for _, step := range plan.Steps {
			if step.Link != "" && !validName(step.Link) {
				t.Errorf("a step is about %q", step.Link)
			}
		}
	})
}
