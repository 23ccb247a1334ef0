package compose

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/compose-spec/compose-go/v2/types"
)

// hashVersion changes when the hash of a service changes though its meaning does
// not. Then every container is created anew, so it should not.
const hashVersion = "v1:"

// unhashed are keys whose change needs no new container.
var unhashed = []string{
	"attach", "build", "depends_on", "develop", "env_file", "name", "profiles", "pull_policy", "restart", "scale", "stop_grace_period",
}

// unhashedLabels are read by the controller alone, from the project.
var unhashedLabels = []string{
	LabelAfter, LabelBefore, LabelConfig, LabelCreateOnly, LabelDetach, LabelOnUnhealthy, LabelReady, osLabels + "reloadconfig",
	LabelSchedule, LabelScheduleAction, LabelScheduleTimeout,
}

// Prefixes of the names of fields that stand for one value of many.
const (
	fieldConfig      = "config "
	fieldEnvironment = "environment."
	fieldLabel       = "labels."
	fieldFile        = "file " // its text may be secret
	fieldVolume      = "volumes."
)

// configField is a part of the configuration that a service's container is made
// from.
type configField struct{ path, text string }

// field is one hashed value as whole canonical text.
type field struct{ name, text string }

// fingerprint returns the hash of everything that needs a new container, and its
// fields as short text.
func (d *draft) fingerprint(s *schema) (hash string, short map[string]string) {
	fields := d.hashed(s)
	slices.SortFunc(fields, func(a, b field) int { return strings.Compare(a.name, b.name) })
	short = make(map[string]string, len(fields))
	text := make([]byte, 0, 1024)
	for _, f := range fields {
		text = append(strconv.AppendQuote(text, f.name), '=')
		text = append(strconv.AppendQuote(text, f.text), '\n')
		short[f.name] = f.short()
	}
	sum := sha256.Sum256(text)
	return hashVersion + hex.EncodeToString(sum[:]), short
}

// hashed are the hashed values.
func (d *draft) hashed(s *schema) []field {
	spec := reflect.ValueOf(&d.svc.Spec).Elem()
	st := s.structure(spec.Type())
	out := make([]field, 0, 32)
	for _, key := range st.known {
		v := spec.Field(st.fields[key])
		if isEmpty(v) || slices.Contains(unhashed, key) {
			continue
		}
		switch key {
		case "environment", "labels", "volumes":
		default:
			out = append(out, field{key, s.canonical(v)})
		}
	}
	for name, value := range d.svc.Spec.Environment {
		out = append(out, field{fieldEnvironment + name, *value})
	}
	for name, value := range d.svc.Spec.Labels {
		if !slices.Contains(unhashedLabels, name) {
			out = append(out, field{fieldLabel + name, value})
		}
	}
	for _, v := range d.svc.Spec.Volumes {
		out = append(out, field{fieldVolume + v.Target, s.mountText(v)})
	}
	for _, f := range d.svc.Files {
		out = append(out, field{fieldFile + f.Target, fmt.Sprintf("%o %d:%d %s", f.Mode, f.UID, f.GID, f.Content)})
	}
	for _, c := range d.configs {
		out = append(out, field{fieldConfig + c.path, c.text})
	}
	return out
}

// mountText is what is mounted at a target: "/srv:ro" for the usual ones, which
// are many, and everything for the others.
func (s *schema) mountText(v types.ServiceVolumeConfig) string {
	usual := types.ServiceVolumeConfig{Type: types.VolumeTypeVolume, Source: v.Source, Target: v.Target, ReadOnly: v.ReadOnly}
	if v.Type == types.VolumeTypeBind {
		usual.Type = v.Type
		usual.Bind = &types.ServiceVolumeBind{CreateHostPath: true}
	} else if v.Volume != nil {
		usual.Volume = &types.ServiceVolumeVolume{}
	}
	if v.Source == "" || strings.Contains(v.Source, ":") || !reflect.DeepEqual(v, usual) {
		return s.canonical(reflect.ValueOf(v))
	}
	if v.ReadOnly {
		return v.Source + ":ro"
	}
	return v.Source
}

const longestField = 100

// short is a value as a container's label may show it: what may be secret is
// hashed, what is long is cut.
func (f field) short() string {
	switch {
	case isSecretField(f.name):
		return digest(f.text)
	case len(f.text) > longestField:
		return shorten(f.text, longestField-20) + " " + digest(f.text)
	}
	return f.text
}

func isSecretField(name string) bool {
	return strings.HasPrefix(name, fieldEnvironment) || strings.HasPrefix(name, fieldConfig) || strings.HasPrefix(name, fieldFile)
}

func digest(value string) string {
	sum := sha256.Sum256([]byte(value))
	return "sha256:" + hex.EncodeToString(sum[:6])
}

// shorten cuts a text after at most n bytes.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

const mostExplained = 5

// ExplainDiff says in words how fields of a service differ: "image os-x:1 →
// os-x:2, environment.FOO (value hidden)". It is empty when they do not.
func ExplainDiff(was, is map[string]string) string {
	names := maps.Clone(was)
	if names == nil {
		names = map[string]string{}
	}
	maps.Copy(names, is)
	var changes []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		before, had := was[name]
		after, has := is[name]
		switch {
		case had && has && before == after:
		case isSecretField(name):
			changes = append(changes, name+" (value hidden)")
		case !had:
			changes = append(changes, fmt.Sprintf("%s (unset) → %s", name, after))
		case !has:
			changes = append(changes, fmt.Sprintf("%s %s → (unset)", name, before))
		default:
			changes = append(changes, fmt.Sprintf("%s %s → %s", name, before, after))
		}
	}
	if more := len(changes) - mostExplained; more > 0 {
		changes = append(changes[:mostExplained], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(changes, ", ")
}
