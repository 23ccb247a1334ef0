package datasource

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
)

// wireServer is the host's address in every network of Azure.
const wireServer = "http://168.63.129.16"

// goalState is what Azure wants of a machine, as far as a report has to name it.
type goalState struct {
	Incarnation string `xml:"Incarnation"`
	Container   struct {
		ID    string `xml:"ContainerId"`
		Roles []struct {
			InstanceID string `xml:"InstanceId"`
		} `xml:"RoleInstanceList>RoleInstance"`
	} `xml:"Container"`
}

// health is the report that a machine is there.
type health struct {
	XMLName     xml.Name `xml:"Health"`
	Incarnation string   `xml:"GoalStateIncarnation"`
	ContainerID string   `xml:"Container>ContainerId"`
	InstanceID  string   `xml:"Container>RoleInstanceList>Role>InstanceId"`
	State       string   `xml:"Container>RoleInstanceList>Role>Health>State"`
}

// Report tells Azure that the machine is ready, as its agent does. A new machine
// of which Azure does not hear it is given up after 20 minutes.
func (c *azure) Report(ctx context.Context) error {
	header := map[string]string{"x-ms-version": "2012-11-30", "x-ms-agent-name": "WALinuxAgent"}
	data, err := c.web.get(ctx, c.wire+"/machine/?comp=goalstate", header)
	if err != nil {
		return fmt.Errorf("cannot tell Azure that the machine is ready: %w", err)
	}
	var goal goalState
	err = xml.Unmarshal(data, &goal)
	if err == nil && (goal.Container.ID == "" || len(goal.Container.Roles) == 0) {
		err = errors.New("it names no machine")
	}
	if err != nil {
		return fmt.Errorf("cannot tell Azure that the machine is ready: what it wants cannot be read: %w", err)
	}
	var report bytes.Buffer
	report.WriteString(xml.Header)
	err = xml.NewEncoder(&report).Encode(health{
		Incarnation: goal.Incarnation, ContainerID: goal.Container.ID, InstanceID: goal.Container.Roles[0].InstanceID, State: "Ready",
	})
	if err == nil {
		header["Content-Type"] = "text/xml; charset=utf-8"
		_, err = c.web.do(ctx, http.MethodPost, c.wire+"/machine?comp=health", header, report.Bytes())
	}
	if err != nil {
		return fmt.Errorf("cannot tell Azure that the machine is ready: %w", err)
	}
	return nil
}
