//go:build dockerd

package engine

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"golang.org/x/crypto/bcrypt"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
	daemonconfig "github.com/ros-os/ros/internal/daemon"
	"github.com/ros-os/ros/internal/engine/dockerdtest"
	"github.com/ros-os/ros/servicectl/plan"
)

// The registries of these tests have the same images.
var (
	plainRegistry   = dockerdtest.Registry{Port: "5001"} // named as insecure
	unnamedRegistry = dockerdtest.Registry{Port: "5002"} // not named
	privateRegistry = dockerdtest.Registry{Port: "5003"} // TLS, password
	bundleRegistry  = dockerdtest.Registry{Port: "5004"} // TLS by the authority in the machine's bundle
)

const (
	cutPort   = "5005" // where the proxy listens that cuts connections
	proxyPort = "5006" // where the one of rancher.network listens
	farPort   = "5007" // of the registry that can be reached through that one alone
	awayPort  = "5999" // of no registry
)

func at(port string) string { return net.JoinHostPort(dockerdtest.Host, port) }

// asConfigured is what a cloud-config makes of a daemon's way to registries.
func asConfigured(t *testing.T) map[string]any {
	t.Helper()
	var cfg cloudconfig.Config
	cfg.Rancher.SystemDocker.InsecureRegistry = []string{plainRegistry.Address(), at(cutPort)}
	cfg.Rancher.SystemDocker.RegistryMirror = "http://" + plainRegistry.Address()
	cfg.Rancher.Network.HTTPSProxy = "http://" + at(proxyPort)
	near := []string{at(cutPort), at(awayPort)}
	for _, r := range []dockerdtest.Registry{plainRegistry, unnamedRegistry, privateRegistry, bundleRegistry} {
		near = append(near, r.Address())
	}
	cfg.Rancher.Network.NoProxy = strings.Join(near, ",")
	var doc map[string]any
	if err := json.Unmarshal(daemonconfig.System(cfg, daemonconfig.Env{}).JSON, &doc); err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	for _, key := range []string{"insecure-registries", "registry-mirrors", "proxies"} {
		if out[key] = doc[key]; out[key] == nil {
			t.Fatalf("the configuration has no %s", key)
		}
	}
	return out
}

// repository has the image in every registry.
const repository = "/ros-test/app:1"

// market is a daemon beside its registries.
type market struct {
	*testing.T
	daemon *privateDaemon
	engine *Engine
	auths  map[string]cloudconfig.Auth
	domain string
	ca     authority // of privateRegistry
}

// newMarket starts them, and pushes the image.
func newMarket(t *testing.T) *market {
	t.Helper()
	m := &market{T: t, ca: newAuthority(t)}
	bundled := newAuthority(t)
	bundle, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	if err != nil {
		t.Fatal(err)
	}
	m.daemon = &privateDaemon{dockerdtest.Start(t, dockerdtest.Options{
		Config: asConfigured(t),
		Etc:    map[string][]byte{"ssl/certs/ca-certificates.crt": append(bundle, bundled.pem...)},
	})}
	m.serve(plainRegistry)
	m.serve(unnamedRegistry)
	m.serve(m.private())
	m.serve(m.withTLS(bundleRegistry, bundled))

	dockerdtest.Images(t, m.daemon.Path("images"))
	m.engine = m.newEngine(0)
	m.push(plainRegistry.Address() + repository)
	return m
}

// newEngine is one that gives up a pull of which nothing arrives for so long.
func (m *market) newEngine(stall time.Duration) *Engine {
	m.Helper()
	e, err := New(Options{
		SystemSocket: m.daemon.Socket(), UserSocket: m.daemon.Socket(), ImageDir: m.daemon.Path("images"),
		Auths:  func() map[string]cloudconfig.Auth { return m.auths },
		Domain: func() string { return m.domain },
		Stall:  stall,
	})
	if err != nil {
		m.Fatal(err)
	}
	return e
}

func (m *market) serve(r dockerdtest.Registry) {
	m.Helper()
	r.Images = m.daemon.Path("registry")
	m.daemon.Serve(m.T, r)
}

// private is the registry that wants a password and has a certificate by the
// tests' own authority.
func (m *market) private() dockerdtest.Registry {
	m.Helper()
	r := m.withTLS(privateRegistry, m.ca)
	hash, err := bcrypt.GenerateFromPassword([]byte("pass:word"), bcrypt.MinCost)
	if err != nil {
		m.Fatal(err)
	}
	r.Passwords = m.daemon.Path("htpasswd")
	if err := os.WriteFile(r.Passwords, append([]byte("ann:"), hash...), 0o600); err != nil {
		m.Fatal(err)
	}
	return r
}

func (m *market) withTLS(r dockerdtest.Registry, ca authority) dockerdtest.Registry {
	m.Helper()
	cert, key := ca.issue(m.T, dockerdtest.Host)
	r.Certificate, r.Key = m.daemon.Path(r.Port+".crt"), m.daemon.Path(r.Port+".key")
	for path, text := range map[string][]byte{r.Certificate: cert, r.Key: key} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			m.Fatal(err)
		}
	}
	return r
}

// push pushes the test image.
func (m *market) push(ref string) {
	m.Helper()
	load := step(plan.Load, "app")
	load.Image = testImage
	if err := m.engine.Do(m.Context(), load, service("app", types.ServiceConfig{})); err != nil {
		m.Fatal(err)
	}
	api := m.daemon.Client(m.T)
	if err := api.ImageTag(m.Context(), testImage, ref); err != nil {
		m.Fatal(err)
	}
	progress, err := api.ImagePush(m.Context(), ref, image.PushOptions{RegistryAuth: "e30="})
	if err != nil {
		m.Fatal(err)
	}
	if err := messages(progress, func(message) {}); err != nil {
		m.Fatal(err)
	}
	m.clear()
}

// clear removes all images, so that a pull has to fetch every layer.
func (m *market) clear() {
	m.Helper()
	api := m.daemon.Client(m.T)
	all, err := api.ImageList(m.Context(), image.ListOptions{})
	if err != nil {
		m.Fatal(err)
	}
	for _, i := range all {
		if _, err := api.ImageRemove(m.Context(), i.ID, image.RemoveOptions{Force: true}); err != nil {
			m.Fatal(err)
		}
	}
}

func (m *market) pull(ref string) error {
	s := step(plan.Pull, "app")
	s.Image = ref
	return m.engine.Do(m.Context(), s, service("app", types.ServiceConfig{}))
}

// brings says that an image can be pulled, and is there then.
func (m *market) brings(t *testing.T, ref string) {
	t.Helper()
	if err := m.pull(ref); err != nil {
		t.Fatal(err)
	}
	facts, err := m.engine.daemons[compose.System].look(t.Context(), ref)
	if err != nil || facts.id == "" || facts.tagged.IsZero() {
		t.Fatalf("%s is not there: %+v, %v", ref, facts, err)
	}
	m.clear()
}

// refuses says that an image cannot be pulled, and why.
func (m *market) refuses(t *testing.T, ref string, says ...string) {
	t.Helper()
	err := m.pull(ref)
	if err == nil {
		m.clear()
		t.Errorf("%s could be pulled", ref)
		return
	}
	t.Log(err)
	for _, s := range append(says, ref) {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%q does not say %q", err, s)
		}
	}
}

func TestPullFromRealRegistries(t *testing.T) {
	m := newMarket(t)
	t.Run("one without TLS", m.insecure)
	t.Run("one with a private authority and a password", m.guarded)
	t.Run("one by an authority of the machine's bundle", func(t *testing.T) { m.brings(t, bundleRegistry.Address()+repository) })
	t.Run("a mirror of Docker Hub", func(t *testing.T) { m.brings(t, strings.TrimPrefix(repository, "/")) })
	t.Run("one behind a proxy", m.behindProxy)
	t.Run("a registry that is away", func(t *testing.T) {
		m.refuses(t, at(awayPort)+repository, "registry "+at(awayPort)+" cannot be reached")
	})
	t.Run("what is not there", func(t *testing.T) {
		m.refuses(t, plainRegistry.Address()+"/ros-test/app:2", "has no", "check the name and the tag")
	})
	t.Run("an image that is there already", m.again)
	t.Run("a connection that is cut within a layer", m.cut)
	t.Run("a network that is lost within a layer", m.lose)
	t.Run("an image that is there without the machine's registry", m.retag)
}

// behindProxy pulls from a registry that only the proxy of the configuration
// reaches.
func (m *market) behindProxy(t *testing.T) {
	ref := at(farPort) + repository
	m.refuses(t, ref, "check rancher.network.http_proxy")
	asked := m.serveProxy(t, bundleRegistry.Address())
	m.brings(t, ref)
	if got := asked(); got == 0 {
		t.Error("the proxy was not asked")
	}
}

func (m *market) insecure(t *testing.T) {
	m.brings(t, plainRegistry.Address()+repository)
	m.refuses(t, unnamedRegistry.Address()+repository, "add it to rancher.system_docker.insecure_registry")
}

func (m *market) guarded(t *testing.T) {
	address := privateRegistry.Address()
	ref := address + repository
	m.refuses(t, ref, "/etc/docker/certs.d/"+address+"/ca.crt")
	if err := m.daemon.WriteEtc(filepath.Join("docker/certs.d", address, "ca.crt"), m.ca.pem); err != nil {
		t.Fatal(err)
	}
	m.refuses(t, ref, `set rancher.registry_auths."`+address+`"`)
	m.auths = map[string]cloudconfig.Auth{"https://" + address: {Username: "ann", Password: "wrong"}}
	m.refuses(t, ref, "refuses the credentials of")
	m.auths = map[string]cloudconfig.Auth{address: {Auth: "YW5uOnBhc3M6d29yZA=="}}
	m.brings(t, ref)
	login := m.daemon.Path("config.json")
	text, err := json.Marshal(map[string]any{"auths": map[string]any{address: map[string]string{"auth": "YW5uOnBhc3M6d29yZA=="}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(login, text, 0o600); err != nil {
		t.Fatal(err)
	}
	auths, err := DockerAuths(login)
	if err != nil {
		t.Fatal(err)
	}
	m.auths = WithDockerAuths(nil, auths)
	m.brings(t, ref)
}

// again holds the controller to what it decides by: a pull that brings nothing
// new renews the instant from which the age of an image counts.
func (m *market) again(t *testing.T) {
	ref := plainRegistry.Address() + repository
	d := m.engine.daemons[compose.System]
	var before time.Time
	for i := range 2 {
		pulled := m.engine.PulledBytes(compose.System)
		if err := m.pull(ref); err != nil {
			t.Fatal(err)
		}
		pulled = m.engine.PulledBytes(compose.System) - pulled
		// Its description, some hundred bytes, is told only with what is too fast to be told.
		if content := m.content(ref); i == 0 && (pulled > content || pulled < content*99/100) || i > 0 && pulled != 0 {
			t.Errorf("pull %d of an image of %d bytes has brought %d", i+1, content, pulled)
		}
		facts, err := d.look(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		if !facts.tagged.After(before) {
			t.Errorf("tagged at %s, after %s", facts.tagged, before)
		}
		before = facts.tagged
	}
	m.clear()
}

func (m *market) retag(t *testing.T) {
	m.domain = at(awayPort)
	load := step(plan.Load, "app")
	load.Image = testImage
	if err := m.engine.Do(t.Context(), load, service("app", types.ServiceConfig{})); err != nil {
		t.Fatal(err)
	}
	m.brings(t, m.domain+"/"+testImage)
	m.refuses(t, m.domain+"/"+testImage, "cannot be reached") // the image without it is gone, too
}

// cut breaks a pull within its largest layer, and keeps the registry away for a
// while: the pull fails, the next one brings the image.
func (m *market) cut(t *testing.T) {
	p := &cutter{market: m, left: 1 << 20}
	p.listen(t)
	ref := at(cutPort) + repository
	pulled := m.engine.PulledBytes(compose.System)
	m.refuses(t, ref, "cannot be reached")
	p.mend(700 << 10)
	told := make(chan string, 1)
	ended := make(chan struct{})
	go func() { told <- m.watch(ref, ended) }()
	m.brings(t, ref)
	close(ended)
	if got := <-told; !strings.Contains(got, "%, ") || !strings.HasSuffix(got, " MB") {
		t.Errorf("of the slow pull the progress was %q", got)
	}
	// The proxy has sent more: headers, manifests, and before the cut what the daemon
	// had not told of yet, which on a fast machine is all of it.
	archive, _ := dockerdtest.Archive(t, testImage)
	pulled = m.engine.PulledBytes(compose.System) - pulled
	if sent := uint64(p.sent()); pulled > sent || pulled < uint64(len(archive))*9/10 {
		t.Errorf("%d bytes are counted of %d that were sent for an image of %d", pulled, sent, len(archive))
	}
}

// lose is a network that goes away within the largest layer, as cables and
// radios do, without a word: the pull is given up, and the next one, however much
// later, brings only the rest.
func (m *market) lose(t *testing.T) {
	p := &cutter{market: m, left: 9 << 18, silent: true} // the daemon writes by the mebibyte
	p.listen(t)
	ref := at(cutPort) + repository
	patient := m.engine
	defer func() { m.engine = patient }()
	m.engine = m.newEngine(5 * time.Second)
	m.refuses(t, ref, "nothing has arrived for 5s")
	whole := p.sent()
	p.hangUp()
	pause(2 * time.Second) // Docker's garbage collection comes meanwhile
	p.mend(0)
	m.engine = patient
	m.brings(t, ref)
	archive, _ := dockerdtest.Archive(t, testImage)
	if rest := p.sent() - whole; rest > int64(len(archive))-whole/2 {
		t.Errorf("after %d bytes of %d another %d were fetched", whole, len(archive), rest)
	}
}

// content is how large an image is in the daemon's store, packed as it came.
func (m *market) content(ref string) uint64 {
	m.Helper()
	r, err := m.daemon.Client(m.T).ImageInspect(m.Context(), ref, client.ImageInspectWithManifests(true))
	if err != nil || len(r.Manifests) != 1 {
		m.Fatalf("%d images, %v", len(r.Manifests), err)
	}
	return uint64(r.Manifests[0].Size.Content)
}

// watch returns the last percentage that was told of a pull.
func (m *market) watch(ref string, ended <-chan struct{}) (last string) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return last
		case <-tick.C:
			if now := m.engine.Progress(compose.System)[ref]; strings.Contains(now, "%") {
				last = now
			}
		}
	}
}

func TestArchivesOfEveryKindAreLoaded(t *testing.T) {
	d := startPrivate(t)
	e := d.engine(t)
	plain, _ := dockerdtest.Archive(t, "ros-test/preloaded:1")
	kinds := packed(t, plain)
	for kind, archive := range kinds {
		got, err := e.LoadArchive(t.Context(), compose.System, "x."+kind, bytes.NewReader(archive), int64(len(archive)))
		if err != nil || len(got) != 1 || got[0] != "ros-test/preloaded:1" {
			t.Errorf("%s: %v, %v", kind, got, err)
		}
		half := archive[:len(archive)/2]
		if got, err := e.LoadArchive(t.Context(), compose.System, "x."+kind, bytes.NewReader(half), int64(len(half))); err == nil {
			t.Errorf("half of a %s brings %v", kind, got)
		}
	}
	id, err := e.DaemonID(t.Context(), compose.System)
	if err != nil || id == "" {
		t.Errorf("the daemon is %q, %v", id, err)
	}
}
