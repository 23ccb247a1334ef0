//go:build integration

package integration

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ros-os/ros/internal/source/datasource/cloudtest"
)

// TestFaultyMetadata asks metadata services with one fault each, on one machine
// that is not booted in between. What they say that is good is applied, what is
// wrong is told, and no service feels any of it.
func TestFaultyMetadata(t *testing.T) {
	m := NewMachine(t, NS, "a metadata service may do what it likes: the machine stands").Flags("--seed", t.TempDir(),
		"--append", "rancher.cloud_init.timeout=3").Start()
	service := m.metadata("169.254.169.254")
	before := m.containers()
	for _, fault := range cloudFaults() {
		t.Run(fault.name, func(t *testing.T) {
			m := m.In(t)
			word := strings.ReplaceAll(fault.name, " ", "-") // as host name, and more
			cloud := inEC2(word, "#cloud-config\nhostname: "+word+"\n")
			cloud.Files["latest/meta-data/public-keys/0/openssh-key"] = strings.Replace(annsKey, "ann", word, 1)
			if fault.userData != "" {
				cloud.Files["latest/user-data"] = fault.userData
			}
			asked := "ec2:http://169.254.169.254/" + word
			var answers http.Handler = cloud
			if fault.broken != nil {
				answers = fault.broken(cloud)
			}
			service.says(http.StripPrefix("/"+word, answers))
			m.Ros("config", "set", "rancher.cloud_init.datasources", "["+asked+"]")
			m.faultIsTold(asked, fault)
			m.Eventually("the services are ready", time.Minute, ready(defaults()...))
			m.Unchanged(before)
			if keys := m.Sh("cat ~rancher/.ssh/authorized_keys || true"); strings.Contains(keys, word) == fault.lost {
				t.Errorf("what meta-data says: %q", keys)
			}
			if got := m.Sh("hostname"); (got == word) != (fault.status == "done" && fault.name != "has no user-data") {
				t.Errorf("host name %q", got)
			}
		})
	}
}

// faultIsTold waits until the datasource has been asked, and looks whether people
// are told what they should be.
func (m *Machine) faultIsTold(asked string, fault cloudFault) {
	m.t.Helper()
	m.Until("it has been asked", time.Minute, func() error {
		c, err := m.cloudInit()
		named := slices.ContainsFunc(c.Asked, func(a Asked) bool { return a.Name == asked })
		if err == nil && (!named || c.Status != fault.status || !strings.Contains(c.told(), fault.told)) {
			err = fmt.Errorf("status %q, want %q and %q: %s", c.Status, fault.status, fault.told, c.told())
		}
		return err
	})
	if fault.told == "" {
		m.Eventually("it is applied", time.Minute, converged)
		return
	}
	text := m.Try("console", "ros", "status").Stdout
	for _, want := range []string{fault.told, "169.254.169.254"} {
		if !strings.Contains(text, want) {
			m.t.Errorf("ros status does not say %q:\n%s", want, text)
		}
	}
}

// cloudFault is what may be wrong with a metadata service.
type cloudFault struct {
	name string
	// broken makes a service one that has the fault.
	broken   func(http.Handler) http.Handler
	userData string // in place of a sound one
	status   string // of cloud-init
	told     string // to people
	lost     bool   // there is nothing good to be had
}

func cloudFaults() []cloudFault {
	const failed, degraded, done = "failed", "degraded", "done"
	squeezed := zipped("#cloud-config\nhostname: x\n" + strings.Repeat("# ballast\n", 100))
	userData := func(fault string) func(http.Handler) http.Handler { return broken("/latest/user-data", fault) }
	all := func(fault string) func(http.Handler) http.Handler { return broken("", fault) }
	return []cloudFault{
		{name: "answers slowly", broken: delayed(100 * time.Millisecond), status: done},
		{name: "comes late", broken: late(700 * time.Millisecond), status: done},
		{name: "has no user-data", broken: userData("/404"), status: done},
		{name: "hangs", broken: all("/slow"), status: failed, told: "no datasource answers", lost: true},
		{name: "hangs in the middle", broken: userData("/slow"), status: degraded, told: "answered in part"},
		{name: "is out of order", broken: all("/500"), status: failed, told: "500 Internal Server Error", lost: true},
		{name: "is out of order in part", broken: userData("/500"), status: degraded, told: "500 Internal Server Error"},
		{name: "sends to elsewhere", broken: userData("/away"), status: degraded, told: "redirected to elsewhere"},
		{name: "sends a login page", broken: userData("/login"), status: degraded, told: "an HTML page"},
		{name: "is behind a login page", broken: all("/login"), status: failed, told: "an HTML page", lost: true},
		{name: "sends a picture", broken: userData("/typed"), status: degraded, told: "image/png"},
		{name: "sends 100 MB", broken: userData("/huge"), status: degraded, told: "104857600 bytes"},
		{name: "sends without an end", broken: userData("/flood"), status: degraded, told: "longer than the"},
		{name: "breaks off", broken: userData("/partial"), status: degraded, told: "broke off"},
		{name: "sends json", userData: `["not", "a", "mapping"]`, status: degraded, told: "user-data"},
		{name: "sends bad gzip", userData: squeezed[:len(squeezed)/2], status: degraded, told: "cannot unpack gzip"},
		{name: "sends bad mime", userData: strings.Replace(asParts, `; boundary="==part=="`, "", 1), status: degraded, told: "without a boundary"},
		{name: "is mended", status: done},
	}
}

// broken has one document of a service, or all of them, answered with a fault.
func broken(path, fault string) func(http.Handler) http.Handler {
	faulty := cloudtest.Faulty("http://" + router)
	return func(sound http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if path != "" && r.URL.Path != path {
				sound.ServeHTTP(w, r)
				return
			}
			r.URL.Path = fault
			faulty.ServeHTTP(w, r)
		})
	}
}

func delayed(by time.Duration) func(http.Handler) http.Handler {
	return func(sound http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			timer := time.NewTimer(by)
			defer timer.Stop()
			<-timer.C
			sound.ServeHTTP(w, r)
		})
	}
}

// late is a service that is out of order until some time after the first request.
func late(by time.Duration) func(http.Handler) http.Handler {
	return func(sound http.Handler) http.Handler {
		begin := sync.OnceValue(time.Now)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if time.Since(begin()) < by {
				http.Error(w, "", http.StatusServiceUnavailable)
				return
			}
			sound.ServeHTTP(w, r)
		})
	}
}

func zipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text)) // into memory
	_ = z.Close()
	return b.String()
}
