package setting

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/ros-os/ros/internal/machine/console"
)

func TestHostKeysAreToldTheirInstanceWhenItIsKnown(t *testing.T) {
	h := newHost(t)
	r := h.start()
	r.clean("hostname: a")
	if got := h.read(console.SettingsFile); strings.Contains(got, "instance") {
		t.Fatalf("handed over is %s", got)
	}
	for len(r.changed) > 0 {
		<-r.changed // of what was before
	}
	h.settle("i-1")
	h.eventually("somebody is told", func() bool { return len(r.changed) > 0 })
	r.clean("hostname: a")
	if got := h.read(console.SettingsFile); !strings.Contains(got, `"instance": "i-1"`) {
		t.Errorf("handed over is %s", got)
	}
}

func TestWhoseTheHostKeysAre(t *testing.T) {
	for _, tt := range []struct{ name, config, id, instance string }{
		{"of the instance that the datasource tells", "hostname: a", "i-1", "i-1"},
		{"it is not known yet", "hostname: a", "", ""},
		{"no datasource tells", "hostname: a", "default", ""},
		{"they are to stay", "ssh_deletekeys: false", "i-1", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t)
			if tt.id != "" {
				h.settle(tt.id)
			}
			h.clean(tt.config + "\nssh_genkeytypes: [rsa]\n")
			var got console.Settings
			if err := json.Unmarshal([]byte(h.read(console.SettingsFile)), &got); err != nil {
				t.Fatal(err)
			}
			if want := (console.SSH{Instance: tt.instance, KeyTypes: []string{"rsa"}}); !reflect.DeepEqual(got.SSH, want) {
				t.Errorf("handed over is %+v, want %+v", got.SSH, want)
			}
		})
	}
}
