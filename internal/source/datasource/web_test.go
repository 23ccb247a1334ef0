package datasource

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ros-os/ros/internal/pin"
	"github.com/ros-os/ros/internal/source/datasource/cloudtest"
)

func TestFaultyServers(t *testing.T) {
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	defer elsewhere.Close()
	server := httptest.NewServer(cloudtest.Faulty(elsewhere.URL))
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
			if err == nil || !strings.Contains(err.Error(), tt.problem) || tt.path == "/away" && !strings.HasPrefix(err.Error(), server.URL+"/away: ") || errors.As(err, &final) != tt.final {
				t.Errorf("%v, want %q, final: %v", err, tt.problem, tt.final)
			}
		})
	}
}

func TestASlowServerIsNotWaitedForLongerThanSaid(t *testing.T) {
	server := httptest.NewServer(cloudtest.Faulty(""))
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

func TestWhatIsPinnedIsTakenFromAnywhereAndChecked(t *testing.T) {
	server := httptest.NewServer(cloudtest.Faulty(""))
	defer server.Close()
	sum := pin.Sum([]byte("#cloud-config\n"))
	for _, tt := range []struct{ mark, problem string }{
		{"#sha256=" + sum, ""},
		{"#sha256=" + strings.ToUpper(sum), ""},
		{"#sha256=" + pin.Sum(nil), "/good: its SHA-256 is " + sum + ", and not " + pin.Sum(nil) + " as it is pinned"},
		{"#sha256=12", "not a SHA-256 sum of 64 hexadecimal digits"},
		{"#top", "nothing but sha256= may follow a #"},
	} {
		data, err := plainWeb().get(t.Context(), server.URL+"/good?token=secret"+tt.mark, nil)
		var final permanentError
		switch {
		case tt.problem == "" && (err != nil || string(data) != "#cloud-config\n"):
			t.Errorf("%s: %q, %v", tt.mark, data, err)
		case tt.problem != "" && (!errors.As(err, &final) || !strings.Contains(err.Error(), tt.problem) || strings.Contains(err.Error(), "secret")):
			t.Errorf("%s: %v, want %q", tt.mark, err, tt.problem)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // nobody is asked
	if _, err := plainWeb().get(ctx, "http://192.0.2.1/base.yml#sha256="+sum, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want only that the context has ended", err)
	}
}
