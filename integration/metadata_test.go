//go:build integration

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// metadata is whoever answers at the addresses of the clouds beside one machine:
// on the switch that its interfaces are plugged into, where no other machine is.
type metadata struct {
	mu    sync.Mutex // guards what follows
	cloud http.Handler
}

// router is the address that the switch has anyway, the machine's DHCP server.
const router = "10.99.0.1"

// metadata has somebody answer at addresses, at port 80 where they have none, for as
// long as the test. Until it is told what to say, there is nothing to be found.
func (m *Machine) metadata(addresses ...string) *metadata {
	m.t.Helper()
	s := &metadata{cloud: http.NotFoundHandler()}
	server := &http.Server{Handler: s} //nolint:gosec // of a test's own, for its machine alone
	m.t.Cleanup(func() { _ = server.Close() })
	listeners, err := m.listenBeside(addresses)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, l := range listeners {
		go func() { _ = server.Serve(l) }() // ends with the test
	}
	return s
}

// says is what is answered from now on.
func (s *metadata) says(cloud http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cloud = cloud
}

// ServeHTTP answers.
func (s *metadata) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	cloud := s.cloud
	s.mu.Unlock()
	cloud.ServeHTTP(w, r)
}

// listenBeside gives the switch of the machine further addresses, and listens
// there: in the network of its supervisor, whom the machine is a child of.
func (m *Machine) listenBeside(addresses []string) ([]net.Listener, error) {
	m.t.Helper()
	type outcome struct {
		listeners []net.Listener
		err       error
	}
	supervisor, err := parent(m.Listed().PID)
	if err != nil {
		return nil, err
	}
	done := make(chan outcome, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		listeners, err := listenIn(supervisor, addresses)
		done <- outcome{listeners, err}
	}()
	o := <-done
	return o.listeners, o.err
}

// listenIn moves this thread to the network of a process, and listens there.
func listenIn(pid int, addresses []string) ([]net.Listener, error) {
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return nil, err
	}
	defer func() { _ = ns.Close() }()
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		return nil, err
	}
	link, err := netlink.LinkByName("switch")
	if err != nil {
		return nil, err
	}
	var listeners []net.Listener
	for _, address := range addresses {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			host, port, err = address, "80", nil
		}
		if host != router {
			ip := &net.IPNet{IP: net.ParseIP(host), Mask: net.CIDRMask(32, 32)}
			err = netlink.AddrReplace(link, &netlink.Addr{IPNet: ip})
		}
		if err != nil {
			return nil, err
		}
		l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", net.JoinHostPort(host, port))
		if err != nil {
			return nil, err
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

// parent is the process that started another one.
func parent(pid int) (int, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	var state string
	var ppid int
	_, rest, _ := strings.Cut(string(data), ") ")
	_, err = fmt.Sscan(rest, &state, &ppid)
	return ppid, err
}

// CloudInit is what `ros cloud-init status -o json` prints, as far as the tests
// look at it.
type CloudInit struct {
	Status   string    `json:"status"`
	Source   string    `json:"source"`
	Instance string    `json:"instance"`
	Cached   bool      `json:"cached"`
	Problems []Problem `json:"problems"`
	Asked    []Asked   `json:"asked"`
	Includes []Asked   `json:"includes"`
}

// Asked is how one datasource answered.
type Asked struct {
	Name    string  `json:"name"`
	Outcome string  `json:"outcome"`
	Reason  string  `json:"reason"`
	Seconds float64 `json:"seconds"`
}

// told is all that is said to be wrong.
func (c CloudInit) told() string {
	var all []string
	for _, p := range c.Problems {
		all = append(all, p.Pos.File+": "+p.Message)
	}
	for _, a := range slices.Concat(c.Asked, c.Includes) {
		if a.Reason != "" {
			all = append(all, a.Name+": "+a.Reason)
		}
	}
	return strings.Join(all, "\n")
}

// cloudInit asks what became of the datasources, and checks that the exit status
// says the same.
func (m *Machine) cloudInit() (CloudInit, error) {
	r := m.Try("console", "ros", "cloud-init", "status", "-o", "json")
	var c CloudInit
	if err := json.Unmarshal([]byte(r.Stdout), &c); err != nil {
		return c, fmt.Errorf("ros cloud-init status: exit status %d, %w: %s%s", r.Code, err, r.Stdout, r.Stderr)
	}
	want, known := map[string]int{"done": 0, "running": 0, "failed": 1, "degraded": 2}[c.Status]
	if !known || r.Code != want {
		return c, fmt.Errorf("ros cloud-init status: exit status %d for %q", r.Code, c.Status)
	}
	return c, nil
}
