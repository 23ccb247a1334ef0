package servicectl

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// actRoutes are what can be done to one service, beside its intents.
func (s server) actRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/services/{name}/grace", s.within(s.c.Grace))
	mux.HandleFunc("POST /v1/services/{name}/remove", s.within(func(name string, grace time.Duration) error {
		return s.c.Remove(name, RemoveOptions{Grace: grace})
	}))
	mux.HandleFunc("POST /v1/services/{name}/down", s.within(func(name string, grace time.Duration) error {
		return s.c.Remove(name, RemoveOptions{Force: true, Grace: grace})
	}))
	mux.HandleFunc("POST /v1/services/{name}/replace", s.intent(s.c.Replace))
	mux.HandleFunc("POST /v1/services/{name}/kill", s.kill)
	mux.HandleFunc("POST /v1/services/{name}/pull", s.pull)
	mux.HandleFunc("GET /v1/services/{name}/top", s.top)
}

// within reads how long a service has to end.
func (s server) within(do func(name string, grace time.Duration) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var grace time.Duration
		if text := r.FormValue("grace"); text != "" {
			var err error
			if grace, err = time.ParseDuration(text); err != nil {
				fail(w, http.StatusBadRequest, fmt.Errorf("cannot read how long it has to end: %w", err))
				return
			}
		}
		s.intent(func(name string) error { return do(name, grace) })(w, r)
	}
}

func (s server) kill(w http.ResponseWriter, r *http.Request) {
	if err := s.c.Kill(r.Context(), r.PathValue("name"), r.FormValue("signal")); err != nil {
		failWith(w, err)
		return
	}
	answer(w, struct{}{})
}

func (s server) top(w http.ResponseWriter, r *http.Request) {
	list, err := s.c.Top(r.Context(), r.PathValue("name"))
	if err != nil {
		failWith(w, err)
		return
	}
	answer(w, list)
}

// pulled is a line of the answer to a pull: how far it is, or how it ended.
type pulled struct {
	Progress string `json:"progress,omitempty"`
	Error    string `json:"error,omitempty"`
	Done     bool   `json:"done,omitempty"`
}

func (s server) pull(w http.ResponseWriter, r *http.Request) {
	if _, err := s.c.targets(r.PathValue("name")); err != nil {
		failWith(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/jsonl")
	out := json.NewEncoder(w)
	flush := http.NewResponseController(w)
	send := func(p pulled) {
		_ = errors.Join(out.Encode(p), flush.Flush()) // who does not listen any more ends the request
	}
	err := s.c.Pull(r.Context(), r.PathValue("name"), func(text string) { send(pulled{Progress: text}) })
	if err != nil {
		send(pulled{Error: err.Error()})
		return
	}
	send(pulled{Done: true})
}
