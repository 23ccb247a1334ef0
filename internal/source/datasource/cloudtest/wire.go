package cloudtest

import (
	"encoding/xml"
	"io"
	"net/http"
	"sync"
)

// WireServer is the host of a machine in Azure, as far as its agent talks to it
// about whether the machine is ready.
type WireServer struct {
	mu    sync.Mutex // guards what follows
	ready bool
}

const goalState = `<?xml version="1.0" encoding="utf-8"?>
<GoalState xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="goalstate10.xsd">
  <Version>2012-11-30</Version>
  <Incarnation>1</Incarnation>
  <Machine><ExpectedState>Started</ExpectedState><StopRolesDeadlineHint>300000</StopRolesDeadlineHint></Machine>
  <Container>
    <ContainerId>c6d5526c-5ac2-4200-b6e2-56f2b70c5ab2</ContainerId>
    <RoleInstanceList>
      <RoleInstance><InstanceId>b61f93d0-e1ed-40b2-b067-22c243233448.MachineRole_IN_0</InstanceId><State>Started</State></RoleInstance>
    </RoleInstanceList>
  </Container>
</GoalState>
`

// Ready says whether the machine has reported that it is ready.
func (s *WireServer) Ready() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ready
}

// ServeHTTP answers as Azure's host does.
func (s *WireServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Ms-Version") != "2012-11-30" {
		http.Error(w, "no version", http.StatusBadRequest)
		return
	}
	switch r.Method + " " + r.URL.RequestURI() {
	case "GET /machine/?comp=goalstate":
		w.Header().Set("Content-Type", "text/xml; charset=utf-8")
		_, _ = io.WriteString(w, goalState) // the client tells
	case "POST /machine?comp=health":
		s.health(w, r)
	default:
		http.NotFound(w, r)
	}
}

// health takes a report that names the machine rightly, and no other.
func (s *WireServer) health(w http.ResponseWriter, r *http.Request) {
	var got struct {
		Incarnation string `xml:"GoalStateIncarnation"`
		Container   string `xml:"Container>ContainerId"`
		Instance    string `xml:"Container>RoleInstanceList>Role>InstanceId"`
		State       string `xml:"Container>RoleInstanceList>Role>Health>State"`
	}
	err := xml.NewDecoder(io.LimitReader(r.Body, 1<<16)).Decode(&got)
	if err != nil || got.Incarnation != "1" || got.Container != "c6d5526c-5ac2-4200-b6e2-56f2b70c5ab2" ||
		got.Instance != "b61f93d0-e1ed-40b2-b067-22c243233448.MachineRole_IN_0" {
		http.Error(w, "of which machine?", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = got.State == "Ready"
}
