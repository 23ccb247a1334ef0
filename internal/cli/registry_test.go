package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/preload"
)

// machineWith is a root folder with files.
func machineWith(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestTheEngineIsToldAboutRegistries(t *testing.T) {
	l := &loader{root: machineWith(t, map[string]string{
		"var/lib/rancher/conf/cloud-config.yml": `
rancher:
  environment: {REGISTRY_DOMAIN: reg.lan}
  preload_wait: true
  registry_auths:
    reg.lan: {username: ann, password: one}
`,
		"root/.docker/config.json": `{"auths": {"https://reg.lan": {"auth": "x"}, "quay.io": {"auth": "YW5uOnR3bw=="}}}`,
	})}
	d, err := l.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range d.Report {
		if p.Path == "rancher.preload_wait" || p.Pos.File == loginFile {
			t.Errorf("it says %s", p)
		}
	}
	auths := l.registryAuths()
	if len(auths) != 2 || auths["reg.lan"].Username != "ann" || auths["quay.io"].Auth != "YW5uOnR3bw==" {
		t.Errorf("the credentials are %+v", auths)
	}
	if l.registryDomain() != "reg.lan" || !l.preloadWait() {
		t.Errorf("the registry is %q, waiting %v", l.registryDomain(), l.preloadWait())
	}
}

func TestABrokenFileOfDockerLoginIsTold(t *testing.T) {
	l := &loader{root: machineWith(t, map[string]string{"root/.docker/config.json": "secret"})}
	d, err := l.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const want = loginFile + ": warning: cannot read the credentials of docker login: this is not JSON as Docker writes it"
	found := false
	for _, p := range d.Report {
		found = found || p.String() == want
		if strings.Contains(p.String(), "secret") {
			t.Errorf("it tells the content: %s", p)
		}
	}
	if !found || len(l.registryAuths()) != 0 {
		t.Errorf("told is %v, known are %v", d.Report, l.registryAuths())
	}
}

func TestPullsWaitForPreloadedImagesWhereThatIsWanted(t *testing.T) {
	wanted := false
	g := &gate{wanted: func() bool { return wanted }, images: preload.New(preload.Options{
		Dir: t.TempDir(), Daemons: map[string]preload.Daemon{preload.UserFolder: archiveDaemon{}},
	})} // it does not run
	if err := g.beforePull(t.Context(), compose.User); err != nil {
		t.Error(err)
	}
	wanted = true
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.beforePull(ctx, compose.User); !errors.Is(err, context.Canceled) {
		t.Errorf("it does not wait: %v", err)
	}
	if err := g.beforePull(ctx, compose.System); err != nil {
		t.Errorf("it waits for a folder that nobody loads: %v", err)
	}
}

// TestUserDockerFollowsItsWayToRegistries counts on the service's label: without
// it, a proxy would be used from the next boot on.
func TestUserDockerFollowsItsWayToRegistries(t *testing.T) {
	defaults, err := os.ReadFile("../../os-config.yml")
	if err != nil {
		t.Fatal(err)
	}
	hash := func(cloudConfig string) string {
		t.Helper()
		d := desired(machineWith(t, map[string]string{
			"usr/share/ros/os-config.yml":           string(defaults),
			"var/lib/rancher/conf/cloud-config.yml": "#cloud-config\n" + cloudConfig,
		}))
		if d.Report.Err() != nil {
			t.Fatal(d.Report)
		}
		return d.Project.Services["docker"].Hash
	}
	before := hash("rancher: {network: {dhcp_timeout: 11}}\n")
	for _, change := range []string{
		"network: {http_proxy: http://proxy:3128}", "network: {https_proxy: http://proxy:3128}", "network: {no_proxy: lan}",
		"docker: {registry_mirror: http://mirror}", "docker: {insecure_registry: [lan]}",
	} {
		if hash("rancher: {"+change+"}\n") == before {
			t.Errorf("%s does not reach User Docker", change)
		}
	}
}
