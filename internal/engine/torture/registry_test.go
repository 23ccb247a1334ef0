//go:build dockerd

package torture_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"path"
	"strings"
	"testing"

	"github.com/ros-os/ros/internal/engine/dockerdtest"
)

// registryAddress is where the registry is, for the daemon that is to pull from
// it: in its network namespace.
const registryAddress = "127.0.0.1:5000"

// registry serves one image, under any name.
type registry struct {
	blobs    map[string][]byte // by digest
	manifest string            // its digest
}

// serveRegistry serves the test image to one daemon.
func serveRegistry(tb testing.TB, d *dockerdtest.Daemon) {
	tb.Helper()
	archive, id := dockerdtest.Archive(tb, "any:1")
	r := &registry{blobs: map[string][]byte{}, manifest: id}
	for in := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			tb.Fatal(err)
		}
		if strings.HasPrefix(h.Name, "blobs/") {
			text, err := io.ReadAll(in)
			if err != nil {
				tb.Fatal(err)
			}
			r.blobs["sha256:"+path.Base(h.Name)] = text
		}
	}
	var listener net.Listener
	d.Within(tb, func() (err error) {
		listener, err = net.Listen("tcp", registryAddress)
		return err
	})
	server := &http.Server{Handler: r}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	tb.Cleanup(func() {
		server.Close()
		<-ended
	})
}

func (r *registry) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	digest := path.Base(q.URL.Path)
	if strings.Contains(q.URL.Path, "/manifests/") {
		if !strings.HasPrefix(digest, "sha256:") {
			digest = r.manifest
		}
		var m struct{ MediaType string }
		if json.Unmarshal(r.blobs[digest], &m) == nil {
			w.Header().Set("Content-Type", m.MediaType)
		}
	} else if q.URL.Path == "/v2/" {
		return
	}
	text, known := r.blobs[digest]
	if !known {
		http.NotFound(w, q)
		return
	}
	w.Header().Set("Docker-Content-Digest", digest)
	http.ServeContent(w, q, "", noTime, bytes.NewReader(text))
}
