package cloudtest

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
)

// Faulty answers in all the ways in which metadata services do that are broken,
// each at a path of its own: /404 and other statuses, /login, /away, /huge, ….
// elsewhere is the address of another server.
func Faulty(elsewhere string) *http.ServeMux {
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
	for _, code := range []int{404, 410, 403, 500, 503, 429, 204} {
		mux.HandleFunc("/"+strconv.Itoa(code), func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
	}
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere+"/good", http.StatusFound)
	})
	mux.HandleFunc("/self", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/good", http.StatusFound) })
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/partial", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, "#cloud-config\n") // the connection breaks off
	})
	mux.HandleFunc("/huge", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(hundred))
		flood(w)
	})
	mux.HandleFunc("/flood", func(w http.ResponseWriter, _ *http.Request) { flood(w) })
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	return mux
}

const hundred = 100 << 20

// flood sends 100 MB, as far as somebody takes them.
func flood(w io.Writer) {
	chunk := bytes.Repeat([]byte("x"), 1<<20)
	for range hundred / len(chunk) {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}
