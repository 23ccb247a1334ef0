package compose

import "testing"

func TestFilesOfWriteFilesAreMountedIntoTheirService(t *testing.T) {
	cfg := config(t, `
write_files:
- {path: /etc/app.conf, content: x, container: web}
- {path: /etc/other.conf, content: x, container: other}
- {path: /etc/motd, content: x}
- {path: /etc/more, content: x, container: console}
rancher:
  services:
    docker: {image: d, labels: {io.rancher.os.scope: system}}
    web: {image: nginx, volumes: ["/srv:/srv"]}
`)
	project, report := Build(cfg, Options{})
	if len(report) > 0 {
		t.Fatal(problems(report))
	}
	volumes := project.Services["web"].Spec.Volumes
	if len(volumes) != 2 || volumes[1].Source != "/var/lib/rancher/files/web/etc/app.conf" || volumes[1].Target != "/etc/app.conf" ||
		volumes[1].Bind.CreateHostPath {
		t.Errorf("web mounts %+v", volumes)
	}
	if volumes := project.Services["docker"].Spec.Volumes; len(volumes) != 0 {
		t.Errorf("docker mounts %+v", volumes)
	}
}
