package datasource

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/crypt"
	"github.com/ros-os/ros/internal/source"
)

const (
	passwordPort = "8080"
	// passwordTime is for one answer: many networks have no such server, and drop
	// what is sent there. It is longer than dialling may take: else it is chance which
	// of the two ends first, and whether it is seen that nobody is there.
	passwordTime = 2 * connectTimeout
	// domURequest is written so: there are servers that compare it letter by letter.
	domURequest = "DomU_Request"
	mostLetters = 512
)

// passwordServer is where CloudStack, and what descends from it, has the password of
// a machine, until the machine says that it has it.
type passwordServer struct {
	get  func(ctx context.Context, address string, header map[string]string) ([]byte, error)
	root string

	address string // of the server that gave a password; "" when none did
	folder  string // of the instance that it is for
}

// passwordsBeside is the address of the password server beside a metadata service;
// "" where that has a port of its own, and is none of the cloud's.
func passwordsBeside(base, path string) string {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Port() != "" {
		return ""
	}
	return "http://" + net.JoinHostPort(u.Hostname(), passwordPort) + path
}

// ask adds to what a metadata service said the password of that instance.
func (p *passwordServer) ask(ctx context.Context, address string, s source.Seed, err error) (source.Seed, error) {
	if p.address = ""; s.Empty() {
		return s, err
	}
	return s, errors.Join(err, p.add(ctx, address, &s))
}

// add adds the password that there is. A network without a password server, and a
// machine without a password, are nothing unusual.
func (p *passwordServer) add(ctx context.Context, address string, s *source.Seed) error {
	id := cloudconfig.InstanceID(s.MetaData)
	if address == "" || id == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, passwordTime)
	defer cancel()
	data, err := p.get(ctx, address, map[string]string{domURequest: "send_my_password"})
	var dial *net.OpError
	var permanent permanentError
	switch {
	case errors.As(err, &dial) && dial.Op == "dial", errors.Is(err, errAbsent), errors.As(err, &permanent):
		return nil
	case err != nil:
		return fmt.Errorf("cannot ask for the password: %w", err)
	}
	text := strings.TrimSpace(string(data))
	switch {
	case text == "", text == "saved_password", text == "bad_request":
		return nil
	case len(text) > mostLetters || strings.ContainsAny(text, "\n\r\x00"):
		return permanentError{fmt.Errorf("%s: what it gives is no password", source.ShownURL(address))}
	}
	p.address, p.folder = address, source.InstanceFolder(id)
	s.Password, err = given(p.root, p.folder, text, true)
	return err
}

// given is a password as a seed has it. One that is kept for the instance, or in use,
// keeps its hash: it would else be another at each time that it is asked for, and take
// the place of what its user chose.
func given(root, folder, text string, ssh bool) ([]byte, error) {
	if data, err := source.KeptPassword(root, folder); err == nil && len(data) > 0 {
		if kept, err := source.ParsePassword(data); err == nil && crypt.Matches(kept.Hash, text) {
			return source.Password{Hash: kept.Hash, SSH: ssh}.Marshal()
		}
	}
	if now, has, err := source.GivenPassword(root); err == nil && has && crypt.Matches(now.Hash, text) {
		return source.Password{Hash: now.Hash, SSH: ssh}.Marshal()
	}
	hash, err := crypt.Hash(text)
	if err != nil {
		return nil, err
	}
	return source.Password{Hash: hash, SSH: ssh}.Marshal()
}

// Report tells the server that the machine has the password: it forgets it then. It
// is told only once that is so.
func (p *passwordServer) Report(ctx context.Context) error {
	if p.address == "" {
		return nil
	}
	kept, err := source.KeptPassword(p.root, p.folder)
	if err != nil || len(kept) == 0 {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, passwordTime)
	defer cancel()
	if _, err := p.get(ctx, p.address, map[string]string{domURequest: "saved_password"}); err != nil {
		return fmt.Errorf("cannot tell the password server that the password has come: %w", err)
	}
	p.address = ""
	return nil
}
