package datasource

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// faulty answers in all the ways in which metadata services do that are broken.
func faulty(elsewhere string) http.Handler {
	mux := http.NewServeMux()
	say := func(path, kind, text string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			_, _ = io.WriteString(w, text) // the client tells
		})
	}
	say("/good", "text/plain", "#cloud-config\n")
	say("/typed", "image/png", "\x89PNG\r\n")
	say("/pdf", "application/pdf", "%PDF-1.7")
	say("/login", "text/html; charset=utf-8", "<!DOCTYPE html><html><form>Password</form></html>")
	say("/disguised", "text/plain", "\n<html><head><title>Log in</title></head></html>")
	say("/config-as-html", "text/html", "#cloud-config\n")
	for path, code := range map[string]int{"/404": 404, "/410": 410, "/403": 403, "/500": 500, "/503": 503, "/429": 429, "/204": 204} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
	}
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere+"/good", http.StatusFound) })
	mux.HandleFunc("/self", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/good", http.StatusFound) })
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/partial", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, "#cloud-config\n") // the connection breaks off
	})
	mux.HandleFunc("/huge", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "104857600")
		flood(w)
	})
	mux.HandleFunc("/flood", func(w http.ResponseWriter, _ *http.Request) { flood(w) })
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	return mux
}

// flood sends 100 MB, as far as somebody takes them.
func flood(w io.Writer) {
	chunk := bytes.Repeat([]byte("x"), 1<<20)
	for range 100 {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

func TestFaultyServers(t *testing.T) {
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	defer elsewhere.Close()
	server := httptest.NewServer(faulty(elsewhere.URL))
	defer server.Close()
	for _, tt := range []struct {
		path, problem string
		final         bool // another try is vain
	}{
		{path: "/good"},
		{path: "/self"},
		{path: "/config-as-html"},
		{path: "/404", problem: "no such document"},
		{path: "/410", problem: "no such document"},
		{path: "/403", problem: "403 Forbidden", final: true},
		{path: "/204", problem: "204", final: true},
		{path: "/500", problem: "500 Internal Server Error"},
		{path: "/503", problem: "503"},
		{path: "/429", problem: "429"},
		{path: "/typed", problem: "image/png", final: true},
		{path: "/pdf", problem: "application/pdf", final: true},
		{path: "/login", problem: "an HTML page", final: true},
		{path: "/disguised", problem: "an HTML page", final: true},
		{path: "/away", problem: "redirected to elsewhere", final: true},
		{path: "/loop", problem: "redirected too often", final: true},
		{path: "/partial", problem: "broke off"},
		{path: "/huge", problem: "104857600 bytes", final: true},
		{path: "/flood", problem: "longer than the", final: true},
	} {
		t.Run(tt.path, func(t *testing.T) {
			data, err := plainWeb().get(t.Context(), server.URL+tt.path, nil)
			if tt.problem == "" {
				if err != nil || string(data) != "#cloud-config\n" {
					t.Errorf("%q, %v", data, err)
				}
				return
			}
			var final permanentError
			if err == nil || !strings.Contains(err.Error(), tt.problem) || errors.As(err, &final) != tt.final {
				t.Errorf("%v, want %q, final: %v", err, tt.problem, tt.final)
			}
		})
	}
}

func TestASlowServerIsNotWaitedForLongerThanSaid(t *testing.T) {
	server := httptest.NewServer(faulty(""))
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := plainWeb().get(ctx, server.URL+"/slow", nil)
	var lost unreachable
	if !errors.As(err, &lost) {
		t.Errorf("%v, want that there was no answer", err)
	}
}

func TestSecretsDoNotTravelUnencrypted(t *testing.T) {
	for _, tt := range []struct {
		address string
		may     bool
	}{
		{"http://example.com/user-data", false},
		{"http://10.0.0.1/user-data", false},
		{"ftp://example.com/user-data", false},
		{"file:///etc/shadow", false},
		{"example.com/user-data", false},
		{"http://169.254.169.254.example.com/", false},
	} {
		_, err := plainWeb().get(t.Context(), tt.address, nil)
		var final permanentError
		if !errors.As(err, &final) {
			t.Errorf("%s: %v, want that it is refused", tt.address, err)
		}
	}
	for _, host := range []string{"169.254.169.254", "fe80::a9fe:a9fe", "100.100.100.200", "fd00:ec2::254", "127.0.0.1", "metadata.google.internal"} {
		if !isLocal(host) {
			t.Errorf("%s is on the machine's own link", host)
		}
	}
}

func TestWhatIsAllowedIsFetchedUnencrypted(t *testing.T) {
	w := plainWeb()
	w.allowHTTP = true
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // nobody is asked
	_, err := w.get(ctx, "http://192.0.2.1/user-data?token=secret", nil)
	if !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v, want only that the context has ended", err)
	}
}
