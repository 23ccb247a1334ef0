//go:build integration && bench

package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// rounds is how often each kind of machine is measured; medians are printed.
const rounds = 5

// TestBench measures and prints; it judges nothing. Seconds of an emulated
// machine count from the start of its kernel.
func TestBench(t *testing.T) {
	figures := map[string][]float64{}
	note := func(name string, value float64) { figures[name] = append(figures[name], value) }
	peers := []peer{newPrototype(t), newDebian(t)}
	for range rounds {
		t.Run("ns", func(t *testing.T) { benchNamespaced(t, note) })
		var converged float64
		t.Run("vm", func(t *testing.T) { converged = benchVirtual(t, note) })
		t.Run("small vm", func(t *testing.T) { benchSmall(t, note) })
		for _, p := range peers {
			t.Run(p.name, func(t *testing.T) {
				seconds := p.boot(t)
				note(p.name+": kernel start → ten containers, s", seconds)
				note("vm: converged, divided by that of "+p.name, converged/seconds)
			})
		}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "figure\tmin\tmedian\tmax")
	names := make([]string, 0, len(figures))
	for name := range figures {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		all := slices.Sorted(slices.Values(figures[name]))
		fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.2f\n", name, all[0], all[len(all)/2], all[len(all)-1])
	}
	for _, file := range []string{"vmlinuz", "initrd"} {
		info, err := os.Stat(shop.image + "/" + file)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(w, "size of %s, MB\t\t%.1f\t\n", file, float64(info.Size())/1e6)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

func benchNamespaced(t *testing.T, note func(string, float64)) {
	m := NewMachine(t, NS, "start to ready, in namespaces")
	begin := time.Now()
	m.Start()
	note("ns: start → ready, s", time.Since(begin).Seconds())
}

// benchVirtual returns the seconds until the machine was converged.
func benchVirtual(t *testing.T, note func(string, float64)) float64 {
	m := NewMachine(t, VM, "kernel start to ready, emulated").Start()
	var boot struct {
		Phases []struct {
			Name            string
			Begin, Duration float64
		}
	}
	if err := json.Unmarshal([]byte(m.Exec("cat", "/run/ros/boot.json")), &boot); err != nil {
		t.Fatal(err)
	}
	for _, p := range boot.Phases {
		if strings.Contains(p.Name, "System Docker") {
			note("vm: kernel start → "+p.Name+" done, s", p.Begin+p.Duration)
		}
	}
	ready := readinesses(m)
	for name, at := range ready {
		note("vm: kernel start → "+name+", s (±1)", at)
	}
	benchMemory(m, "vm", note)
	// There is another `ros` in this very session.
	const controller = `for p in $(pidof ros); do grep -q controller /proc/$p/cmdline && awk '/^VmRSS/{print $2/1024}' /proc/$p/status; done`
	note("vm: the controller's memory, MiB", scan(m, controller)[0])
	return ready["converged"]
}

// benchSmall notes what a machine has left that is as small as one may be.
func benchSmall(t *testing.T, note func(string, float64)) {
	m := NewMachine(t, VM, "a machine of 512 MiB").Flags("--memory", "512").Start()
	note("vm of 512 MiB: kernel start → converged, s (±1)", readinesses(m)["converged"])
	benchMemory(m, "vm of 512 MiB", note)
}

func benchMemory(m *Machine, kind string, note func(string, float64)) {
	free := scan(m, "free -m | awk '/^Mem:/{print $2, $3, $4, $7}'")
	for i, column := range []string{"total", "used", "free", "available"} {
		note(kind+": free -m, "+column, free[i])
	}
}

// scan runs a script that prints numbers.
func scan(m *Machine, script string) []float64 {
	m.t.Helper()
	var numbers []float64
	for _, word := range strings.Fields(m.Sh(script)) {
		n, err := strconv.ParseFloat(word, 64)
		if err != nil {
			m.t.Fatalf("%s: %v", script, err)
		}
		numbers = append(numbers, n)
	}
	if len(numbers) == 0 {
		m.t.Fatalf("%s printed nothing", script)
	}
	return numbers
}

// readinesses are the seconds from the start of the kernel until services were
// ready and the machine was converged, as the controller's log tells them.
func readinesses(m *Machine) map[string]float64 {
	m.t.Helper()
	clock := scan(m, "date +%s; cut -d' ' -f1 /proc/uptime")
	begin := clock[0] - clock[1]
	line := regexp.MustCompile(`time="([^"]*)" level=info msg="(is running|the machine is converged)"(?: service=(\w+))?`)
	at := map[string]float64{}
	for _, found := range line.FindAllStringSubmatch(m.Exec("cat", "/var/log/ros.log"), -1) {
		when, err := time.Parse(time.RFC3339, found[1])
		if err != nil {
			m.t.Fatal(err)
		}
		name := found[3] + " ready"
		if found[3] == "" {
			name = "converged"
		}
		if _, known := at[name]; !known {
			at[name] = float64(when.Unix()) - begin
		}
	}
	return at
}
