//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Status is what `ros status -o json` prints, as far as the tests look at it.
type Status struct {
	State    string    `json:"state"`
	Problems []Problem `json:"problems"`
	Services []Service `json:"services"`
}

// Problem is one finding in the configuration.
type Problem struct {
	Pos struct {
		File string `json:"file"`
		Line int    `json:"line"`
		Col  int    `json:"col"`
	} `json:"pos"`
	Path     string `json:"path"`
	Message  string `json:"message"`
	Severity string `json:"severity"`
}

// Service is how one service stands.
type Service struct {
	Name       string   `json:"name"`
	Scope      string   `json:"scope"`
	State      string   `json:"state"`
	Ready      bool     `json:"ready"`
	Restarts   int      `json:"restarts"`
	WaitingFor []string `json:"waitingFor"`
	Image      string   `json:"image"`
	Container  string   `json:"container"`
	Cause      string   `json:"cause"`
	ReadyAfter float64  `json:"readyAfter"`
	Problem    string   `json:"problem"`
}

// defaults are the services of a machine that nobody configured.
func defaults() []string { return []string{"console", "docker", "network", "ntp", "syslog", "udev"} }

// status asks for the status and checks that the exit status says the same.
func (m *Machine) status() (Status, error) {
	r := m.Try("init", "ros", "status", "-o", "json")
	var s Status
	if err := json.Unmarshal([]byte(r.Stdout), &s); err != nil {
		return s, fmt.Errorf("ros status: exit status %d, %w: %s%s", r.Code, err, r.Stdout, r.Stderr)
	}
	want, known := map[string]int{"converged": 0, "converging": 1, "degraded": 2}[s.State]
	if !known || r.Code != want {
		return s, fmt.Errorf("ros status: exit status %d for state %q", r.Code, s.State)
	}
	return s, nil
}

// Status returns how the machine stands.
func (m *Machine) Status() Status {
	m.t.Helper()
	s, err := m.status()
	if err != nil {
		m.t.Fatal(err)
	}
	return s
}

// Service finds one service.
func (s *Status) Service(name string) (Service, bool) {
	i := slices.IndexFunc(s.Services, func(x Service) bool { return x.Name == name })
	if i < 0 {
		return Service{}, false
	}
	return s.Services[i], true
}

// Eventually asks for the status until check returns nil.
func (m *Machine) Eventually(what string, within time.Duration, check func(Status) error) Status {
	m.t.Helper()
	var s Status
	m.Until(what, within, func() (err error) {
		if s, err = m.status(); err != nil {
			return err
		}
		return check(s)
	})
	return s
}

// Until tries check until it returns nil.
func (m *Machine) Until(what string, within time.Duration, check func() error) {
	m.t.Helper()
	deadline := time.Now().Add(within)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			m.t.Fatalf("%s: not within %s: %v", what, within, err)
		}
		timer := time.NewTimer(200 * time.Millisecond)
		<-timer.C
	}
}

func converged(s Status) error {
	if s.State == "converged" {
		return nil
	}
	var waiting []string
	for _, x := range s.Services {
		if !x.Ready {
			waiting = append(waiting, fmt.Sprintf("%s is %s: %s%s", x.Name, x.State, x.Problem, strings.Join(x.WaitingFor, " ")))
		}
	}
	return fmt.Errorf("%s: %s %v", s.State, strings.Join(waiting, "; "), s.Problems)
}

// ready is a check that all of these services are ready.
func ready(names ...string) func(Status) error {
	return func(s Status) error {
		for _, name := range names {
			if x, ok := s.Service(name); !ok || !x.Ready {
				return fmt.Errorf("service %s: %+v", name, x)
			}
		}
		return nil
	}
}

// gone is a check that there is no such service.
func gone(name string) func(Status) error {
	return func(s Status) error {
		if x, ok := s.Service(name); ok {
			return fmt.Errorf("service %s: %+v", name, x)
		}
		return converged(s)
	}
}

// containers returns, for every running container of System Docker, its
// process and when it was started: what changes when it is touched.
func (m *Machine) containers() map[string]string {
	m.t.Helper()
	text := m.Sh(`system-docker inspect -f '{{.Name}} {{.Id}} {{.State.Pid}} {{.State.StartedAt}}' $(system-docker ps -q)`)
	all := map[string]string{}
	for line := range strings.Lines(text) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		all[strings.TrimPrefix(name, "/")] = rest
	}
	return all
}

// Unchanged fails if a container that ran before does not run, untouched, now.
func (m *Machine) Unchanged(before map[string]string) {
	m.t.Helper()
	now := m.containers()
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if now[name] != before[name] {
			m.t.Errorf("container %s was touched: %q became %q", name, before[name], now[name])
		}
	}
}

// processes returns the numbers of the processes with exactly that command
// line prefix, in PID 1's sight.
func (m *Machine) processes(prefix string) []int {
	m.t.Helper()
	r := m.Try("init", "sh", "-c", `for p in /proc/[0-9]*; do echo "${p#/proc/} $(tr '\0' ' ' <$p/cmdline 2>/dev/null)"; done`)
	var pids []int
	for line := range strings.Lines(r.Stdout) {
		number, command, _ := strings.Cut(strings.TrimSpace(line), " ")
		if pid, err := strconv.Atoi(number); err == nil && strings.HasPrefix(command, prefix) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// one returns the one process with that command line prefix.
func (m *Machine) one(prefix string) int {
	m.t.Helper()
	pids := m.processes(prefix)
	if len(pids) != 1 {
		m.t.Fatalf("want one process %q, got %v", prefix, pids)
	}
	return pids[0]
}

// Placed finds a problem by a word of its message, and checks that it begins
// with file:line:col where people read it.
func (m *Machine) Placed(word string) {
	m.t.Helper()
	r := m.Try("init", "ros", "status")
	for line := range strings.Lines(r.Stdout + r.Stderr) {
		if strings.Contains(line, word) && regexp.MustCompile(`^\s*[^:]+:\d+:\d+: `).MatchString(line) {
			return
		}
	}
	m.t.Errorf("no line with file:line:col and %q in:\n%s%s", word, r.Stdout, r.Stderr)
}

// listing is one machine in `rosmachine list -o json`.
type listing struct {
	Name  string `json:"name"`
	State string `json:"state"`
	PID   int    `json:"pid"`
	SSH   string `json:"ssh"`
	Boots int    `json:"boots"`
}

func (l listing) pid() string { return strconv.Itoa(l.PID) }

// Listed returns what `rosmachine list` says about the machine.
func (m *Machine) Listed() listing {
	m.t.Helper()
	var all []listing
	if err := json.Unmarshal([]byte(m.Must("list", "-o", "json")), &all); err != nil {
		m.t.Fatal(err)
	}
	for _, l := range all {
		if l.Name == m.name {
			return l
		}
	}
	m.t.Fatalf("machine %s is not listed", m.name)
	return listing{}
}

// Load imports the tests' program as image probe:1, in both Dockers.
func (m *Machine) Load() *Machine {
	m.t.Helper()
	m.Must("cp", shop.probe, m.name+":/tmp/probe.tar")
	for _, docker := range []string{"docker", "system-docker"} {
		m.Exec(docker, "import", "--change", `ENTRYPOINT ["/probe"]`, "/tmp/probe.tar", "probe:1")
	}
	return m
}
