package compose

import (
	"fmt"
	"net/netip"
	stdpath "path"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/format"
	"github.com/compose-spec/compose-go/v2/types"
)

// volumeOptions are what may stand behind the second colon of a volume.
var volumeOptions = append([]string{"ro", "rw", "nocopy", "z", "Z", "cached", "delegated", "consistent"}, format.Propagations...)

// volume reads SOURCE:TARGET[:OPTIONS], or the long form.
func volume(d decoder, t *tree, at *path, v reflect.Value) {
	var vol types.ServiceVolumeConfig
	if t.isScalar() {
		parsed, err := format.ParseVolume(t.text)
		if err != nil {
			d.fail(t.pos, at, err.Error(), "write SOURCE:TARGET or SOURCE:TARGET:ro")
			return
		}
		if bad := unknownOption(t.text); bad != "" {
			d.fail(t.pos, at, fmt.Sprintf("unknown option %q", bad), didYouMean(bad, volumeOptions))
			return
		}
		vol = parsed
	} else {
		d.fields(t, at, reflect.ValueOf(&vol).Elem())
	}
	if vol.Type == types.VolumeTypeBind && !stdpath.IsAbs(vol.Source) && vol.Source != "" && vol.Source[0] == '.' && stdpath.IsAbs(t.pos.File) {
		vol.Source = stdpath.Join(t.pos.Folder(), vol.Source) // as docker compose does
	}
	if d.checkVolume(t, at, vol) {
		vol.Target = stdpath.Clean(vol.Target)
		v.Set(reflect.ValueOf(vol))
	}
}

// unknownOption finds what compose-go would ignore.
func unknownOption(spec string) string {
	parts := strings.Split(spec, ":")
	if len(parts) < 3 {
		return ""
	}
	for _, option := range strings.Split(parts[2], ",") {
		if !slices.Contains(volumeOptions, option) {
			return option
		}
	}
	return ""
}

// checkVolume finds what Docker would refuse.
func (d decoder) checkVolume(t *tree, at *path, vol types.ServiceVolumeConfig) bool {
	kinds := []string{types.VolumeTypeBind, types.VolumeTypeVolume, types.VolumeTypeTmpfs, types.VolumeTypeImage}
	switch {
	case !slices.Contains(kinds, vol.Type):
		d.fail(t.pos, at, fmt.Sprintf("unknown type of volume %q", vol.Type), "types are "+strings.Join(kinds, ", "))
	case !strings.HasPrefix(vol.Target, "/"):
		d.fail(t.pos, at, fmt.Sprintf("the target %q is not an absolute path", vol.Target), "")
	case stdpath.Clean(vol.Target) == "/":
		d.fail(t.pos, at, "the target cannot be the root of the container", "")
	case vol.Type == types.VolumeTypeBind && !strings.HasPrefix(vol.Source, "/"):
		d.fail(t.pos, at, fmt.Sprintf("the source %q is not an absolute path", vol.Source), "write the whole path on the machine")
	default:
		return true
	}
	return false
}

// unique drops volumes whose target a later one mounts: the later one counts, in
// the place of the earlier.
func unique(volumes []types.ServiceVolumeConfig) []types.ServiceVolumeConfig {
	at := make(map[string]int, len(volumes))
	out := volumes[:0]
	for _, v := range volumes {
		if i, twice := at[v.Target]; twice {
			out[i] = v
			continue
		}
		at[v.Target] = len(out)
		out = append(out, v)
	}
	return out
}

// device reads SOURCE[:TARGET[:PERMISSIONS]], or the long form.
func device(d decoder, t *tree, at *path, v reflect.Value) {
	dev := types.DeviceMapping{Permissions: "rwm"}
	if t.isScalar() {
		parts := strings.Split(t.text, ":")
		switch len(parts) {
		case 1:
			dev.Source, dev.Target = parts[0], parts[0]
		case 2:
			dev.Source, dev.Target = parts[0], parts[1]
		case 3:
			dev.Source, dev.Target, dev.Permissions = parts[0], parts[1], parts[2]
		default:
			d.fail(t.pos, at, fmt.Sprintf("%q has too many colons", t.text), "write SOURCE:TARGET:rwm")
		}
	} else {
		dev.Permissions = ""
		d.fields(t, at, reflect.ValueOf(&dev).Elem())
	}
	if dev.Source == "" {
		d.fail(t.pos, at, "the source is missing", "")
	}
	v.Set(reflect.ValueOf(dev))
}

// mostPorts is how many ports one service may publish: ranges make it easy to
// ask for more than anybody can serve.
const mostPorts = 4096

// portRange finds the range that a port in its short form ends with.
var portRange = regexp.MustCompile(`(\d{1,5})-(\d{1,5})(?:/\w+)?$`)

// ports reads a list of [[HOST-IP:]PUBLISHED:]TARGET[/PROTOCOL] (both ports may
// be ranges), or the long form.
func ports(d decoder, t *tree, at *path, v reflect.Value) {
	if !t.isList() {
		d.expected("a list of ports", t, at)
		return
	}
	var out []types.ServicePortConfig
	seen := map[string]bool{}
	for i, item := range t.items {
		for _, port := range d.portsOf(item, at.item(i)) {
			key := fmt.Sprintf("%+v", port)
			if !seen[key] {
				seen[key] = true
				out = append(out, port)
			}
		}
		if len(out) > mostPorts {
			d.fail(item.pos, at.item(i), fmt.Sprintf("more than %d ports are published", mostPorts), "use network_mode: host")
			return
		}
	}
	v.Set(reflect.ValueOf(out))
}

// portsOf reads one item of a list of ports.
func (d decoder) portsOf(t *tree, at *path) []types.ServicePortConfig {
	if !t.isScalar() {
		port := types.ServicePortConfig{Mode: "ingress", Protocol: "tcp"}
		d.fields(t, at, reflect.ValueOf(&port).Elem())
		d.checkPort(t, at, port)
		return []types.ServicePortConfig{port}
	}
	if r := portRange.FindStringSubmatch(t.text); r != nil {
		first, _ := strconv.Atoi(r[1]) // digits, as the pattern says
		last, _ := strconv.Atoi(r[2])
		if last-first >= mostPorts {
			d.fail(t.pos, at, fmt.Sprintf("more than %d ports are published", mostPorts), "use network_mode: host")
			return nil
		}
	}
	parsed, err := types.ParsePortConfig(t.text)
	if err != nil {
		d.fail(t.pos, at, err.Error(), "write PUBLISHED:TARGET in quotes")
	}
	return parsed
}

// publishable is what a port of the machine is in the long form: one, a range, or none.
var publishable = regexp.MustCompile(`^(\d{1,5}(-\d{1,5})?)?$`)

func (d decoder) checkPort(t *tree, at *path, port types.ServicePortConfig) {
	if port.Target == 0 || port.Target > 65535 {
		d.fail(t.pos, at, "the target is not a port", "ports are 1 to 65535")
	}
	if !publishable.MatchString(port.Published) {
		d.fail(t.posOf("published"), at, fmt.Sprintf("%q is not a port", port.Published), `write one, or a range such as "8080-8089"`)
	}
	if protocols := []string{"tcp", "udp", "sctp"}; !slices.Contains(protocols, strings.ToLower(port.Protocol)) {
		d.fail(t.posOf("protocol"), at, fmt.Sprintf("unknown protocol %q", port.Protocol), "protocols are tcp, udp and sctp")
	}
	if port.HostIP != "" {
		if _, err := netip.ParseAddr(port.HostIP); err != nil {
			d.fail(t.posOf("host_ip"), at, fmt.Sprintf("%q is not an IP address", port.HostIP), "")
		}
	}
}
