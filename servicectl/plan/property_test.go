package plan_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"pgregory.net/rapid"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/internal/engine/enginetest"
	"github.com/ros-os/ros/servicectl/plan"
)

var scopes = []compose.Scope{compose.System, compose.User}

// world is one random case.
type world struct {
	want   compose.Project
	memory map[string]plan.Memory
	have   map[compose.Scope][]plan.Container
	images map[compose.Scope][]string

	begun    time.Time
	networks map[compose.Scope][]plan.Network
	volumes  map[compose.Scope][]plan.Volume
}

func TestEveryWorldIsLedToTheWantedOne(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		var err error
		synctest.Test(t, func(t *testing.T) { err = w.converge(t) })
		if err != nil {
			rt.Fatal(err)
		}
	})
}

func TestAPlanDependsOnItsArgumentsAlone(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		var first, second plan.Plan
		synctest.Test(t, func(t *testing.T) {
			f := w.engine()
			have := w.observe(t, f)
			first, second = plan.Make(w.want, have, time.Now()), plan.Make(w.want, have, time.Now())
		})
		if first.String() != second.String() {
			rt.Fatalf("two plans:\n%s\n%s", first, second)
		}
		for i, s := range first.Steps {
			if s.ID != i+1 || s.Cause == "" || s.Deadline <= 0 {
				rt.Fatalf("step %d: %+v", i, s)
			}
			for _, a := range s.After {
				if a >= s.ID {
					rt.Fatalf("step %d comes after %d", s.ID, a)
				}
			}
		}
	})
}

func drawWorld(rt *rapid.T) *world {
	names := []string{"a", "b", "c", "d", "e"}[:rapid.IntRange(0, 5).Draw(rt, "services")]
	w := &world{
		want:   compose.Project{Services: map[string]compose.Service{}},
		memory: map[string]plan.Memory{},
		have:   map[compose.Scope][]plan.Container{},
		images: map[compose.Scope][]string{},
	}
	for i, name := range names {
		w.want.Services[name] = w.drawPort(rt, drawService(rt, name, names[:i], w.want))
		if rapid.IntRange(0, 5).Draw(rt, "intent") == 0 {
			w.memory[name] = plan.Memory{Intent: plan.Stopped}
		}
	}
	for _, scope := range scopes {
		w.images[scope] = rapid.SliceOfDistinct(rapid.SampledFrom(imageNames), rapid.ID[string]).Draw(rt, "images")
		containers := []string{"a", "b", "c", "d", "e", "x", "a.next", "b.next"}
		for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom(containers), rapid.ID[string]).Draw(rt, "containers") {
			w.have[scope] = append(w.have[scope], drawContainer(rt, name))
		}
	}
	w.drawResources(rt)
	return w
}

var portNumbers = []string{"", "", "7001", "7002", "7003"}

// drawPort may have a service publish a port of the machine that no other has.
func (w *world) drawPort(rt *rapid.T, svc compose.Service) compose.Service {
	port := rapid.SampledFrom(portNumbers).Draw(rt, "port")
	for _, other := range w.want.Services {
		if port == "" || len(other.Spec.Ports) > 0 && other.Spec.Ports[0].Published == port {
			return svc
		}
	}
	svc.Spec.Ports = publish(port)
	svc.Hash += port
	return svc
}

func publish(port string) []types.ServicePortConfig {
	return []types.ServicePortConfig{{Target: 80, Published: port, Protocol: "tcp"}}
}

var imageNames = []string{"one:1", "two:1", "ros/base:1"}

func drawService(rt *rapid.T, name string, before []string, p compose.Project) compose.Service {
	image := rapid.SampledFrom(imageNames).Draw(rt, "image")
	env := rapid.SampledFrom([]string{"", "A=1"}).Draw(rt, "env")
	svc := compose.Service{
		Name: name, Scope: rapid.SampledFrom(scopes).Draw(rt, "scope"),
		Spec: types.ServiceConfig{Name: name, Image: image},
		Hash: hashOf(image, env), Fields: fieldsOf(image, env),
		Restart: compose.Restart{Mode: compose.RestartAlways},
	}
	switch rapid.IntRange(0, 4).Draw(rt, "kind") {
	case 0:
		svc.OneShot = true
	case 1:
		svc.CreateOnly = true
	case 2:
		svc.Ready.Kind = rapid.SampledFrom([]compose.ReadyKind{compose.ReadyHealth, compose.ReadyTCP}).Draw(rt, "ready")
	}
	for _, dep := range before {
		if rapid.IntRange(0, 2).Draw(rt, "edge") > 0 {
			continue
		}
		conditions := []compose.Condition{compose.Started, compose.IsReady}
		if p.Services[dep].OneShot {
			conditions = append(conditions, compose.Completed)
		}
		if !p.Services[dep].OneShot && p.Services[dep].Scope == svc.Scope && svc.Spec.NetworkMode == "" && rapid.Bool().Draw(rt, "joins") {
			svc.Spec.NetworkMode = "service:" + dep
			svc.Needs = append(svc.Needs, compose.Dependency{Service: dep, Condition: compose.Started, Required: true})
			continue
		}
		svc.Needs = append(svc.Needs, compose.Dependency{
			Service:   dep,
			Condition: rapid.SampledFrom(conditions).Draw(rt, "condition"),
			Required:  rapid.Bool().Draw(rt, "required"),
		})
	}
	return svc
}

func drawContainer(rt *rapid.T, name string) plan.Container {
	image := rapid.SampledFrom(imageNames).Draw(rt, "image")
	env := rapid.SampledFrom([]string{"", "A=1"}).Draw(rt, "env")
	c := plan.Container{
		Name: name, Image: image, ImageID: rapid.SampledFrom([]string{"sha256:" + image, "sha256:old"}).Draw(rt, "id"),
		State: rapid.SampledFrom([]plan.State{
			plan.Created, plan.Running, plan.Paused, plan.Exited, plan.Dead,
		}).Draw(rt, "state"),
		ExitCode: rapid.IntRange(0, 1).Draw(rt, "exit"),
		Joined:   rapid.SampledFrom([][]string{nil, {"gone"}, {"a"}}).Draw(rt, "joined"),
	}
	if rapid.IntRange(0, 3).Draw(rt, "managed") > 0 {
		c.Managed, c.Hash, c.Fields = true, hashOf(image, env), fieldsOf(image, env)
		c.Service = rapid.SampledFrom([]string{name[:1], name[:1], name[:1], "a", "x", ""}).Draw(rt, "owner")
		if port := rapid.SampledFrom(portNumbers).Draw(rt, "port"); port != "" {
			c.Ports = []string{port + "/tcp"}
			c.Hash += port
		}
	}
	return c
}

// engine is a fake in the state of the world.
func (w *world) engine() *enginetest.Fake {
	f := enginetest.New()
	now := time.Now()
	w.begun = now.Add(-time.Minute)
	taken := map[string]bool{}
	for _, scope := range scopes {
		for _, ref := range w.images[scope] {
			f.AddImage(scope, ref, "")
		}
		networks := w.addResources(f, scope)
		for i, c := range w.have[scope] {
			if w.want.Services[c.Service].OneShot && (c.State == plan.Running || c.State == plan.Paused) {
				c.State = plan.Exited // nobody here would end it
			}
			c.Created = now.Add(-time.Hour - time.Duration(i)*time.Second)
			switch c.State {
			case plan.Running, plan.Paused:
				c.Started = c.Created
			case plan.Exited:
				c.Started, c.Finished = c.Created, now
			case plan.Created, plan.Dead, plan.Removing, plan.Restarting:
			}
			svc := w.want.Services[c.Service]
			svc.Spec.Ports = nil
			for _, port := range c.Ports {
				if c.State == plan.Running && taken[port] {
					c.State, c.Finished = plan.Exited, now // two cannot have had it
				}
				taken[port] = taken[port] || c.State == plan.Running
				svc.Spec.Ports = publish(strings.TrimSuffix(port, "/tcp"))
			}
			f.Add(scope, w.connect(c, networks), svc)
		}
	}
	return f
}

func (w *world) observe(t *testing.T, f *enginetest.Fake) plan.Observed {
	t.Helper()
	have := plan.Observed{Memory: w.memory, Boot: time.Now().AddDate(0, 0, -9), Daemons: map[compose.Scope]plan.Daemon{}}
	for _, scope := range scopes {
		have.Daemons[scope] = f.Observe(t.Context(), scope, w.want, true)
	}
	return have
}

// converge executes plans until there is nothing to do, and judges the result.
func (w *world) converge(t *testing.T) error {
	t.Helper()
	f := w.engine()
	before := strangers(f, w.want)
	var p plan.Plan
	for range 60 {
		p = plan.Make(w.want, w.observe(t, f), time.Now())
		ran, err := w.execute(t, f, p)
		if err != nil {
			return fmt.Errorf("%w, in the plan\n%s", err, p)
		}
		if ran {
			continue
		}
		if p.Wake.IsZero() {
			break
		}
		time.Sleep(time.Until(p.Wake))
	}
	if err := w.judge(t, f); err != nil {
		return fmt.Errorf("%w\nleft to do:\n%s%s", err, p, standings(p))
	}
	if after := strangers(f, w.want); !slices.Equal(before, after) {
		return fmt.Errorf("others' containers: before %v, after %v", before, after)
	}
	return nil
}

// execute makes the steps that wait for nothing, in order.
func (w *world) execute(t *testing.T, f *enginetest.Fake, p plan.Plan) (ran bool, err error) {
	t.Helper()
	for _, s := range p.Steps {
		if len(s.Waits) > 0 {
			continue
		}
		if s.Failures != nil {
			m := w.memory[s.Service]
			m.Failures, m.Hash = s.Failures, w.want.Services[s.Service].Hash
			w.memory[s.Service] = m
		}
		if err := f.Do(t.Context(), s, w.want.Services[s.Service]); err != nil {
			return ran, err
		}
		ran = true
	}
	return ran, nil
}

// strangers are the IDs of containers that are nobody's business.
func strangers(f *enginetest.Fake, want compose.Project) []string {
	var out []string
	for _, scope := range scopes {
		for _, c := range f.Containers(scope) {
			if svc, wanted := want.Services[c.Name]; !c.Managed && (!wanted || svc.Scope != scope) {
				out = append(out, c.ID+" "+string(c.State))
			}
		}
	}
	return out
}

// judge says what is wrong with a world that should be the wanted one.
func (w *world) judge(t *testing.T, f *enginetest.Fake) error {
	t.Helper()
	var err error
	ours := map[string][]plan.Container{}
	for _, scope := range scopes {
		for _, c := range f.Containers(scope) {
			if !c.Managed {
				continue
			}
			svc, wanted := w.want.Services[c.Service]
			if !wanted {
				err = errors.Join(err, fmt.Errorf("container %s of %q is not wanted", c.ID, c.Service))
				continue
			}
			if svc.Scope != scope && w.memory[c.Service].Intent != plan.Stopped {
				err = errors.Join(err, fmt.Errorf("container %s is in the wrong daemon", c.ID))
			}
			ours[c.Service] = append(ours[c.Service], c)
		}
	}
	for name, svc := range w.want.Services {
		id := f.Observe(t.Context(), svc.Scope, w.want, true).Images[svc.Spec.Image]
		err = errors.Join(err, w.judgeService(svc, ours[name], id), w.judgeJoined(svc, ours))
	}
	return errors.Join(err, w.judgeResources(f))
}

// judgeJoined judges whether a container shares the network of the one that is
// there; a container that does not tell has to be believed. A partner that the user has
// stopped may be under another name, with a stranger under its own: that is put right
// when it is started again.
func (w *world) judgeJoined(svc compose.Service, ours map[string][]plan.Container) error {
	to, joins := strings.CutPrefix(svc.Spec.NetworkMode, "service:")
	stopped := w.memory[svc.Name].Intent == plan.Stopped || w.memory[to].Intent == plan.Stopped
	if !joins || stopped || w.blocked(svc) || len(ours[to]) != 1 || len(ours[svc.Name]) != 1 {
		return nil
	}
	c, partner := ours[svc.Name][0], ours[to][0]
	if len(c.Joined) > 0 && !slices.Contains(c.Joined, partner.ID) && !slices.Contains(c.Joined, partner.Name) {
		return fmt.Errorf("%s is joined to %v, and not to %s", c.ID, c.Joined, partner.ID)
	}
	return nil
}

// judgeService judges a service's containers; imageID is what its reference
// means, empty when the image is not there.
func (w *world) judgeService(svc compose.Service, have []plan.Container, imageID string) error {
	if w.memory[svc.Name].Intent == plan.Stopped {
		for _, c := range have {
			if c.State == plan.Running || c.State == plan.Paused {
				return fmt.Errorf("%s is %s, though the user stopped it", c.ID, c.State)
			}
		}
		return nil
	}
	blocked := w.blocked(svc)
	if len(have) > 2 || len(have) != 1 && !blocked {
		return fmt.Errorf("%s has %d containers", svc.Name, len(have))
	}
	if blocked {
		return nil // the old one may be kept, beside a new one
	}
	c := have[0]
	wantState := plan.Running
	switch {
	case svc.OneShot:
		wantState = plan.Exited
	case svc.CreateOnly:
		wantState = c.State
	}
	switch {
	case c.Name != svc.Name, c.Hash != svc.Hash, imageID != "" && c.ImageID != imageID:
		return fmt.Errorf("%s is not as wanted: %+v", svc.Name, c)
	case c.State != wantState, svc.OneShot && c.ExitCode != 0:
		return fmt.Errorf("%s is %s with status %d", svc.Name, c.State, c.ExitCode)
	}
	return nil
}

// blocked says whether a service needs what the user has stopped.
func (w *world) blocked(svc compose.Service) bool {
	if svc.CreateOnly {
		return false
	}
	return slices.ContainsFunc(svc.Needs, func(d compose.Dependency) bool {
		dep := w.want.Services[d.Service]
		return d.Required && (w.memory[d.Service].Intent == plan.Stopped || w.blocked(dep))
	})
}
