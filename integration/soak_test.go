//go:build integration

package integration

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	// operations is how many the soak makes.
	operations = flag.Int("operations", 60, "how many random operations the soak makes; the long form is 10000")
	// With this one each kind of kill is twice in the short form.
	seed = flag.Uint64("seed", 20261730, "where the soak's random choices begin")
)

// soakRests is after how many operations the machine may rest, and is judged.
const soakRests = 20

// soaked are services of both Dockers, beside the machine's own.
const soaked = `#cloud-config
rancher:
  metrics: {listen: "127.0.0.1:9101"}
  services:
    helper:
      image: probe:1
      command: [sleep]
      network_mode: none
      labels: {io.rancher.os.scope: system}
    web:
      image: probe:1
      command: [serve, ":80", hello]
      environment: [ROUND=0]
      volumes: ["data:/data"]
    db:
      image: probe:1
      command: [sleep]
      depends_on: [web]
    job:
      image: probe:1
      command: [say, done]
      labels: {io.rancher.os.detach: "false"}
`

// soak is a machine, and somebody who meddles with it.
type soak struct {
	*Machine
	dice    *rand.Rand
	killed  bool           // the controller may be killed
	tally   map[string]int // by kind of meddling
	ended   map[string]int // by service: how often something ended its container
	history []string       // since the last rest
	worst   time.Duration
}

// meddling is one kind of what somebody does, with a service where it is about one.
type meddling struct {
	name   string
	weight int
	do     func(s *soak, service string)
}

func meddlings() []meddling {
	docker := func(verb ...string) func(*soak, string) {
		return func(s *soak, service string) { s.docker(service, append(slices.Clone(verb), service)...) }
	}
	return []meddling{
		{"remove", 20, docker("rm", "-f")},
		{"kill", 20, docker("kill")},
		{"stop", 16, docker("stop", "-t", "0")},
		{"pause", 12, docker("pause")},
		{"rename", 12, func(s *soak, service string) {
			s.docker(service, "rename", service, fmt.Sprintf("moved-%d", s.dice.IntN(1000)))
		}},
		{"intent", 20, func(s *soak, service string) {
			verb := []string{"stop", "start", "restart"}[s.dice.IntN(3)]
			s.try(service, "ros", "service", verb, "--timeout", "5s", service) // its daemon may be stopped, too
		}},
		{"change", 12, func(s *soak, _ string) {
			s.try("web", "ros", "config", "set", "--yes", "rancher.services.web.environment", fmt.Sprintf("[ROUND=%d]", s.dice.IntN(1000)))
		}},
		{"kill User Docker", 1, func(s *soak, _ string) { s.try("docker", "system-docker", "kill", "docker") }},
		{"kill System Docker", 1, func(s *soak, _ string) { s.killAll("/usr/bin/dockerd", "system-docker.json") }},
		{"kill the controller", 1, func(s *soak, _ string) {
			if s.killed {
				s.killAll("/usr/bin/ros controller", "")
			}
		}},
	}
}

// TestSoak meddles with a machine at random, and lets it rest now and then: then all
// has to be well again, and nothing may have leaked.
func TestSoak(t *testing.T) {
	m := NewMachine(t, NS, "whatever is done to a machine, in whatever order, it is well again, and nothing leaks").Start().Load()
	m.Put("/tmp/soaked.yml", soaked)
	m.Ros("config", "merge", "--yes", "-i", "/tmp/soaked.yml")
	m.Eventually("the services are ready", time.Minute, ready("helper", "web", "db", "job"))
	m.Sh("echo kept >/var/lib/docker/volumes/data/_data/mark")
	s := &soak{
		Machine: m, dice: rand.New(rand.NewPCG(*seed, 1)), killed: true, //nolint:gosec // to be repeated
		tally: map[string]int{}, ended: map[string]int{},
	}
	begun := time.Now()
	var first figures
	for n := 1; n <= *operations; n++ {
		s.meddle()
		if n%soakRests == 0 || n == *operations {
			s.rest(n)
		}
		if n == max(soakRests, *operations/2/soakRests*soakRests) {
			s.killed = false // from here on its figures can be compared
			first = s.figures()
		}
	}
	last := s.figures()
	t.Logf("seed %d, %d operations in %s, all well at every rest, the longest until then %.1f s: %v",
		*seed, *operations, time.Since(begun).Round(time.Second), s.worst.Seconds(), s.tally)
	for kind, word := range map[string]string{"kill System Docker": "/usr/bin/dockerd", "kill the controller": "/usr/bin/ros controller"} {
		if s.tally[kind] > 3 && s.tally[word+" killed"] == 0 {
			t.Errorf("%s: %d times, and nothing was killed", kind, s.tally[kind])
		}
	}
	t.Logf("half-way %+v", first)
	t.Logf("at last  %+v", last)
	if last.goroutines > first.goroutines+10 || last.files > first.files+10 || last.mounts > first.mounts+4 {
		t.Error("goroutines, files or mounts leak")
	}
	// Some 47 MB of its program count as resident while it works, and not at rest.
	if heap, resident := last.heap-first.heap, last.resident-first.resident; heap > 16<<20 || resident > 64<<20 {
		t.Errorf("the controller's memory grew by %d MB, its heap by %d MB", resident>>20, heap>>20)
	}
}

// meddle does one thing, and waits a little.
func (s *soak) meddle() {
	all, sum := meddlings(), 0
	for _, a := range all {
		sum += a.weight
	}
	n := s.dice.IntN(sum)
	a := all[slices.IndexFunc(all, func(a meddling) bool { n -= a.weight; return n < 0 })]
	names := s.services()
	service := names[s.dice.IntN(len(names))]
	s.tally[a.name]++
	s.history = append(s.history, time.Now().Format("15:04:05.000 ")+a.name+" "+service)
	a.do(s, service)
	timer := time.NewTimer(time.Duration(s.dice.IntN(300)) * time.Millisecond)
	<-timer.C
}

// userServices are those that run in User Docker.
func userServices() []string { return []string{"db", "job", "web"} }

func (s *soak) services() []string {
	return slices.Concat(defaults(), []string{"helper"}, userServices())
}

// try runs a command that may fail, since what it is about may just be changed.
func (s *soak) try(service string, argv ...string) {
	s.ended[service]++
	begun := time.Now()
	r := s.Try("init", argv...)
	if took := time.Since(begun); took > 10*time.Second {
		s.t.Logf("%q took %s, and ended with %d: %s%s\n%s", argv, took.Round(time.Second), r.Code, r.Stdout, r.Stderr, s.Try("init", "tail", "-n", "40", "/var/log/ros.log").Stdout)
	}
}

// docker runs a command of the Docker that a service is in.
func (s *soak) docker(service string, argv ...string) {
	program := "system-docker"
	if slices.Contains(userServices(), service) {
		program = "docker"
	}
	s.try(service, append([]string{program}, argv...)...)
}

// killAll kills the processes with that beginning of the command line and that word
// in it. It counts those that it killed: a process may just be waiting to be started.
func (s *soak) killAll(prefix, word string) {
	r := s.Try("init", "sh", "-c", `for p in /proc/[0-9]*; do
		case "$(tr '\0' ' ' <$p/cmdline 2>/dev/null)" in "`+prefix+`"*"`+word+`"*) kill -9 ${p#/proc/} && echo killed;; esac
	done`)
	s.tally[prefix+" killed"] += strings.Count(r.Stdout, "killed")
}

// rest takes back what the user asked for, waits until all is well, and judges.
func (s *soak) rest(n int) {
	s.t.Helper()
	begun := time.Now()
	fail := func(err error) {
		s.t.Fatalf("seed %d, after %d operations: %v\nsince the last rest:\n%s\n%s", *seed, n, err,
			strings.Join(s.history, "\n"), s.Try("init", "ros", "status").Stdout)
	}
	for {
		st, err := s.status()
		if err == nil {
			s.forgive(st)
			err = errors.Join(converged(st), s.wrong(st))
		}
		if err == nil {
			break
		}
		if time.Since(begun) > 3*time.Minute {
			fail(err)
		}
		timer := time.NewTimer(250 * time.Millisecond)
		<-timer.C
	}
	s.worst = max(s.worst, time.Since(begun))
	s.history = nil
	if n%500 == 0 {
		s.t.Logf("%d operations: %+v", n, s.figures())
	}
}

// forgive starts what a user has stopped, what waits after failures, and a job that
// was ended: nobody asked for it to be tried again.
func (s *soak) forgive(st Status) {
	for _, x := range st.Services {
		if slices.Contains([]string{"stopped", "backoff", "crash-loop", "failed"}, x.State) {
			s.try(x.Name, "ros", "service", "start", x.Name)
		}
	}
}

// wrong says how the machine differs from what it should be.
func (s *soak) wrong(st Status) error {
	var err error
	for program, want := range map[string][]string{
		"system-docker": append(defaults(), "helper"), "docker": userServices(),
	} {
		r := s.Try("init", program, "ps", "-a", "--format", "{{.Names}}")
		got := strings.Fields(r.Stdout)
		slices.Sort(got)
		if slices.Sort(want); !slices.Equal(got, want) {
			err = errors.Join(err, fmt.Errorf("%s has %q, not %q: %s", program, got, want, r.Stderr))
		}
	}
	if r := s.Try("init", "cat", "/var/lib/docker/volumes/data/_data/mark"); strings.TrimSpace(r.Stdout) != "kept" {
		err = errors.Join(err, fmt.Errorf("the volume lost its data: %q %s", r.Stdout, r.Stderr))
	}
	for _, x := range st.Services {
		if x.Restarts > s.ended[x.Name] {
			err = errors.Join(err, fmt.Errorf("%s was restarted %d times, for %d reasons", x.Name, x.Restarts, s.ended[x.Name]))
		}
	}
	running := strings.Fields(s.Try("init", "sh", "-c", "system-docker ps -q; docker ps -q").Stdout)
	if shims := s.processes("/usr/bin/containerd-shim-runc-v2"); len(shims) != len(running) {
		err = errors.Join(err, fmt.Errorf("%d shims for %d containers", len(shims), len(running)))
	}
	return err
}

// figures is what the controller uses, and the machine has.
type figures struct {
	goroutines, files, heap, resident, mounts int
}

func (s *soak) figures() figures {
	s.t.Helper()
	wanted := map[string]*int{}
	var f figures
	wanted["go_goroutines"], wanted["process_open_fds"] = &f.goroutines, &f.files
	wanted["go_memstats_heap_alloc_bytes"], wanted["process_resident_memory_bytes"] = &f.heap, &f.resident
	text := s.Sh("wget -qO- http://127.0.0.1:9101/metrics")
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if to := wanted[name]; to != nil {
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				s.t.Fatal(err)
			}
			*to = int(v)
			delete(wanted, name)
		}
	}
	if len(wanted) > 0 {
		s.t.Fatalf("the metrics lack %q:\n%s", slices.Collect(maps.Keys(wanted)), text)
	}
	f.mounts, _ = strconv.Atoi(strings.TrimSpace(s.Try("init", "sh", "-c", "wc -l </proc/1/mountinfo").Stdout))
	return f
}
