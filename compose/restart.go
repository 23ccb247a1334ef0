package compose

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// readRestart reads the policy that the controller applies. Where none is
// written a service that keeps running is always restarted, and one that exits
// when done, or is never started, is not. The container itself restarts never.
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
	case d.svc.OneShot || d.svc.CreateOnly:
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
// that a controller keeps: several copies, profiles, Swarm's settings.
func (d *draft) simplify() {
	spec := &d.svc.Spec
	if spec.GetScale() != 1 {
		key := "scale"
		if spec.Scale == nil {
			key = "deploy"
		}
		d.fail(d.tree.posOf(key), d.at.below(key), "a service is one container here", "define several services, or remove it")
	}
	spec.Scale = nil
	if len(spec.Profiles) > 0 {
		d.inactive = true
		d.warn(d.tree.posOf("profiles"), d.at.below("profiles"), "no profile is active: the service is left out", "remove profiles")
	}
	if spec.Deploy != nil {
		kept := types.DeployConfig{Resources: spec.Deploy.Resources}
		spec.Deploy = nil
		if kept.Resources.Limits != nil || kept.Resources.Reservations != nil {
			spec.Deploy = &kept
		}
	}
	switch spec.PullPolicy {
	case "", types.PullPolicyAlways, types.PullPolicyNever, types.PullPolicyMissing:
	case types.PullPolicyIfNotPresent:
		spec.PullPolicy = types.PullPolicyMissing
	default:
		d.fail(d.tree.posOf("pull_policy"), d.at.below("pull_policy"), fmt.Sprintf("not supported yet: %q", spec.PullPolicy),
			"policies are always, missing and never")
	}
}
