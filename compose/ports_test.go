package compose

import (
	"slices"
	"testing"
)

// TestPortsThatOnlyOneCanHave has services that publish the same ports: on the same
// addresses, on others, and by turns.
func TestPortsThatOnlyOneCanHave(t *testing.T) {
	_, report := build(t, `docker: {image: d, labels: {io.rancher.os.scope: system}}
aa: {image: nginx, ports: ["80:80", "127.0.0.1:81:81", "53:53/udp"]}
bb: {image: nginx, ports: ["0.0.0.0:80:8080"]}
cc: {image: nginx, ports: ["127.0.0.2:81:81", "53:53/tcp", "8000-8009:80"]}
dd: {image: nginx, ports: ["81:81", "8000-8009:80", "80"]}
job: {image: nginx, labels: {io.rancher.os.detach: "false"}, ports: ["80:80"]}
`)
	want := []string{
		`cloud-config.yml:5:24: warning: rancher.services.bb.ports: port 80/tcp is published by aa, too, at cloud-config.yml:4:24 (give one of them another port)`,
		`cloud-config.yml:7:24: warning: rancher.services.dd.ports: port 81/tcp is published by aa, too, at cloud-config.yml:4:24 (give one of them another port)`,
	}
	var got []string
	for _, p := range report {
		got = append(got, p.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
