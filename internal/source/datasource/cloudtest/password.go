package cloudtest

import (
	"io"
	"net/http"
	"sync"
)

// PasswordServer has the password of one machine, as CloudStack's virtual router
// does: it gives it until it is told that the machine has it.
type PasswordServer struct {
	// Root is the only path, "/" without it.
	Root string

	mu       sync.Mutex // guards what follows
	password string
	told     int
}

// Reset gives the machine another password, "" none that it could ever ask for.
func (s *PasswordServer) Reset(password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.password = password
}

// Told is how often it was told that the machine has its password.
func (s *PasswordServer) Told() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.told
}

const savedPassword = "saved_password"

// ServeHTTP answers. The header's name is compared letter by letter, as by those
// servers that are a script.
func (s *PasswordServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	root := s.Root
	if root == "" {
		root = "/"
	}
	if r.Method != http.MethodGet || r.URL.Path != root {
		http.NotFound(w, r)
		return
	}
	asked := r.Header.Get("DomU_Request")
	say := func(text string) { _, _ = io.WriteString(w, text+"\n") } // the client tells
	switch {
	case asked == "send_my_password" && s.password == "":
		say("bad_request")
	case asked == "send_my_password":
		say(s.password)
	case asked == savedPassword:
		s.told++
		s.password = savedPassword
		say(savedPassword)
	default:
		say("bad_request")
	}
}
