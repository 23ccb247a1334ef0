package plan

import (
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/ros-os/ros/compose"
)

// IsMachineImage says whether an image comes with the machine, and is loaded
// instead of pulled.
func IsMachineImage(ref string) bool { return strings.HasPrefix(ref, "ros/") }

// needImage makes the branch begin with the image, when the daemon lacks it or
// its policy asks for a newer one. It says whether there will be an image.
func (p *planner) needImage(v *view, b *branch) bool {
	ref := v.svc.Spec.Image
	switch lacks := p.lacksImage(v); {
	case lacks && p.have.Daemons[v.svc.Scope].Untagged[ref] != "":
		b.image = &Step{
			Verb: Tag, Image: ref, From: p.have.Daemons[v.svc.Scope].Untagged[ref],
			Cause: "image " + ref + " lost its name",
		}
	case lacks && IsMachineImage(ref):
		b.image = &Step{Verb: Load, Image: ref, Cause: "image " + ref + " is missing"}
	case lacks && p.neverPulls(v):
		if v.svc.Builds() {
			v.standing.Problem = "image " + ref + " is not there: 'ros service build " + v.svc.Key() + "' builds it"
		} else {
			v.standing.Problem = "image " + ref + " is not there, and pull_policy never keeps it from being fetched"
		}
		v.standing.Stuck = true
		if v.main == nil {
			v.standing.State = StateFailed
		}
		return false
	case lacks:
		b.image = &Step{Verb: Pull, Image: ref, Cause: "image " + ref + " is missing"}
	case v.svc.Spec.PullPolicy == types.PullPolicyAlways && p.mayRenew(v):
		b.image = renewal(v)
	default:
		p.renew(v, b)
	}
	return true
}

func (p *planner) lacksImage(v *view) bool {
	return p.have.Daemons[v.svc.Scope].Images[v.svc.Spec.Image] == ""
}

func (p *planner) neverPulls(v *view) bool {
	return (v.svc.Spec.PullPolicy == types.PullPolicyNever || v.svc.Builds()) && !IsMachineImage(v.svc.Spec.Image)
}

// renew pulls an image that is there and has become older than the service's
// policy allows.
func (p *planner) renew(v *view, b *branch) {
	policy, every, err := v.svc.Spec.GetPullPolicy()
	tagged := p.have.Daemons[v.svc.Scope].Tagged[v.svc.Spec.Image]
	if err != nil || policy != types.PullPolicyRefresh || every <= 0 || tagged.IsZero() || !p.mayRenew(v) {
		return
	}
	age := p.now.Sub(tagged)
	if age >= 0 && age < every { // else the clock was set back
		p.wakeAt(tagged.Add(every))
		return
	}
	b.image = renewal(v)
}

// mayRenew says whether a newer image is asked for. After a failure what is there
// has to do for a while: nobody's service waits for a registry that is away.
func (p *planner) mayRenew(v *view) bool {
	f := recent(v.mem.Failures, p.now)
	if len(f) > 0 {
		p.wakeAt(f[len(f)-1].Add(crashWindow))
	}
	return len(f) == 0 && !IsMachineImage(v.svc.Spec.Image)
}

func renewal(v *view) *Step {
	return &Step{Verb: Pull, Image: v.svc.Spec.Image, Cause: "pull_policy " + v.svc.Spec.PullPolicy}
}

// stranded says whether a service has only an outdated container that does not
// run, while the image of the new one cannot be had: the machine is off line.
func (p *planner) stranded(v *view) bool {
	if v.main.State != Exited && v.main.State != Created {
		return false
	}
	next, _ := p.next(v)
	return next == nil && p.lacksImage(v) && (p.neverPulls(v) || p.sane(v.mem.NotBefore).After(p.now) || p.networkAway(v))
}

// networkService brings the machine's network up.
const networkService = "network"

const networkWait = networkService + " to be ready"

// networkAway says whether the service's image cannot be had yet, since the network
// is still to come. A network that does not come is not waited for.
func (p *planner) networkAway(v *view) bool {
	n := p.views[networkService]
	if n == nil || n.svc.Scope != compose.System || isLocal(v.svc.Spec.Image) || p.reaches(n, v, map[*view]bool{}) {
		return false
	}
	s := p.stand(n)
	return !s.Ready && !s.Stuck
}

// isLocal says whether no network is needed for an image: it comes with the machine,
// or from a registry on it.
func isLocal(ref string) bool {
	host, _, _ := strings.Cut(ref, "/")
	name, _, _ := strings.Cut(host, ":")
	return IsMachineImage(ref) || host != ref && (name == "localhost" || strings.HasPrefix(name, "127."))
}

// reaches says whether one service needs another, or is it.
func (p *planner) reaches(from, to *view, seen map[*view]bool) bool {
	if from == nil || seen[from] {
		return false
	}
	seen[from] = true
	return from == to || slices.ContainsFunc(from.svc.Needs, func(d compose.Dependency) bool {
		return p.reaches(p.views[d.Service], to, seen)
	})
}

// standIn runs the outdated container until the next attempt.
func (p *planner) standIn(v *view, b *branch) {
	v.standsIn = true
	switch {
	case v.svc.CreateOnly:
	case v.main.State == Created, p.verdict(v, v.main) == firstThisBoot:
		p.start(v, b, "stands in until image "+v.svc.Spec.Image+" can be had", nil)
	default:
		p.exited(v, b)
	}
	if p.neverPulls(v) {
		p.needImage(v, b) // says what is wrong
		return
	}
	if p.networkAway(v) {
		v.standing.Waiting = append(v.standing.Waiting, networkWait)
		return
	}
	p.wakeAt(v.mem.NotBefore) // for the image
	v.standing.Problem = v.mem.LastError
}
