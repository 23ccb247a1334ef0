package compose

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/ros-os/ros/cloudconfig"
)

// mark is by what labels a network or volume is known as the controller's: of
// which project it is, and a hash of what is written about it, which has the
// version of a service's.
func (s *schema) mark(v reflect.Value, project, file string) types.Labels {
	st := s.structure(v.Type())
	fields := map[string]string{}
	var text strings.Builder
	for _, key := range st.known {
		value := v.Field(st.fields[key])
		if isEmpty(value) {
			continue
		}
		f := field{key, s.canonical(value)}
		fmt.Fprintf(&text, "%q=%q\n", f.name, f.text)
		fields[f.name] = f.short()
	}
	sum := sha256.Sum256([]byte(text.String()))
	labels := types.Labels{
		LabelManaged:        "true",
		LabelHash:           hashVersion + hex.EncodeToString(sum[:]),
		LabelComposeProject: project,
	}
	if data, err := json.Marshal(fields); err == nil { // texts always can be
		labels[LabelFields] = string(data)
	}
	if file != "" {
		labels[LabelComposeFiles] = file
	}
	return labels
}

// agree finds networks and volumes of one name that are declared differently:
// only one of them can be there.
func (b *builder) agree() {
	networks, volumes := map[declared]declaration{}, map[declared]declaration{}
	b.each(func(d *draft) {
		if !d.usable() || d.inactive {
			return
		}
		for name, n := range d.svc.Networks {
			b.declare(d, networks, name, n.CustomLabels, "network")
		}
		for name, v := range d.svc.Volumes {
			b.declare(d, volumes, name, v.CustomLabels, "volume")
		}
	})
}

// declared is a network or volume by its daemon and its name.
type declared struct {
	scope Scope
	name  string
}

// declaration is what one service relies on.
type declaration struct {
	hash   string
	origin cloudconfig.Pos
	by     string
}

func (b *builder) declare(d *draft, seen map[declared]declaration, name string, labels types.Labels, kind string) {
	if labels[LabelHash] == "" {
		return // external: whatever it is
	}
	key, mine := declared{d.svc.Scope, name}, declaration{labels[LabelHash], d.svc.Origin, d.name}
	first, known := seen[key]
	if !known {
		seen[key] = mine
		return
	}
	if first.hash != mine.hash {
		d.fail(d.svc.Origin, d.at.below(kind+"s"),
			fmt.Sprintf("%s %q is declared in another way than for service %q at %s", kind, name, first.by, first.origin),
			"give it another name, or make it external in one of the files")
	}
}
