package plan_test

import (
	"fmt"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

// BenchmarkMake is to be linear in the number of services, and below 5 ms for a
// thousand.
func BenchmarkMake(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 10000} {
		for _, kind := range []string{"converged", "new"} {
			want, have := manyServices(n)
			if kind == "new" {
				have.Daemons[compose.System] = plan.Daemon{Available: true}
			}
			b.Run(fmt.Sprintf("%s/%d", kind, n), func(b *testing.B) {
				for b.Loop() {
					plan.Make(want, have, noon)
				}
			})
		}
	}
}

func TestManyConvergedServicesNeedNoStep(t *testing.T) {
	want, have := manyServices(1000)
	if p := plan.Make(want, have, noon); len(p.Steps) != 0 || len(p.Services) != 1000 {
		t.Fatalf("%d services, steps:\n%s", len(p.Services), p)
	}
}

func manyServices(n int) (compose.Project, plan.Observed) {
	want := compose.Project{Services: make(map[string]compose.Service, n)}
	d := plan.Daemon{Available: true, Images: map[string]string{"ros/base:1": "sha256:ros/base:1"}}
	for i := range n {
		name := fmt.Sprintf("service-%05d", i)
		svc := compose.Service{
			Name: name, Scope: compose.System, Restart: compose.Restart{Mode: compose.RestartAlways},
			Spec: types.ServiceConfig{Image: "ros/base:1"},
			Hash: hashOf("ros/base:1", name), Fields: fieldsOf("ros/base:1", name),
		}
		if i > 0 {
			svc.Needs = []compose.Dependency{{
				Service: fmt.Sprintf("service-%05d", i-1-i%10/2), Condition: compose.IsReady, Required: true,
			}}
		}
		want.Services[name] = svc
		c := containerOf(i, haveContainer{Name: name, Image: "ros/base:1"})
		c.Hash = svc.Hash
		d.Containers = append(d.Containers, c)
	}
	return want, plan.Observed{Daemons: map[compose.Scope]plan.Daemon{compose.System: d}}
}
