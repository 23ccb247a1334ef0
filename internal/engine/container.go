package engine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/ros-os/ros/compose"
	"github.com/ros-os/ros/servicectl/plan"
)

// fromInspect is a container as Docker describes it in full.
func fromInspect(r container.InspectResponse) plan.Container {
	c := plan.Container{}
	if r.Config != nil {
		c.Image = r.Config.Image
		c = label(c, r.Config.Labels)
	}
	if r.ContainerJSONBase == nil {
		return c
	}
	c.ID = r.ID
	c.Name = strings.TrimPrefix(r.Name, "/")
	c.ImageID = r.Image
	c.Created = instant(r.Created)
	c.Joined = joined(r.HostConfig)
	c.Ports = published(r.HostConfig)
	if r.NetworkSettings != nil {
		c.Networks = networksOf(r.NetworkSettings.Networks)
	}
	if s := r.State; s != nil {
		c.State = plan.State(s.Status)
		c.ExitCode = s.ExitCode
		c.Error = s.Error
		c.OOM = s.OOMKilled
		c.Started = instant(s.StartedAt)
		c.Finished = instant(s.FinishedAt)
		c.Health = health(s.Health)
	}
	return c
}

// joined are the containers whose namespaces or volumes a container shares.
func joined(h *container.HostConfig) []string {
	if h == nil {
		return nil
	}
	var out []string
	for _, mode := range []string{string(h.NetworkMode), string(h.IpcMode), string(h.PidMode)} {
		if id, ok := strings.CutPrefix(mode, "container:"); ok {
			out = append(out, id)
		}
	}
	for _, from := range h.VolumesFrom {
		id, _, _ := strings.Cut(from, ":")
		out = append(out, strings.TrimPrefix(id, "/"))
	}
	return out
}

// published are the ports of the machine that a container has while it runs.
func published(h *container.HostConfig) []string {
	if h == nil {
		return nil
	}
	var out []string
	for port, bindings := range h.PortBindings {
		for _, b := range bindings {
			if one, err := strconv.ParseUint(b.HostPort, 10, 16); err == nil && one > 0 { // and no range
				out = append(out, b.HostPort+"/"+port.Proto())
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// fromSummary is a container as far as a list tells.
func fromSummary(s container.Summary) plan.Container {
	c := plan.Container{
		ID:      s.ID,
		Name:    name(s.Names),
		Image:   s.Image,
		ImageID: s.ImageID,
		State:   plan.State(s.State),
		Created: time.Unix(s.Created, 0),
	}
	// Without a code a one-shot that failed would count as done.
	if _, err := fmt.Sscanf(s.Status, "Exited (%d)", &c.ExitCode); err != nil && c.State == plan.Exited {
		c.ExitCode = -1
	}
	return label(c, s.Labels)
}

// label fills in what the labels of a container say.
func label(c plan.Container, labels map[string]string) plan.Container {
	c.Managed = labels[compose.LabelManaged] == "true"
	if !c.Managed {
		return c
	}
	c.Service = labels[compose.LabelService]
	c.Hash = labels[compose.LabelHash]
	c.File = labels[compose.LabelComposeFiles]
	c.Fields = fieldsOf(labels)
	return c
}

// health is the state of a container's health check, if it has one.
func health(h *container.Health) plan.Health {
	if h == nil || h.Status == container.NoHealthcheck {
		return plan.NoHealth
	}
	return plan.Health(h.Status)
}

// instant reads a time as Docker writes it. Docker's zero time is Go's.
func instant(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}
	}
	return t
}
