package servicectl

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ros-os/ros/servicectl/journal"
)

// metricsType is the text format of Prometheus.
const metricsType = "text/plain; version=0.0.4; charset=utf-8"

// writeMetrics writes what the controller counts, and how the services stand, in
// the text format of Prometheus.
func (c *Controller) writeMetrics(w io.Writer) error {
	var m metricsText
	c.statusMetrics(&m)
	c.counts.metrics(&m)
	if meter, can := c.opts.Engine.(PullMeter); can {
		m.family("ros_pull_bytes_total", "counter", "Bytes that pulls have brought from registries into a Docker daemon.")
		for _, scope := range scopes {
			m.value("ros_pull_bytes_total", float64(meter.PulledBytes(scope)), "scope", string(scope))
		}
	}
	processMetrics(&m)
	_, err := io.WriteString(w, m.text.String())
	return err
}

// statusMetrics are how everything stands at this moment.
func (c *Controller) statusMetrics(m *metricsText) {
	c.mu.Lock()
	st, branches := c.status, len(c.branches)
	up := map[string]bool{}
	for scope, o := range c.observers {
		up[string(scope)] = o.daemon.Available
	}
	c.mu.Unlock()
	m.family("ros_state", "gauge", "1 for the state that the machine is in.")
	for _, s := range []string{Converged, Converging, Degraded} {
		m.value("ros_state", truth(st.State == s), "state", s)
	}
	m.family("ros_docker_up", "gauge", "Whether a Docker daemon answers.")
	for _, scope := range slices.Sorted(maps.Keys(up)) {
		m.value("ros_docker_up", truth(up[scope]), "scope", scope)
	}
	m.family("ros_problems", "gauge", "Problems that the status shows.")
	m.value("ros_problems", float64(len(st.Problems)))
	m.family("ros_branches", "gauge", "Services with steps under way.")
	m.value("ros_branches", float64(branches))
	states, ready := map[string]float64{}, 0.0
	for _, s := range st.Services {
		states[s.State]++
		ready += truth(s.Ready)
	}
	m.family("ros_services", "gauge", "Services by state.")
	for _, s := range slices.Sorted(maps.Keys(states)) {
		m.value("ros_services", states[s], "state", s)
	}
	m.family("ros_services_ready", "gauge", "Services that are ready.")
	m.value("ros_services_ready", ready)
	m.family("ros_service_ready", "gauge", "Whether a service is ready.")
	for _, s := range st.Services {
		m.value("ros_service_ready", truth(s.Ready), "service", s.Name, "scope", s.Scope)
	}
}

// metrics are what was counted since the controller began.
func (c *counters) metrics(m *metricsText) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m.family("ros_convergence_seconds", "summary", "How long it took until the machine had converged.")
	m.total("ros_convergence_seconds", c.converged)
	m.family("ros_last_convergence_seconds", "gauge", "How long it took the last time.")
	m.value("ros_last_convergence_seconds", c.lastTook)
	m.family("ros_operation_seconds", "summary", "Steps made, by kind and result.")
	keys := slices.SortedFunc(maps.Keys(c.operations), func(a, b operationKey) int {
		return cmp.Or(cmp.Compare(a.verb, b.verb), cmp.Compare(a.result, b.result))
	})
	for _, k := range keys {
		m.total("ros_operation_seconds", c.operations[k], "kind", string(k.verb), "result", resultOf(k.result))
	}
	m.family("ros_service_restarts_total", "counter", "Starts of a service after it failed.")
	for _, name := range slices.Sorted(maps.Keys(c.restarts)) {
		m.value("ros_service_restarts_total", float64(c.restarts[name]), "service", name)
	}
	m.family("ros_loop_lag_seconds", "summary", "Time from a reason to look until the loop looks.")
	m.total("ros_loop_lag_seconds", c.lag)
	m.family("ros_pass_seconds", "summary", "Passes of the loop.")
	m.total("ros_pass_seconds", c.passes)
	m.family("ros_wakes_total", "counter", "Passes made because something happened, and not by the clock.")
	m.value("ros_wakes_total", float64(c.wakes))
}

// resultOf is how a step ended, as a label.
func resultOf(k journal.Kind) string {
	switch k {
	case journal.Done:
		return "ok"
	case journal.Failed:
		return "error"
	case journal.BrokenOff, journal.Begin, journal.Interrupted, journal.Config, journal.Controller, journal.CrashLoop,
		journal.Daemon, journal.Intent, journal.State:
	}
	return "broken-off"
}

// metricsText is text in the making.
type metricsText struct{ text strings.Builder }

// family begins the values of one name.
func (m *metricsText) family(name, kind, help string) {
	fmt.Fprintf(&m.text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// value is one value; labels are names and values in turn.
func (m *metricsText) value(name string, v float64, labels ...string) {
	m.text.WriteString(name)
	for i := 0; i+1 < len(labels); i += 2 {
		sep := ","
		if i == 0 {
			sep = "{"
		}
		fmt.Fprintf(&m.text, `%s%s="%s"`, sep, labels[i], labelEscaper().Replace(labels[i+1]))
	}
	if len(labels) > 0 {
		m.text.WriteByte('}')
	}
	m.text.WriteString(" " + strconv.FormatFloat(v, 'g', -1, 64) + "\n")
}

// total is the two values of a summary without quantiles.
func (m *metricsText) total(name string, t total, labels ...string) {
	m.value(name+"_sum", t.seconds, labels...)
	m.value(name+"_count", float64(t.n), labels...)
}

func labelEscaper() *strings.Replacer { return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`) }

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
