package daemon

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/ros-os/ros/cloudconfig"
)

// fileOnly are the keys of daemon.json that have no flag.
var fileOnly = []string{
	"allow-nondistributable-artifacts", "builder", "deprecated-key-path", "extension-config",
	"min-api-version", "proxies", "host-gateway-ip",
}

// fixedKeys are what the machine depends on; a daemon.json cannot change them.
var fixedKeys = []string{"data-root", "exec-root", "pidfile", "group", "bridge", "iptables", "ip6tables", "bip", "storage-driver", "containerd"}

// file merges the daemon.json that the user wrote, key by key.
func (b *builder) file(o cloudconfig.Docker) {
	if o.ConfigFile != "" && o.ConfigFile != b.role.userFile && b.env.File == nil {
		b.warn("config_file", "there is no %s", o.ConfigFile)
	}
	if len(b.env.File) == 0 {
		return
	}
	var doc map[string]any
	if err := json.Unmarshal(b.env.File, &doc); err != nil {
		b.warn("config_file", "the daemon.json in use is not JSON: %v", err)
		return
	}
	for _, key := range slices.Sorted(maps.Keys(doc)) {
		b.fileKey(key, doc[key])
	}
}

func (b *builder) fileKey(key string, value any) {
	form, known := formOfKey(key)
	switch {
	case !known:
		b.warn("config_file", "dockerd knows no %q in daemon.json", key)
	case b.role.fixed && slices.Contains(fixedKeys, key):
		b.warn("config_file", "%s keeps its own %s", b.role.name, key)
	case !fits(form, value):
		b.warn("config_file", "%q in daemon.json has the wrong type", key)
	case key == "hosts":
		for _, h := range texts(value) {
			b.addHost(h)
		}
	case key == "features":
		maps.Copy(object(b.doc[key]), object(value))
	case key == "log-opts":
		b.set(key, textMap(value))
	case key == "log-driver" && value != b.doc[key]:
		delete(b.doc, "log-opts") // they were those of another driver; keys come in order
		b.set(key, value)
	case form == list:
		b.set(key, texts(value))
	default:
		b.set(key, value)
	}
}

func formOfKey(key string) (form, bool) {
	if slices.Contains(fileOnly, key) {
		return opaque, true
	}
	for flag, opt := range dockerOptions {
		if opt.form != flagOnly && opt.keyOf(flag) == key {
			return opt.form, true
		}
	}
	return 0, false
}

// fits says whether dockerd could read the value into the option's type.
func fits(f form, value any) bool {
	var ok bool
	switch f {
	case text:
		_, ok = value.(string)
	case number:
		_, ok = value.(float64)
	case boolean:
		_, ok = value.(bool)
	case list:
		items, isList := value.([]any)
		ok = isList && len(texts(value)) == len(items)
	case mapping:
		_, ok = value.(map[string]any)
	case opaque, flagOnly:
		ok = true
	}
	return ok
}

func texts(value any) []string {
	items, _ := value.([]any)
	var out []string
	for _, i := range items {
		if s, ok := i.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// textMap is an object whose values are text; others are written as JSON.
func textMap(value any) map[string]string {
	out := map[string]string{}
	for k, v := range object(value) {
		if s, ok := v.(string); ok {
			out[k] = s
		} else if data, err := json.Marshal(v); err == nil {
			out[k] = string(data)
		}
	}
	return out
}

func object(value any) map[string]any {
	m, _ := value.(map[string]any)
	return m
}
