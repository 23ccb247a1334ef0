package compose

import (
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/ros-os/ros/cloudconfig"
)

// services that today's compose and this package must read alike.
var specServices = map[string]string{
	"texts": `
image: busybox
command: sh -c "echo 'a b' c"
entrypoint: ["/bin/tini", "--"]
hostname: h
domainname: d.example
user: "1000:1000"
working_dir: /w
stop_signal: SIGUSR1
stop_grace_period: 1m30s
platform: linux/amd64
runtime: runc
userns_mode: host
cgroup: host
cgroup_parent: /system
isolation: default
mac_address: 02:42:ac:11:00:02
restart: unless-stopped
pull_policy: always
ipc: shareable
pid: host
uts: host
network_mode: host
`,
	"numbers": `
image: busybox
cpus: 1.5
cpu_count: 2
cpu_percent: 50
cpu_period: 100000
cpu_quota: 50000
cpu_shares: 512
cpuset: 0-1
mem_limit: 512m
mem_reservation: 256m
memswap_limit: 1g
mem_swappiness: 10
shm_size: 64m
pids_limit: 100
oom_score_adj: -500
oom_kill_disable: true
blkio_config:
  weight: 300
  weight_device: [{path: /dev/sda, weight: 400}]
  device_read_bps: [{path: /dev/sdb, rate: 12mb}]
`,
	"flags": `
image: busybox
init: true
tty: true
stdin_open: "true"
privileged: yes
read_only: false
attach: false
`,
	"lists": `
image: busybox
cap_add: [NET_ADMIN]
cap_drop: [ALL]
security_opt: [no-new-privileges:true]
group_add: [mail, "1000"]
dns: 8.8.8.8
dns_search: [a.example, b.example]
dns_opt: [use-vc]
tmpfs: [/run, "/tmp:size=64m"]
expose: ["3000", 8000]
device_cgroup_rules: ["c 1:3 mr"]
external_links: ["redis_1:redis"]
volumes_from: ["container:x:ro"]
`,
	"maps": `
image: busybox
environment: {A: 1, B: "x y", C: , D: true, E: 1.50, F: 0x10}
labels: [a=b, c, d=e=f]
annotations: {k: v}
sysctls: {net.core.somaxconn: 1024}
storage_opt: {size: 1G}
extra_hosts: ["a=1.2.3.4", "b:::1"]
logging: {driver: json-file, options: {max-size: 10m, max-file: 3}}
`,
	"environment list": `
image: busybox
environment: [A=1, B=, C, D=a=b]
extra_hosts: {a: 1.2.3.4, b: ["1.1.1.1", "2.2.2.2"]}
`,
	"ports": `
image: busybox
ports:
  - 80
  - "8080:80"
  - "127.0.0.1:53:53/udp"
  - "3000-3002:3000-3002"
  - {target: 81, published: "8081", host_ip: 127.0.0.1, protocol: udp, mode: host, name: web}
`,
	"volumes": `
image: busybox
volumes:
  - /anonymous
  - named:/data
  - named2:/data2:ro,nocopy
  - /a:/b
  - /c:/d/:ro,rshared,z
  - /e:/b
  - {type: bind, source: /f, target: /g, read_only: true, bind: {propagation: slave, create_host_path: true, recursive: disabled}}
  - {type: volume, source: v, target: /h, volume: {nocopy: true, subpath: s}}
  - {type: tmpfs, target: /i, tmpfs: {size: 10m, mode: 0755}}
  - {type: image, source: alpine, target: /j, image: {subpath: etc}}
`,
	"devices": `
image: busybox
devices: [/dev/fuse, "/dev/sda:/dev/xvda", "/dev/sdb:/dev/sdb:r", {source: /dev/kvm, target: /dev/kvm, permissions: rw}]
gpus: all
`,
	"gpus": `
image: busybox
gpus: [{driver: nvidia, device_ids: ["0"], capabilities: [gpu]}, {driver: x, capabilities: [gpu], count: 2}]
`,
	"health check": `
image: busybox
healthcheck: {test: [CMD, "true"], interval: 1m, timeout: 5s, retries: 3, start_period: 10s, start_interval: 1s}
`,
	"health check of a shell": `
image: busybox
healthcheck: {test: curl -f localhost, disable: false}
`,
	"ulimits": `
image: busybox
ulimits: {nofile: 1024, nproc: {soft: 1, hard: 2}}
`,
	"networks": `
image: busybox
networks: {back: , front: {aliases: [a], ipv4_address: 10.0.0.2, priority: 5, driver_opts: {k: 1}}}
`,
	"networks in a list": `
image: busybox
networks: [back, front]
`,
	"depends_on": `
image: busybox
depends_on: {back: {condition: service_healthy, restart: true}, front: {condition: service_started, required: false}}
`,
	"depends_on in a list": `
image: busybox
depends_on: [back, front]
`,
	"env_file": `
image: busybox
env_file: [/a.env, {path: /b.env, required: false}]
`,
	"deploy": `
image: busybox
deploy:
  mode: replicated
  replicas: 1
  labels: {a: b}
  resources:
    limits: {cpus: "0.50", memory: 50M, pids: 10}
    reservations: {memory: 20M, devices: [{capabilities: [gpu], count: all}]}
  restart_policy: {condition: on-failure, delay: 5s, max_attempts: 3, window: 120s}
`,
}

// TestDecodingIsThatOfCompose holds the decoder to compose-go's loader.
func TestDecodingIsThatOfCompose(t *testing.T) {
	for name, text := range specServices {
		t.Run(name, func(t *testing.T) {
			want := load(t, text)
			doc := document(t, "x.yml", text)
			var found findings
			r := reader{doc: doc, report: &found.report, expand: func(text string, _ cloudconfig.Pos) string { return text }}
			var got types.ServiceConfig
			decoder{schema: newSchema(), findings: &found}.service(r.read(doc.Root), &path{key: "x"}, &got)
			got.Volumes = unique(got.Volumes)
			got.Name = "x"
			if len(found.report) > 0 {
				t.Fatalf("problems:\n%s", problems(found.report))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-compose-go +ours:\n%s", diff)
			}
		})
	}
}

func load(t testing.TB, text string) types.ServiceConfig {
	t.Helper()
	details := types.ConfigDetails{
		WorkingDir:  "/",
		Environment: types.Mapping{},
		ConfigFiles: []types.ConfigFile{{Filename: "x.yml", Content: []byte("services:\n  x:\n" + indent(text, "    "))}},
	}
	project, err := loader.LoadWithContext(t.Context(), details, func(o *loader.Options) {
		o.SetProjectName("os", true)
		o.SkipNormalization = true
		o.SkipConsistencyCheck = true
		o.SkipResolveEnvironment = true
	})
	if err != nil {
		t.Fatal(err)
	}
	return project.Services["x"]
}
