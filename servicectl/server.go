package servicectl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"time"
)

// server answers the controller's API.
type server struct {
	c *Controller
}

// Serve answers the API on a Unix socket, for root alone, until ctx ends. A
// socket that is there is replaced.
func (c *Controller) Serve(ctx context.Context, path string) error {
	l, err := listen(ctx, path)
	if err != nil {
		return err
	}
	srv := &http.Server{
		Handler:           rootOnly(c.Handler()),
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       withPeer,
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	select {
	case err = <-ended:
		return fmt.Errorf("cannot serve on %q: %w", path, err)
	case <-ctx.Done():
	}
	// The handlers' contexts have ended with ctx; they only have to return.
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if srv.Shutdown(limited) != nil {
		_ = srv.Close() // whoever is left is cut off
	}
	<-ended //nolint:errcheck // serving ends because it was shut down
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("cannot remove the socket: %w", err)
	}
	return nil
}

// listen makes the socket under another name, so that nobody finds it before it
// has its mode.
func listen(ctx context.Context, path string) (net.Listener, error) {
	tmp := path + ".new"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("cannot remove an old socket: %w", err)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", tmp)
	if err != nil {
		return nil, fmt.Errorf("cannot listen: %w", err)
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false) // of the first name
	}
	if err = os.Chmod(tmp, 0o600); err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot make the socket %q: %w", path, err), l.Close())
	}
	return l, nil
}

type peerKey struct{}

// withPeer remembers who is at the other end of a connection; -1 is unknown.
func withPeer(ctx context.Context, conn net.Conn) context.Context {
	uid := -1
	if u, ok := conn.(*net.UnixConn); ok {
		uid = peerOf(u)
	}
	return context.WithValue(ctx, peerKey{}, uid)
}

func peerOf(conn *net.UnixConn) int {
	raw, err := conn.SyscallConn()
	if err != nil {
		return -1
	}
	uid := -1
	err = raw.Control(func(fd uintptr) {
		if cred, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED); err == nil {
			uid = int(cred.Uid)
		}
	})
	if err != nil {
		return -1
	}
	return uid
}

// rootOnly refuses everybody but root and the controller's own user.
func rootOnly(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		uid, known := r.Context().Value(peerKey{}).(int)
		if !known || uid != 0 && uid != os.Geteuid() {
			fail(w, http.StatusForbidden, errors.New("only root may talk to the controller"))
			return
		}
		h.ServeHTTP(w, r)
	})
}

// Handler answers the API to whoever asks; [Controller.Serve] asks who it is.
func (c *Controller) Handler() http.Handler {
	s := server{c}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", s.status)
	mux.HandleFunc("GET /v1/plan", s.plan)
	mux.HandleFunc("GET /v1/wait", s.wait)
	mux.HandleFunc("POST /v1/reload", s.reload)
	mux.HandleFunc("GET /v1/events", s.events)
	mux.HandleFunc("GET /metrics", s.c.metrics)
	mux.HandleFunc("POST /v1/services/{name}/stop", s.lasting(s.c.Stop, s.c.StopForGood))
	mux.HandleFunc("POST /v1/services/{name}/start", s.lasting(s.c.Start, s.c.StartForGood))
	mux.HandleFunc("POST /v1/services/{name}/restart", s.intent(s.c.Restart))
	mux.HandleFunc("GET /v1/services/{name}/logs", s.logs)
	s.actRoutes(mux)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusNotFound, fmt.Errorf("no such request: %s %s", r.Method, r.URL.Path))
	})
	return mux
}

func (s server) status(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("watch") == "" {
		answer(w, s.c.Status())
		return
	}
	w.Header().Set("Content-Type", "application/jsonl")
	out := json.NewEncoder(w)
	flush := http.NewResponseController(w)
	for {
		st, changed := s.c.snapshot()
		if out.Encode(st) != nil || flush.Flush() != nil {
			return // nobody listens any more
		}
		select {
		case <-r.Context().Done():
			return
		case <-changed:
		}
	}
}

// plan is about the configuration of now.
func (s server) plan(w http.ResponseWriter, r *http.Request) {
	s.c.refresh(r.Context())
	answer(w, s.c.Plan())
}

// wait answers with the status when waiting is over, or the time is. It is about
// the configuration of now.
func (s server) wait(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	if text := r.FormValue("timeout"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			fail(w, http.StatusBadRequest, fmt.Errorf("cannot read the timeout: %w", err))
			return
		}
		limited, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		ctx = limited
	}
	s.c.refresh(ctx)
	st, err := s.c.Wait(ctx, r.URL.Query()["service"])
	if err != nil {
		failWith(w, err)
		return
	}
	answer(w, st)
}

func (s server) reload(w http.ResponseWriter, r *http.Request) {
	s.c.Reload()
	s.c.reread(r.Context())
	answer(w, struct{}{})
}

func (s server) intent(do func(name string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := do(r.PathValue("name")); err != nil {
			failWith(w, err)
			return
		}
		answer(w, struct{}{})
	}
}

// lasting is an intent that may be one for good.
func (s server) lasting(do, forGood func(name string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if yes(r.FormValue("persist")) {
			s.intent(forGood)(w, r)
			return
		}
		s.intent(do)(w, r)
	}
}

// trailerError carries what went wrong after the first byte of a log.
const trailerError = "Ros-Error"

func (s server) logs(w http.ResponseWriter, r *http.Request) {
	opts := LogOptions{Follow: yes(r.FormValue("follow")), Timestamps: yes(r.FormValue("timestamps"))}
	if text := r.FormValue("tail"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			fail(w, http.StatusBadRequest, fmt.Errorf("cannot read the number of lines: %w", err))
			return
		}
		opts.Tail = n
	}
	if text := r.FormValue("since"); text != "" {
		var err error
		if opts.Since, err = time.Parse(time.RFC3339Nano, text); err != nil {
			fail(w, http.StatusBadRequest, fmt.Errorf("cannot read since when: %w", err))
			return
		}
	}
	out := &flushing{w: w, flush: http.NewResponseController(w)}
	w.Header().Set("Trailer", trailerError)
	err := s.c.Logs(r.Context(), r.PathValue("name"), opts, out)
	switch {
	case err == nil:
	case !out.begun:
		w.Header().Del("Trailer")
		failWith(w, err)
	default:
		w.Header().Set(trailerError, err.Error())
	}
}

// flushing sends every write at once.
type flushing struct {
	w     http.ResponseWriter
	flush *http.ResponseController
	begun bool
}

func (f *flushing) Write(p []byte) (int, error) {
	f.begun = true
	n, err := f.w.Write(p)
	if err == nil {
		err = f.flush.Flush()
	}
	return n, err
}

func answer(w http.ResponseWriter, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		failWith(w, fmt.Errorf("cannot encode the answer: %w", err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(data, '\n')) // who does not listen is not told
}

// apiError is how errors travel.
type apiError struct {
	Error string `json:"error"`
}

func failWith(w http.ResponseWriter, err error) {
	code := http.StatusInternalServerError
	if errors.Is(err, ErrUnknown) {
		code = http.StatusNotFound
	}
	fail(w, code, err)
}

func fail(w http.ResponseWriter, code int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(apiError{err.Error()}) // who does not listen is not told
}
