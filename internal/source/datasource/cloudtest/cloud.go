package cloudtest

import (
	"embed"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/txtar"
)

//go:embed *.txtar
var documents embed.FS

// Cloud is the metadata service of one cloud.
type Cloud struct {
	// Files are its documents by the path and query of a request, without the slash
	// before them. They are changed only while nobody asks.
	Files map[string]string

	header [2]string // that every request must have
	token  string    // where a token is got, in the way of EC2
	ttl    string    // the header that says how long it is to last

	mu    sync.Mutex // guards what follows
	asked []string
}

// documented is the service of a cloud, without its documents.
func documented(name string) *Cloud {
	switch name {
	case "ec2":
		return &Cloud{
			header: [2]string{"X-aws-ec2-metadata-token", "TOKEN"},
			token:  "latest/api/token", ttl: "X-aws-ec2-metadata-token-ttl-seconds",
		}
	case "aliyun":
		return &Cloud{
			header: [2]string{"X-aliyun-ecs-metadata-token", "TOKEN"},
			token:  "latest/api/token", ttl: "X-aliyun-ecs-metadata-token-ttl-seconds",
		}
	case "gce":
		return &Cloud{header: [2]string{"Metadata-Flavor", "Google"}}
	case "azure":
		return &Cloud{header: [2]string{"Metadata", "true"}}
	}
	return &Cloud{}
}

// New is the service of the cloud with that name, with the documents that its
// vendor has as an example.
func New(name string) (*Cloud, error) {
	text, err := documents.ReadFile(name + ".txtar")
	if err != nil {
		return nil, fmt.Errorf("cannot imitate cloud %s: %w", name, err)
	}
	c := documented(name)
	c.Files = map[string]string{}
	for _, f := range txtar.Parse(text).Files {
		c.Files[f.Name] = strings.TrimSuffix(string(f.Data), "\n")
	}
	return c, nil
}

// Empty is the service of a cloud that has no documents for this machine.
func Empty(name string) *Cloud { return documented(name) }

// Names are those of the clouds that [New] knows.
func Names() []string {
	entries, err := documents.ReadDir(".")
	if err != nil {
		return nil // it is part of the program
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), path.Ext(e.Name())))
	}
	return names
}

// Asked are the requests until now: method, path and query.
func (c *Cloud) Asked() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.asked)
}

// ServeHTTP answers as the cloud does.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.asked = append(c.asked, r.Method+" "+r.URL.RequestURI())
	c.mu.Unlock()
	name := strings.TrimPrefix(r.URL.RequestURI(), "/")
	switch {
	case c.token != "" && r.Method == http.MethodPut && name == c.token:
		if r.Header.Get(c.ttl) == "" {
			http.Error(w, "no ttl", http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, "TOKEN") // the client tells
		return
	case c.token != "" && r.Method == http.MethodPut:
		http.NotFound(w, r)
		return
	case r.Method != http.MethodGet:
		http.Error(w, "", http.StatusMethodNotAllowed)
		return
	case c.header[0] != "" && r.Header.Get(c.header[0]) != c.header[1]:
		http.Error(w, "", http.StatusUnauthorized)
		return
	}
	text, found := c.Files[name]
	if !found {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = io.WriteString(w, text) // the client tells
}
