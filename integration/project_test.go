//go:build integration

package integration

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// shopFile is a compose file of today's format.
const shopFile = "/var/lib/rancher/conf/compose.d/shop.yml"

func shopProject(says string) string {
	return `services:
  web:
    image: probe:1
    command: [serve, ":80", "` + says + `"]
    networks: [front, back]
    volumes: ["data:/data"]
    depends_on: {cache: {condition: service_healthy}}
    deploy: {replicas: 2}
  cache:
    image: probe:1
    command: [serve, ":6379", pong]
    networks: [back]
    healthcheck: {test: [CMD, /probe, get, "http://127.0.0.1:6379/"], interval: 1s}
networks: {front: {}, back: {internal: true}}
volumes: {data: {}}
`
}

// aComposeFileIsAProject makes, changes and removes one, as its file does.
func aComposeFileIsAProject(m *Machine) {
	m.Sh("mkdir -p -m 0700 " + shopFile[:strings.LastIndex(shopFile, "/")])
	m.Put(shopFile, shopProject("one"))
	m.Eventually("all containers are ready", time.Minute, ready("shop-web-1", "shop-web-2", "shop-cache-1"))
	names := strings.Fields(m.Exec("docker", "compose", "-p", "shop", "ps", "--format", "{{.Service}}"))
	slices.Sort(names)
	if !slices.Equal(names, []string{"cache", "web", "web"}) {
		m.t.Errorf("docker compose ps lists %q", names)
	}
	for _, kind := range []string{"network", "volume"} {
		if got := m.Exec("docker", kind, "ls", "-q", "--filter", "name=shop_"); got == "" {
			m.t.Errorf("the project has no %s", kind)
		}
	}
	m.asks("http://web/", "one")
	m.asks("http://cache:6379/", "pong")
	cache := m.Exec("docker", "inspect", "-f", "{{.Id}}", "shop-cache-1")
	m.Put(shopFile, shopProject("two"))
	m.asks("http://web/", "two")
	m.Eventually("all containers are ready again", time.Minute, converged)
	if m.Exec("docker", "inspect", "-f", "{{.Id}}", "shop-cache-1") != cache {
		m.t.Error("what did not change was replaced")
	}
	why := m.Ros("why", "shop-web-1")
	if !strings.Contains(why, "command") {
		m.t.Errorf("ros why does not tell what changed:\n%s", why)
	}
	m.Sh("rm " + shopFile)
	for _, name := range []string{"shop-web-1", "shop-web-2", "shop-cache-1"} {
		m.Eventually(name+" is gone", time.Minute, gone(name))
	}
	m.Until("the networks are gone", time.Minute, func() error {
		if left := m.Exec("docker", "network", "ls", "-q", "--filter", "name=shop_"); left != "" {
			return errors.New("left: " + left)
		}
		return nil
	})
	if got := m.Exec("docker", "volume", "ls", "-q", "--filter", "name=shop_"); got != "shop_data" {
		m.t.Errorf("volumes are kept, got %q", got)
	}
	m.Exec("docker", "volume", "rm", "shop_data")
}

// asks waits until a URL gives a text to a neighbour in the project's network.
func (m *Machine) asks(url, want string) {
	m.t.Helper()
	m.Until(url+" answers "+want, time.Minute, func() error {
		r := m.Try("console", "docker", "run", "--rm", "--network", "shop_back", "probe:1", "get", url)
		if got := strings.TrimSpace(r.Stdout); r.Code != 0 || got != want {
			return fmt.Errorf("it gives %q %s", got, r.Stderr)
		}
		return nil
	})
}

// faulty are services with something wrong, beside many without.
func faulty(good int) string {
	var b strings.Builder
	service := func(name, image, command, more string) {
		fmt.Fprintf(&b, "    %s:\n      image: %s\n      command: [%s]\n      volumes: [\"/usr:/usr:ro\"]\n", name, image, command)
		fmt.Fprintf(&b, "      labels: {io.rancher.os.scope: system}\n%s", more)
	}
	b.WriteString("#cloud-config\nrancher:\n  services:\n")
	for i := range good {
		service(fmt.Sprintf("good%d", i), "ros/base:1", "sleep, infinity", "")
	}
	service("looping", "ros/base:1", `sh, -c, "echo cannot open the database; exit 3"`, "      restart: always\n")
	service("ill", "ros/base:1", "sleep, infinity", "      healthcheck: {test: [CMD, \"false\"], interval: 1s, retries: 2}\n")
	service("imageless", "registry.invalid/none:1", "sleep, infinity", "")
	return b.String()
}

// TestFaultyServicesHoldUpNobody has three of them beside 20 good ones.
func TestFaultyServicesHoldUpNobody(t *testing.T) {
	const good = 20
	m := NewMachine(t, NS, "services that loop, are ill or have no image are told, and hold up nobody").
		CloudConfig(faulty(good)).StartDegraded()
	var names []string
	for i := range good {
		names = append(names, fmt.Sprintf("good%d", i))
	}
	m.Eventually("the good ones run", time.Minute, ready(append(names, defaults()...)...))
	m.Eventually("a crash loop is told", time.Minute, func(s Status) error {
		if x, _ := s.Service("looping"); x.State != "crash-loop" {
			return fmt.Errorf("looping is %s", x.State)
		}
		return nil
	})
	if why := m.Ros("why", "looping"); !strings.Contains(why, "cannot open the database") {
		t.Errorf("ros why shows nothing of its log:\n%s", why)
	}
	if why := m.Ros("why", "imageless"); !strings.Contains(why, "registry.invalid") {
		t.Errorf("ros why does not tell which image is missing:\n%s", why)
	}
	for _, s := range m.Status().Services {
		if slices.Contains(names, s.Name) && s.Restarts > 0 {
			t.Errorf("%s was restarted", s.Name)
		}
	}
}
