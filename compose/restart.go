package compose

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
)

// readRestart reads the policy that the controller applies. Where none is
// written a service that keeps running is always restarted, and one that exits
// when done, is never started, or is started by its schedule, is not. The
// container itself restarts never.
func (d *draft) readRestart() {
	spec := &d.svc.Spec
	value := spec.Restart
	spec.Restart = types.RestartPolicyNo
	switch {
	case value != "":
		r, ok := parseRestart(value)
		if !ok {
			d.fail(d.tree.posOf("restart"), d.at.below("restart"), fmt.Sprintf("unknown policy %q", value),
				`policies are "no", always, unless-stopped, on-failure and on-failure:COUNT`)
		}
		d.svc.Restart = r
	case spec.Deploy != nil && spec.Deploy.RestartPolicy != nil:
		d.svc.Restart = swarmRestart(spec.Deploy.RestartPolicy)
	case d.svc.OneShot || d.svc.CreateOnly || d.svc.Schedule.starts():
		d.svc.Restart = Restart{Mode: RestartNo}
	default:
		d.svc.Restart = Restart{Mode: RestartAlways}
	}
}

func parseRestart(value string) (Restart, bool) {
	mode, count, counted := strings.Cut(value, ":")
	switch r := (Restart{Mode: RestartMode(mode)}); r.Mode {
	case RestartNo, RestartAlways, RestartUnlessStopped:
		return r, !counted
	case RestartOnFailure:
		if !counted {
			return r, true
		}
		n, err := strconv.Atoi(count)
		r.Max = n
		return r, err == nil && n >= 0
	}
	return Restart{}, false
}

// swarmRestart is deploy's own form of the policy.
func swarmRestart(p *types.RestartPolicy) Restart {
	var r Restart
	switch p.Condition {
	case "none":
		return Restart{Mode: RestartNo}
	case "on-failure":
		r.Mode = RestartOnFailure
		if p.MaxAttempts != nil {
			r.Max = int(min(*p.MaxAttempts, 1<<30))
		}
	default:
		r.Mode = RestartAlways
	}
	return r
}

// simplify takes out of the specification what has no meaning for one container
// that a controller keeps: Swarm's settings.
func (d *draft) simplify() {
	spec := &d.svc.Spec
	d.scale, d.scaled = spec.GetScale(), "scale"
	if spec.Scale == nil {
		d.scaled = "deploy"
	}
	spec.Scale = nil
	if spec.Deploy != nil {
		kept := types.DeployConfig{Resources: spec.Deploy.Resources}
		spec.Deploy = nil
		if kept.Resources.Limits != nil || kept.Resources.Reservations != nil {
			spec.Deploy = &kept
		}
	}
	switch spec.PullPolicy {
	case types.PullPolicyIfNotPresent:
		spec.PullPolicy = types.PullPolicyMissing
	case types.PullPolicyBuild:
		if spec.Build == nil && !d.builds {
			d.fail(d.tree.posOf("pull_policy"), d.at.below("pull_policy"), "the service has no build", "say from what its image is built, or pull it")
		}
	default:
		d.checkPullPolicy()
	}
}

// mostOften is how often an image may be pulled by itself: registries count.
const mostOften = time.Minute

// checkPullPolicy refuses policies that Compose would take for none.
func (d *draft) checkPullPolicy() {
	written := d.svc.Spec.PullPolicy
	policy, every, err := d.svc.Spec.GetPullPolicy()
	switch {
	case err == nil && policy == types.PullPolicyRefresh && every >= mostOften:
	case err == nil && (written == "" || written == policy):
	case err == nil && policy == types.PullPolicyRefresh:
		d.fail(d.tree.posOf("pull_policy"), d.at.below("pull_policy"), fmt.Sprintf("%q is too often", written), "every_1m is the most")
	default:
		d.fail(d.tree.posOf("pull_policy"), d.at.below("pull_policy"), fmt.Sprintf("there is no policy %q", written),
			"policies are always, missing, never, daily, weekly and every_ with a duration, such as every_12h")
	}
}
