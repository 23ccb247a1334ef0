package compose

import (
	"fmt"
	stdpath "path"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/ros-os/ros/cloudconfig"
)

// Labels by which a definition tells the controller what to do.
const (
	LabelAfter       = "io.rancher.os.after"        // comma list: start after these
	LabelBefore      = "io.rancher.os.before"       // comma list: start before these
	LabelDetach      = "io.rancher.os.detach"       // "false": exits when done
	LabelCreateOnly  = "io.rancher.os.createonly"   // "true": is never started
	LabelReady       = "io.rancher.os.ready"        // see [Ready]
	LabelOnUnhealthy = "io.rancher.os.on_unhealthy" // see [OnUnhealthy]
	LabelConfig      = "io.rancher.os.config"       // comma list of paths of the configuration: recreate when they change
)

// OnUnhealthy is what is done when a service's health check fails.
type OnUnhealthy string

// The values of [LabelOnUnhealthy].
const (
	RestartUnhealthy OnUnhealthy = "restart" // unless the label says otherwise
	NotifyUnhealthy  OnUnhealthy = "notify"  // nothing is done, but the machine is degraded
	AcceptUnhealthy  OnUnhealthy = "none"    // it is shown, and that is all
)

// OnUnhealthy is what is done when the service's health check fails.
func (s *Service) OnUnhealthy() OnUnhealthy {
	if what := strings.TrimSpace(s.Spec.Labels[LabelOnUnhealthy]); what != "" {
		return OnUnhealthy(what)
	}
	return RestartUnhealthy
}

const osLabels = "io.rancher.os."

// ownLabels are written by the controller only.
var ownLabels = []string{LabelManaged, LabelService, LabelHash, LabelFields}

// knownLabels are all below io.rancher.os that a definition may have; some had a
// meaning in RancherOS only.
var knownLabels = []string{
	LabelAfter, LabelBefore, LabelConfig, osLabels + "console", LabelCreateOnly, LabelDetach,
	LabelOnUnhealthy, LabelReady, osLabels + "reloadconfig", LabelScope,
}

// readLabels gives labels their meaning.
func (b *builder) readLabels(d *draft) {
	labels := d.svc.Spec.Labels
	d.svc.Scope = User
	if labels[LabelScope] == string(System) {
		d.svc.Scope = System
		if d.project != nil {
			d.svc.Scope = User
			d.fail(d.labelPos(LabelScope), d.at.below("labels"), "projects run in User Docker",
				"define the service in rancher.services, or remove the label "+LabelScope)
		}
	}
	d.svc.OneShot = labels[LabelDetach] == "false"
	d.svc.CreateOnly = labels[LabelCreateOnly] == "true"
	d.checkLabels()
	d.readReady()
	all := []OnUnhealthy{RestartUnhealthy, NotifyUnhealthy, AcceptUnhealthy}
	if what := d.svc.OnUnhealthy(); !slices.Contains(all, what) {
		d.fail(d.labelPos(LabelOnUnhealthy), d.at.below("labels"), fmt.Sprintf("%s: unknown value %q", LabelOnUnhealthy, what),
			"write restart, notify or none")
	}
	for _, p := range list(labels[LabelConfig]) {
		text, ok := b.configText(p)
		if !ok {
			d.fail(d.labelPos(LabelConfig), d.at.below("labels"), fmt.Sprintf("%s: there is no %q in the configuration", LabelConfig, p), "")
			continue
		}
		d.configs = append(d.configs, configField{path: p, text: text})
	}
}

// cronLabels begin as those of a schedule do.
const cronLabels = "cron."

// scheduleLabels are all that begin so.
var scheduleLabels = []string{LabelSchedule, LabelScheduleAction, LabelScheduleTimeout}

// labelValues are the values that labels with a few may have. Anything else counts
// as the first, as in RancherOS.
var labelValues = map[string][]string{
	LabelScope: {string(User), string(System)}, LabelDetach: {"true", "false"}, LabelCreateOnly: {"false", "true"},
}

func (d *draft) checkLabels() {
	for name := range d.svc.Spec.Labels {
		switch {
		case slices.Contains(ownLabels, name):
			d.fail(d.labelPos(name), d.at.below("labels"), fmt.Sprintf("label %q is the controller's own", name), "remove it")
		case strings.HasPrefix(name, osLabels) && !slices.Contains(knownLabels, name):
			d.warn(d.labelPos(name), d.at.below("labels"), fmt.Sprintf("unknown label %q", name), didYouMean(name, knownLabels))
		case strings.HasPrefix(name, cronLabels) && !slices.Contains(scheduleLabels, name):
			d.warn(d.labelPos(name), d.at.below("labels"), fmt.Sprintf("unknown label %q", name), didYouMean(name, scheduleLabels))
		}
	}
	for name, known := range labelValues {
		if value, given := d.svc.Spec.Labels[name]; given && !slices.Contains(known, value) {
			d.warn(d.labelPos(name), d.at.below("labels"), fmt.Sprintf("%s: unknown value %q counts as %s", name, value, known[0]),
				"write "+strings.Join(known, " or "))
		}
	}
}

// healthTests are what a list that is a health check's test may begin with.
var healthTests = []string{"CMD", "CMD-SHELL", "NONE"}

// checkHealth takes out a health check that Docker would take and never make: nobody
// would ever be healthy, nor anybody's dependents begin.
func (d *draft) checkHealth() {
	h := d.svc.Spec.HealthCheck
	if h == nil || len(h.Test) == 0 || slices.Contains(healthTests, h.Test[0]) {
		return
	}
	d.warn(d.tree.get("healthcheck").posOf("test"), d.at.below("healthcheck").below("test"),
		fmt.Sprintf("expected CMD, CMD-SHELL or NONE, found %q: nothing is checked", shorten(h.Test[0], 40)),
		"write CMD before a program and its arguments")
	none := *h
	none.Test = types.HealthCheckTest{"NONE"}
	d.svc.Spec.HealthCheck = &none
}

// readReady decides how readiness is observed.
func (d *draft) readReady() {
	d.checkHealth()
	value, given := d.svc.Spec.Labels[LabelReady]
	if !given {
		if h := d.svc.Spec.HealthCheck; h != nil && !h.Disable && len(h.Test) > 0 && h.Test[0] != "NONE" {
			d.svc.Ready = Ready{Kind: ReadyHealth}
		}
		return
	}
	kind, target, _ := strings.Cut(value, ":")
	ready := Ready{Kind: ReadyKind(kind), Target: target}
	ok := false
	switch ready.Kind {
	case ReadyTCP:
		port, err := strconv.Atoi(target)
		ok = err == nil && port >= 1 && port <= 65535
	case ReadyUnix, ReadyFile:
		ok = stdpath.IsAbs(target)
	case ReadyExec:
		ok = strings.TrimSpace(target) != ""
	case ReadyRunning, ReadyHealth:
	}
	if !ok {
		d.fail(d.labelPos(LabelReady), d.at.below("labels"), fmt.Sprintf("%s: %q is not a check", LabelReady, value),
			"write tcp:PORT, unix:/PATH, file:/PATH or exec:COMMAND")
		return
	}
	d.svc.Ready = ready
}

// labelPos is where a label is written.
func (d *draft) labelPos(name string) cloudconfig.Pos {
	labels := d.tree.get("labels")
	if labels == nil {
		return d.svc.Origin
	}
	return labels.pairs().posOf(name)
}

// list splits a comma list.
func list(s string) []string {
	var out []string
	for _, item := range strings.Split(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}
