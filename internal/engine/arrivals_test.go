package engine

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

// downloading is a message about a layer of 1000 bytes.
func downloading(id string, have int) string {
	return fmt.Sprintf(`{"id": %q, "status": "Downloading", "progressDetail": {"current": %d, "total": 1000}}`, id, have)
}

func says(id, status string) string { return fmt.Sprintf(`{"id": %q, "status": %q}`, id, status) }

// TestWhatArrivesIsCountedOnce has pulls tell of layers: each line is one pull, and
// those of one step are under way at the same time, in turns of a message.
func TestWhatArrivesIsCountedOnce(t *testing.T) {
	complete := says("a", "Download complete")
	for name, row := range map[string]struct {
		steps [][][]string
		want  uint64
	}{
		"nothing":                        {[][][]string{{{}}}, 0},
		"a layer":                        {[][][]string{{{says("a", "Pulling fs layer"), downloading("a", 10), downloading("a", 600), complete, says("a", "Extracting"), says("a", "Pull complete")}}}, 1000},
		"one whose end nobody tells":     {[][][]string{{{downloading("a", 600), says("a", "Pull complete")}}}, 1000},
		"one that was there":             {[][][]string{{{says("a", "Already exists"), says("a", "Pull complete")}}}, 0},
		"one that breaks off":            {[][][]string{{{downloading("a", 10), downloading("a", 600)}}}, 600},
		"one that begins anew":           {[][][]string{{{downloading("a", 600), downloading("a", 100), downloading("a", 700), complete}}}, 1600},
		"one that goes on where it was":  {[][][]string{{{downloading("a", 600)}}, {{downloading("a", 650), complete}}}, 1000},
		"one that does not":              {[][][]string{{{downloading("a", 600)}}, {{downloading("a", 50), complete}}}, 1600},
		"one that is pulled once more":   {[][][]string{{{downloading("a", 600), complete}}, {{downloading("a", 700), complete}}}, 2000},
		"two layers":                     {[][][]string{{{downloading("a", 600), downloading("b", 600), complete, says("b", "Download complete")}}}, 2000},
		"two pulls of one layer":         {[][][]string{{{downloading("a", 600), downloading("a", 700), complete}, {downloading("a", 550), downloading("a", 800), complete}}}, 1000},
		"the last of it, as another saw": {[][][]string{{{downloading("a", 600), complete}, {downloading("a", 900), downloading("a", 950), complete}}}, 1000},
		"nonsense":                       {[][][]string{{{downloading("a", -5), says("", "Downloading"), says("x", "Status: Downloaded newer image")}}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var all transfers
			for _, pulls := range row.steps {
				var ends []func()
				var ways []*transfer
				for range pulls {
					way, end := all.begin("app:1")
					ways, ends = append(ways, way), append(ends, end)
				}
				for i := range pulls[0] {
					for n, way := range ways {
						if err := messages(io.NopCloser(strings.NewReader(pulls[n][i])), way.note); err != nil {
							t.Fatal(err)
						}
					}
				}
				for _, end := range ends {
					end()
				}
			}
			if got := all.arrived.total(); got != row.want {
				t.Errorf("%d bytes, want %d", got, row.want)
			}
		})
	}
}

func TestNotEveryPartIsRememberedForEver(t *testing.T) {
	var all transfers
	for i := range 2 * mostParts {
		way, end := all.begin("app:1")
		all.arrived.tell(way, fmt.Sprint(i), 1, false)
		end()
	}
	if n := len(all.arrived.layers); n > mostParts || all.arrived.total() != 2*mostParts {
		t.Errorf("%d parts, %d bytes", n, all.arrived.total())
	}
}

// TestLayersThatTheDaemonSaysNothingOfAreCounted pulls images with layers that come
// in less time than is between two messages: the size of the whole tells.
func TestLayersThatTheDaemonSaysNothingOfAreCounted(t *testing.T) {
	const small = `{"id": "b", "status": "Download complete"}`
	manifests := func(sizes ...int) string {
		var all []string
		for _, n := range sizes {
			all = append(all, fmt.Sprintf(`{"Available": true, "Kind": "image", "Size": {"Content": %d}}`, n))
		}
		all = append(all, `{"Available": false, "Kind": "image"}`, `{"Available": true, "Kind": "attestation", "Size": {"Content": 9}}`)
		return strings.Join(all, ",")
	}
	for name, row := range map[string]struct {
		stream, manifests string
		want              uint64
	}{
		"all is told":                {downloading("a", 600) + says("a", "Download complete"), manifests(5000), 1000},
		"some is not":                {downloading("a", 600) + says("a", "Download complete") + small, manifests(1234), 1234},
		"some is not, some was":      {downloading("a", 600) + says("a", "Download complete") + small + says("c", "Already exists") + says("c", "Pull complete"), manifests(5000), 1000},
		"the daemon does not know":   {downloading("a", 600) + says("a", "Download complete") + small, "", 1000},
		"it is several images":       {small, manifests(1234, 1234), 0},
		"it knows less than it told": {downloading("a", 600) + says("a", "Download complete") + small, manifests(10), 1000},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeDaemon(t)
			f.answers["POST /images/create"] = answer{http.StatusOK, row.stream}
			f.answers["GET /images/web:1/json"] = answer{http.StatusOK, `{"Id": "sha256:new", "Manifests": [` + row.manifests + `]}`}
			e := f.engine(t, Options{})
			s := plan.Step{Verb: plan.Pull, Service: "web", Scope: "system", Image: "web:1"}
			if err := e.Do(t.Context(), s, service("web", types.ServiceConfig{})); err != nil {
				t.Fatal(err)
			}
			if got := e.PulledBytes(compose.System); got != row.want || e.PulledBytes(compose.User) != 0 || e.PulledBytes("none") != 0 {
				t.Errorf("%d bytes, want %d", got, row.want)
			}
		})
	}
}
