//go:build integration && bench

package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
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
	for range rounds {
		t.Run("ns", func(t *testing.T) { benchNamespaced(t, note) })
		t.Run("vm", func(t *testing.T) { benchVirtual(t, note) })
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

func benchVirtual(t *testing.T, note func(string, float64)) {
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
	for name, at := range readinesses(m) {
		note("vm: kernel start → "+name+", s (±1)", at)
	}
	var used float64
	if _, err := fmt.Sscan(m.Sh("free -m | awk '/^Mem:/{print $2 - $7}'"), &used); err != nil {
		t.Fatal(err)
	}
	note("vm: memory in use, MB", used)
	var controller float64
	if _, err := fmt.Sscan(m.Sh("awk '/^VmRSS/{print $2/1024}' /proc/$(pgrep -xf 'ros controller')/status"), &controller); err != nil {
		t.Fatal(err)
	}
	note("vm: the controller's memory, MB", controller)
}

// readinesses are the seconds from the start of the kernel until services were
// ready and the machine was converged, as the controller's log tells them.
func readinesses(m *Machine) map[string]float64 {
	m.t.Helper()
	var now, up float64
	if _, err := fmt.Sscan(m.Sh("date +%s; cut -d' ' -f1 /proc/uptime"), &now, &up); err != nil {
		m.t.Fatal(err)
	}
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
			at[name] = float64(when.Unix()) - (now - up)
		}
	}
	return at
}
