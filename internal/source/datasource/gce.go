package datasource

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/ros-os/ros/internal/source"
)

// gce asks Google's metadata service.
type gce struct {
	web  *web
	base string
	now  func() time.Time
}

func openGCE(o opening) (Datasource, error) {
	base, err := tree(o.arg, linkLocal)
	return &gce{web: o.web, base: strings.TrimSuffix(base, "/computeMetadata/v1") + "/computeMetadata/v1", now: time.Now}, err
}

// gceInstance is instance/?recursive=true, as far as it is used.
type gceInstance struct {
	ID         json.Number       `json:"id"`
	Hostname   string            `json:"hostname"`
	Attributes map[string]string `json:"attributes"`
	Zone       string            `json:"zone"` // "projects/1234/zones/europe-west1-b"
	Interfaces []struct {
		IP     string `json:"ip"`
		Access []struct {
			ExternalIP string `json:"externalIp"`
		} `json:"accessConfigs"`
		IPv6 []string `json:"ipv6s"`
	} `json:"networkInterfaces"`
}

// Fetch asks for the instance and the project.
func (c *gce) Fetch(ctx context.Context) (source.Seed, error) {
	g := &gather{fetch: func(ctx context.Context, address string) ([]byte, error) {
		return c.web.get(ctx, address, map[string]string{"Metadata-Flavor": "Google"})
	}}
	var i gceInstance
	var project map[string]string
	if !g.json(ctx, c.base+"/instance/?recursive=true", &i) {
		return g.done(source.Seed{})
	}
	// The older sshKeys of an instance are in place of its project's, not beside them.
	if !strings.EqualFold(i.Attributes["block-project-ssh-keys"], "true") && i.Attributes["sshKeys"] == "" {
		g.json(ctx, c.base+"/project/attributes/?recursive=true", &project)
	}
	m := metaData{InstanceID: i.ID.String(), Hostname: i.Hostname, Zone: i.Zone[strings.LastIndex(i.Zone, "/")+1:]}
	m.Region = m.Zone[:max(0, strings.LastIndex(m.Zone, "-"))]
	for _, n := range i.Interfaces {
		if m.LocalIPv4 == "" {
			m.LocalIPv4 = n.IP
		}
		for _, a := range n.Access {
			if m.PublicIPv4 == "" {
				m.PublicIPv4 = a.ExternalIP
			}
		}
		if len(n.IPv6) > 0 && m.PublicIPv6 == "" {
			m.PublicIPv6 = n.IPv6[0]
		}
	}
	for _, text := range []string{i.Attributes["ssh-keys"], i.Attributes["sshKeys"], project["ssh-keys"], project["sshKeys"]} {
		m.PublicKeys = append(m.PublicKeys, gceKeys(text, c.now())...)
	}
	data, err := gceUserData(i.Attributes)
	g.note(err)
	return g.done(source.Seed{UserData: data, MetaData: g.marshal(m), VendorData: []byte(i.Attributes["vendor-data"])})
}

// gceUserData is user-data, else the script that Google's own agents run.
func gceUserData(attributes map[string]string) ([]byte, error) {
	text := attributes["user-data"]
	if text == "" {
		return []byte(attributes["startup-script"]), nil
	}
	if attributes["user-data-encoding"] != "base64" {
		return []byte(text), nil
	}
	return decodeBase64("user-data", text)
}

// gceKeys reads lines of "user:ssh-ed25519 AAAA… comment"; those that Google's
// tools made end with {"expireOn":…} behind google-ssh.
func gceKeys(text string, now time.Time) []string {
	var keys []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		user, key, found := strings.Cut(line, ":")
		if !found || strings.ContainsAny(user, " \t") {
			key = line
		}
		key, limits, temporary := strings.Cut(key, " google-ssh ")
		if key = strings.TrimSpace(key); key == "" || strings.HasPrefix(key, "#") || temporary && expired(limits, now) {
			continue
		}
		keys = append(keys, key)
	}
	return keys
}

func expired(limits string, now time.Time) bool {
	var l struct {
		ExpireOn string `json:"expireOn"`
	}
	if json.Unmarshal([]byte(limits), &l) != nil {
		return true // a key whose end cannot be told is not let in
	}
	for _, form := range []string{"2006-01-02T15:04:05Z0700", time.RFC3339} {
		if end, err := time.Parse(form, l.ExpireOn); err == nil {
			return !now.Before(end)
		}
	}
	return l.ExpireOn != ""
}

func decodeBase64(what, text string) ([]byte, error) {
	text = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == ' ' || r == '\t' {
			return -1
		}
		return r
	}, text)
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, permanentError{&decodeError{what, err}}
	}
	return data, nil
}

// decodeError is text that is not in the encoding that the cloud says.
type decodeError struct {
	what string
	err  error
}

func (e *decodeError) Error() string { return "cannot decode " + e.what + ": " + e.err.Error() }
func (e *decodeError) Unwrap() error { return e.err }
