package compose

// unsupported are keys of a service that mean something to others, and why they
// cannot be had here.
var unsupported = map[string]string{
	"label_file":     "not supported yet: label_file; use labels",
	"models":         "not supported yet: models",
	"provider":       "not supported yet: provider",
	"post_start":     "not supported yet: post_start",
	"pre_stop":       "not supported yet: pre_stop",
	"use_api_socket": "not supported yet: use_api_socket",
}

// modernise turns the keys of RancherOS's compose v1 into today's, and reports
// the keys that are not supported. Both kinds of keys may be mixed; saying one
// thing in both is an error. t is changed.
func (d *draft) modernise(t *tree) {
	at := d.at
	for i := 0; i < len(t.entries); {
		e := t.entries[i]
		why, bad := unsupported[e.key]
		if !bad {
			i++
			continue
		}
		t.take(e.key)
		d.fail(e.pos, at.below(e.key), why, "")
	}
	if e, ok := t.take("name"); ok {
		d.warn(e.pos, at.below("name"), "is ignored: a service's name is its key", "use container_name to name its container")
	}
	d.takeExtends(t)
	d.modernBuild(t, at)
	if e, ok := t.take("develop"); ok {
		d.warn(e.pos, at.below("develop"), "is ignored: nothing is developed on this machine", "")
	}
	d.network(t, at)
	d.logging(t, at)
	// An unquoted no is false to some writers of YAML.
	if restart := t.get("restart"); restart.isScalar() && restart.tag() == "!!bool" {
		if on, ok := parseBool(restart.text); ok && !on {
			t.entries[t.index("restart")].value = newText("no", restart.pos)
		}
	}
}

// network gives net its name of today.
func (f *findings) network(t *tree, at *path) {
	i := t.index("net")
	if i < 0 {
		return
	}
	if t.index("network_mode") >= 0 {
		e, _ := t.take("net")
		f.fail(e.pos, at.below("net"), "says the same as network_mode", "remove one of them")
		return
	}
	t.entries[i].key = "network_mode"
}

// logging gathers log_driver and log_opt.
func (f *findings) logging(t *tree, at *path) {
	var found []entry
	for _, pair := range [][2]string{{"log_driver", "driver"}, {"log_opt", "options"}} {
		if e, ok := t.take(pair[0]); ok {
			if t.index("logging") >= 0 {
				f.fail(e.pos, at.below(pair[0]), "says the same as logging", "remove one of them")
				continue
			}
			e.key = pair[1]
			found = append(found, e)
		}
	}
	if len(found) > 0 {
		pos := found[0].pos
		t.entries = append(t.entries, entry{key: "logging", pos: pos, value: newMap(pos, found...)})
	}
}
