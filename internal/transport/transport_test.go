package transport

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/ros-os/ros/cloudconfig"
)

func TestProxiesAreTheConfigurations(t *testing.T) {
	t.Setenv("https_proxy", "http://environment.example:1")
	for _, tt := range []struct {
		name, address, want string
		network             cloudconfig.Network
	}{
		{"by its scheme", "https://a.example/", "http://secure.example:3128", cloudconfig.Network{HTTPSProxy: "http://secure.example:3128", HTTPProxy: "http://plain.example:3128"}},
		{"the other scheme", "http://a.example/", "http://plain.example:3128", cloudconfig.Network{HTTPSProxy: "http://secure.example:3128", HTTPProxy: "http://plain.example:3128"}},
		{"not where it is said not to", "https://a.example/", "", cloudconfig.Network{HTTPSProxy: "http://secure.example:3128", NoProxy: "a.example"}},
		{"no others when there is one", "https://a.example/", "", cloudconfig.Network{HTTPProxy: "http://plain.example:3128"}},
		{"else the environment's", "https://a.example/", "http://environment.example:1", cloudconfig.Network{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			u, err := Proxies(tt.network)(httptest.NewRequestWithContext(t.Context(), http.MethodGet, tt.address, nil))
			if u != nil {
				got = u.String()
			}
			if got != tt.want || err != nil {
				t.Errorf("%q, want %q; %v", got, tt.want, err)
			}
		})
	}
}

func TestWithoutABundleTheLibrarysAuthoritiesAreTrusted(t *testing.T) {
	if c := TLS(t.TempDir()); c.RootCAs != nil || c.MinVersion == 0 {
		t.Errorf("%+v", c)
	}
}
