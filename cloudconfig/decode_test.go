package cloudconfig

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConfigTakesWhatRancherOSTook(t *testing.T) {
	t.Parallel()
	l := layer(t, "os-config", `
hostname: 42
mounts:
  - [LABEL=data, /mnt/data, ext4, ""]
runcmd: [echo 1, [touch, /tmp/x, 2], null]
write_files:
  - {path: /etc/a, content: !!binary aGVsbG8=, permissions: 0644, append: yes}
  - {path: /etc/b, content: aGVsbG8=, encoding: b64, container: ntp, owner: "root:docker", permissions: "0600"}
rancher:
  debug: on
  environment: [A=1, "B=x=y"]
  modules: [loop, null]
  sysctl: {net.ipv4.ip_forward: 1, vm.swappiness: "0"}
  docker:
    tls: true
    debug: false
    environment: {HTTP_PROXY: p, A: 1}
    log_opts: {max-file: 2}
  services_include: {a: true, /var/lib/rancher/conf/b.yml: false}
  services:
    web: {image: nginx}
  network:
    interfaces:
      eth0: {dhcp: false, address: 10.0.0.2/24, mtu: 0x5dc}
  shutdown_timeout: 0
  registry_auths:
    example.com: {auth: dTpw}
`)
	require.Empty(t, Validate(l))
	c, report := Merge(l).Config()
	require.Empty(t, report)
	require.Equal(t, "42", c.Hostname)
	require.Equal(t, []Mount{{"LABEL=data", "/mnt/data", "ext4", ""}}, c.Mounts)
	require.Equal(t, []Command{{Shell: "echo 1"}, {Args: []string{"touch", "/tmp/x", "2"}}}, c.RunCmd)
	require.Equal(t, WriteFile{Path: "/etc/a", Content: "hello", Permissions: "0644", Append: true}, c.WriteFiles[0])
	data, err := c.WriteFiles[1].Data()
	require.NoError(t, err)
	require.Equal(t, "hello", string(data))
	r := c.Rancher
	require.True(t, r.Debug)
	require.Equal(t, map[string]string{"A": "1", "B": "x=y"}, r.Environment)
	require.Equal(t, []string{"loop"}, r.Modules)
	require.Equal(t, map[string]string{"net.ipv4.ip_forward": "1", "vm.swappiness": "0"}, r.Sysctl)
	require.Equal(t, []string{"A=1", "HTTP_PROXY=p"}, r.Docker.Environment)
	require.False(t, *r.Docker.Debug)
	require.Nil(t, r.Docker.Restart)
	require.Equal(t, map[string]string{"max-file": "2"}, r.Docker.LogOpts)
	require.Equal(t, map[string]bool{"a": true, "/var/lib/rancher/conf/b.yml": false}, r.ServicesInclude)
	require.Equal(t, 1500, r.Network.Interfaces["eth0"].MTU)
	web := r.Services["web"]
	require.Equal(t, "web", web.Name)
	require.Equal(t, Pos{File: "os-config", Line: 21, Col: 11}, web.Doc.Pos(web.Node.Content[0]))
	require.Equal(t, Pos{File: "os-config", Line: 21, Col: 18}, c.Pos("rancher", "services", "web", "image"))
	require.Equal(t, Pos{File: "os-config", Line: 21, Col: 10}, c.Pos("rancher", "services", "web", "pid"), "what is around it")
	require.Equal(t, Pos{}, c.Pos("ssh_authorized_keys"))
}

func TestConfigLeavesOutWhatIsWrongAndKeepsTheRest(t *testing.T) {
	t.Parallel()
	c, report := Merge(layer(t, "user-data", `
hostname: "a b"
ssh_authorized_keys: [ssh-rsa A, {no: key}]
write_files:
  - {path: /etc/a, permissions: rwx}
  - {path: /etc/b, content: "%%", encoding: gz+b64}
  - {path: /etc/c}
rancher:
  debug: true
  network:
    interfaces:
      eth0: {dhcp: true, mtu: 1}
      eth1: yes
  services: {a: x, b: {image: y}}
`)).Config()
	require.Error(t, report.Err())
	require.Len(t, report, 7)
	require.Empty(t, c.Hostname)
	require.Equal(t, []string{"ssh-rsa A"}, c.SSHAuthorizedKeys)
	require.Equal(t, []WriteFile{{Path: "/etc/c"}}, c.WriteFiles)
	require.Equal(t, map[string]Interface{"eth0": {DHCP: true}}, c.Rancher.Network.Interfaces)
	require.Len(t, c.Rancher.Services, 1)
	require.True(t, c.Rancher.Debug)
}

func TestValidateSeesUnknownKeysThatAreNull(t *testing.T) {
	t.Parallel()
	require.Equal(t, `user-data:1:1: hostnme: unknown key (did you mean "hostname"?)`,
		messages(Validate(layer(t, "user-data", "hostnme: null\nhostname: null\n"))))
}

func TestKeysThatAreNotAppliedAreWarnedOfOnce(t *testing.T) {
	t.Parallel()
	osConfig := layer(t, "os-config", "rancher: {upgrade: {url: x}, repositories: {core: {url: x}}, cloud_init: {datasources: [ec2]}}")
	user := layer(t, "user-data", "rancher: {rm_usr: false, console: ubuntu, preload_wait: false, upgrade: {image: y}}\nruncmd: []\n")
	_, report := Merge(osConfig, user).Config()
	require.Equal(t, "user-data:1:35: warning: rancher.console: is ignored: not applied by this version\n"+
		"user-data:1:73: warning: rancher.upgrade: is ignored: not applied by this version", messages(report))
	require.NoError(t, report.Err())
}

func TestSuggestions(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"a letter is missing", "runcm: []", `did you mean "runcmd"?`},
		{"letters are swapped", "write_flies: []", `did you mean "write_files"?`},
		{"capitals", "Hostname: x", `did you mean "hostname"?`},
		{"keys of cloud-init", "packges: []", `did you mean "packages"?`},
		{"a key that belongs below rancher", "docker: {}", `did you mean "rancher.docker"?`},
		{"a key that belongs to the top", "rancher: {write_files: []}", `did you mean "write_files" at the top of the file, not below rancher?`},
		{"deep down", "rancher: {network: {interfaces: {eth0: {addres: x}}}}", `did you mean "address"?`}, //nolint:misspell // the mistake is the point
		{"nothing is near", "zzzzzzzz: 1", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			report := Validate(layer(t, "user-data", tt.text))
			require.Len(t, report, 1)
			require.Equal(t, tt.want, report[0].Hint)
		})
	}
}
