package datasource

import (
	"bytes"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/transport"
)

func TestDownloadsMayBeOfAnyTypeAndSize(t *testing.T) {
	page := append([]byte("<!DOCTYPE html>"), bytes.Repeat([]byte("x"), maxAnswer)...)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer x" {
			http.Error(w, "", http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write(page) // the client tells
	}))
	defer server.Close()
	header := map[string]string{"Authorization": "Bearer x"}
	data, err := Download{Most: 2 * maxAnswer}.Get(t.Context(), server.URL, header)
	if err != nil || !bytes.Equal(data, page) {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	if _, err = (Download{}).Get(t.Context(), server.URL, header); err == nil || !strings.Contains(err.Error(), "bytes") {
		t.Errorf("%v, want that it is too long", err)
	}
	if _, err = (Download{}).Get(t.Context(), server.URL, nil); err == nil || !strings.Contains(err.Error(), "403 Forbidden") {
		t.Errorf("%v, want that it is refused", err)
	}
	if _, err = (Download{}).Get(t.Context(), "http://192.0.2.1/x?token=secret", nil); err == nil ||
		err.Error() != "http://192.0.2.1/x has no encryption: use https, or set rancher.cloud_init.allow_http" {
		t.Errorf("%v, want that it needs encryption", err)
	}
}

func TestWhereADownloadMayBeSentOn(t *testing.T) {
	for _, tt := range []struct {
		name, from, to, problem string
		secret                  bool
	}{
		{name: "to a store elsewhere", from: "https://example.com/a", to: "https://store.example.net/b"},
		{name: "within the server, with a header", from: "https://example.com/a", to: "https://example.com/b", secret: true},
		{name: "elsewhere, with a header", from: "https://example.com/a", to: "https://store.example.net/b", secret: true, problem: "must not see the headers"},
		{name: "to no encryption", from: "https://example.com/a", to: "http://example.com/a", problem: "no encryption"},
		{name: "to the cloud's metadata", from: "http://example.com/a", to: "http://169.254.169.254/latest", problem: "to this machine or its cloud"},
		{name: "to another scheme", from: "https://example.com/a", to: "gopher://example.com/a", problem: "no encryption"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var hops [2]*http.Request
			for i, address := range []string{tt.from, tt.to} {
				u, err := url.Parse(address)
				if err != nil {
					t.Fatal(err)
				}
				hops[i] = &http.Request{URL: u}
			}
			err := (&web{allowHTTP: true}).mayFollow(hops[1], hops[:1], tt.secret)
			if (err != nil) != (tt.problem != "") || err != nil && !strings.Contains(err.Error(), tt.problem) {
				t.Errorf("%v, want %q", err, tt.problem)
			}
		})
	}
}

// TestAuthoritiesThatComeLaterAreTrusted has ca_certs written after the process
// spoke TLS for the first time.
func TestAuthoritiesThatComeLaterAreTrusted(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	get := Download{Root: t.TempDir()}
	if data, err := get.Get(t.Context(), server.URL, nil); err == nil {
		t.Errorf("nobody vouches for it: %q", data)
	}
	file := filepath.Join(get.Root, transport.Bundle)
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, text, 0o600)); err != nil {
		t.Fatal(err)
	}
	if data, err := get.Get(t.Context(), server.URL, nil); err != nil || string(data) != "hello" {
		t.Errorf("%q, %v", data, err)
	}
	answer, err := Client(get.Root, cloudconfig.Network{}).Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Error(err)
	}
}
