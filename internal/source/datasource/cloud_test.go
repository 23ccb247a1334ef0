package datasource

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/internal/golden"
	"github.com/ros-os/ros/internal/source"
	"github.com/ros-os/ros/internal/source/datasource/cloudtest"
)

// plainWeb fetches as a machine does that has no proxies and allows nothing.
func plainWeb() *web { return newWeb("", cloudconfig.Network{}, false) }

// serve has the cloud of that name answer, as its documentation says.
func serve(t *testing.T, name string) (*cloudtest.Cloud, *httptest.Server) {
	t.Helper()
	c, err := cloudtest.New(name)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	return c, server
}

func kindOf(t *testing.T, name string) kind {
	t.Helper()
	k, found := kindNamed(kinds(), name)
	if !found {
		t.Fatalf("there is no datasource %s", name)
	}
	return k
}

// render is a seed as a golden file has it.
func render(s source.Seed, err error) string {
	var b strings.Builder
	for _, f := range []struct {
		name string
		data []byte
	}{{"user-data", s.UserData}, {"meta-data", s.MetaData}, {"vendor-data", s.VendorData}, {"vendor-data2", s.VendorData2}, {"network-config", s.NetworkConfig}} {
		if len(f.data) > 0 {
			fmt.Fprintf(&b, "-- %s --\n%s\n", f.name, strings.TrimSuffix(string(f.data), "\n"))
		}
	}
	if err != nil {
		fmt.Fprintf(&b, "-- error --\n%v\n", err)
	}
	return b.String()
}

// Each cloud is asked at a server that answers as its documentation says, and
// what comes of it is understood by those who read it.
func TestCloudsAreUnderstood(t *testing.T) {
	for _, name := range cloudtest.Names() {
		if name == "vmware" {
			continue // it is not asked over HTTP
		}
		t.Run(name, func(t *testing.T) {
			_, server := serve(t, name)
			root := t.TempDir()
			if name == "azure" {
				putOVF(t, root, name)
			}
			d, err := kindOf(t, name).open(opening{arg: server.URL, web: plainWeb(), root: root})
			if err != nil {
				t.Fatal(err)
			}
			seed, err := d.Fetch(t.Context())
			golden.Equal(t, filepath.Join("testdata/clouds", name+".golden"), render(seed, err))
			understood(t, seed)
		})
	}
}

func putOVF(t *testing.T, root, name string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata/ovf", name+".xml"))
	if err == nil {
		err = os.MkdirAll(filepath.Join(root, source.SeedDir), 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(root, source.OVFFile), data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// understood fails the test when a seed has something that cannot be read.
func understood(t *testing.T, s source.Seed) {
	t.Helper()
	root := t.TempDir()
	if err := source.SaveSeed(root, "test", s); err != nil {
		t.Fatal(err)
	}
	if _, report := source.Load(root); report.Err() != nil {
		t.Error(report)
	}
	if len(s.NetworkConfig) == 0 {
		return
	}
	if _, report := cloudconfig.ParseNetworkConfig("network-config", s.NetworkConfig); report.Err() != nil {
		t.Error(report)
	}
}

func TestEC2RenewsATokenThatHasRunOut(t *testing.T) {
	c := cloudtest.Empty("ec2")
	c.Files = map[string]string{"latest/user-data": "#cloud-config\nhostname: a\n"}
	refused := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/latest/user-data" && refused == 0 {
			refused++
			http.Error(w, "", http.StatusUnauthorized)
			return
		}
		c.ServeHTTP(w, r)
	}))
	defer server.Close()
	d, err := openEC2(opening{arg: server.URL, web: plainWeb()})
	if err != nil {
		t.Fatal(err)
	}
	seed, err := d.Fetch(t.Context())
	if err != nil || string(seed.UserData) != c.Files["latest/user-data"] || refused != 1 {
		t.Errorf("user-data %q, %v, refused %d times", seed.UserData, err, refused)
	}
}

func TestEC2IsAskedWithoutTokenOnlyWhereThatIsAllowed(t *testing.T) {
	c := cloudtest.Empty("") // without tokens
	c.Files = map[string]string{"latest/user-data": "#cloud-config\nhostname: a\n"}
	server := httptest.NewServer(c)
	defer server.Close()
	for _, allowed := range []bool{false, true} {
		d, err := openEC2(opening{arg: server.URL, web: plainWeb(), imdsV1: allowed})
		if err != nil {
			t.Fatal(err)
		}
		seed, err := d.Fetch(t.Context())
		if (err == nil) != allowed || (len(seed.UserData) > 0) != allowed {
			t.Errorf("allowed %v: user-data %q, %v", allowed, seed.UserData, err)
		}
	}
}

func TestEC2IsAskedWhereItIsReached(t *testing.T) {
	_, server := serve(t, "ec2")
	nobody, somebody := "http://127.0.0.1:1", server.URL
	for _, row := range []struct {
		base, other string
		told        []string // what is wrong; nil: nothing
	}{
		{nobody, somebody, nil},
		{somebody, nobody, nil},
		{nobody, "http://127.0.0.1:2", []string{"127.0.0.1:1", "127.0.0.1:2"}},
	} {
		e := amazon(opening{web: plainWeb()}, row.base)
		e.other = amazon(opening{web: plainWeb()}, row.other)
		seed, err := e.Fetch(t.Context())
		if (err == nil) != (row.told == nil) || seed.Empty() != (row.told != nil) {
			t.Errorf("%+v: %v, %q", row, err, seed.MetaData)
		}
		for _, want := range row.told {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %s in it", err, want)
			}
		}
	}
	d, err := openEC2(opening{web: plainWeb()})
	if e := d.(*ec2); err != nil || e.other == nil || e.other.tokens.path != "http://[fd00:ec2::254]/latest/api/token" {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestACloudThatHasNothingIsPassedOver(t *testing.T) {
	for _, name := range []string{"ec2", "aliyun", "exoscale", "gce", "openstack", "digitalocean", "hetzner", "vultr"} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(cloudtest.Empty(name))
			defer server.Close()
			d, err := kindOf(t, name).open(opening{arg: server.URL, web: plainWeb(), root: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.Fetch(t.Context()); !errors.Is(err, ErrNothing) {
				t.Errorf("%v, want that there is nothing", err)
			}
		})
	}
}

// A service that answers only in part gives what it can.
func TestWhatAServiceCanGiveIsKept(t *testing.T) {
	for _, name := range []string{"ec2", "openstack", "hetzner"} {
		t.Run(name, func(t *testing.T) {
			c, _ := serve(t, name)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.URL.Path, "user") {
					http.Error(w, "", http.StatusInternalServerError)
					return
				}
				c.ServeHTTP(w, r)
			}))
			defer server.Close()
			d, err := kindOf(t, name).open(opening{arg: server.URL, web: plainWeb()})
			if err != nil {
				t.Fatal(err)
			}
			seed, err := d.Fetch(t.Context())
			if err == nil || len(seed.MetaData) == 0 || !strings.Contains(err.Error(), "500") {
				t.Errorf("meta-data %q, %v", seed.MetaData, err)
			}
		})
	}
}

func TestVMwareIsReadInBothWays(t *testing.T) {
	root := t.TempDir()
	putOVF(t, root, "vmware")
	v := &vmware{web: plainWeb(), root: root}
	seed, err := v.Fetch(t.Context())
	golden.Equal(t, "testdata/clouds/vmware-ovf.golden", render(seed, err))
	understood(t, seed)

	putOVF(t, root, "image")
	seed, err = v.Fetch(t.Context())
	golden.Equal(t, "testdata/clouds/vmware-image.golden", render(seed, err))
	understood(t, seed)

	c, err := cloudtest.New("vmware")
	if err != nil {
		t.Fatal(err)
	}
	v = &vmware{web: plainWeb(), root: t.TempDir(), rpc: func(_ context.Context, key string) (string, error) { return c.Files[key], nil }}
	seed, err = v.Fetch(t.Context())
	golden.Equal(t, "testdata/clouds/vmware.golden", render(seed, err))
	understood(t, seed)
}

// A copy of a machine at VMware is another instance, though nobody said so.
func TestAMachineAtVMwareIsKnownByItsUUID(t *testing.T) {
	for meta, want := range map[string]string{
		"": "564d-ab", "local-hostname: a\n": "564d-ab", "instance-id: i-1\n": "i-1", "instance-id: i-1": "i-1",
		"public-keys-data: |\n  ssh-ed25519 AAAA1 a\n  ssh-ed25519 AAAA2 b\n": "564d-ab",
	} {
		values := map[string]string{"guestinfo.userdata": "#cloud-config\nhostname: a\n", "guestinfo.metadata": meta}
		v := &vmware{
			web: plainWeb(), root: t.TempDir(), uuid: "564d-ab",
			rpc: func(_ context.Context, key string) (string, error) { return values[key], nil },
		}
		seed, err := v.Fetch(t.Context())
		if got := cloudconfig.InstanceID(seed.MetaData); err != nil || got != want {
			t.Errorf("meta-data %q: instance %q, %v, want %q", meta, got, err, want)
		}
		l, report := cloudconfig.ParseMetaData("meta-data", "meta-data", seed.MetaData)
		cfg, _ := cloudconfig.Merge(l).Config()
		if keys := strings.Count(meta, "ssh-ed25519"); report.Err() != nil || len(cfg.SSHAuthorizedKeys) != keys {
			t.Errorf("meta-data %q: keys %q, %v, want %d", meta, cfg.SSHAuthorizedKeys, report, keys)
		}
	}
	v := &vmware{web: plainWeb(), root: t.TempDir(), uuid: "564d-ab"}
	if seed, err := v.Fetch(t.Context()); !errors.Is(err, ErrNothing) || !seed.Empty() {
		t.Errorf("the UUID alone is a datasource: %+v, %v", seed, err)
	}
}

// An address that is none costs itself, and no card.
func TestWhatIsGoodOfANetworkIsKept(t *testing.T) {
	for name, row := range map[string]struct{ find, replace, told, kept string }{
		"digitalocean": {"\"10.132.255.113\"", "\"nonsense\"", `"nonsense" is no address`, "104.131.20.105/18"},
		"vultr":        {"\"108.61.89.250\"", "\"nonsense\"", `"nonsense" is no address`, "10.1.112.3/20"},
		"openstack":    {`"link": "vlan0"`, `"link": "vlan9"`, `there is no link "vlan9"`, "10.184.0.244/20"},
	} {
		t.Run(name, func(t *testing.T) {
			c, server := serve(t, name)
			for file, text := range c.Files {
				c.Files[file] = strings.ReplaceAll(text, row.find, row.replace)
			}
			d, err := kindOf(t, name).open(opening{arg: server.URL, web: plainWeb()})
			if err != nil {
				t.Fatal(err)
			}
			seed, err := d.Fetch(t.Context())
			if err == nil || !strings.Contains(err.Error(), row.told) || !strings.Contains(string(seed.NetworkConfig), row.kept) {
				t.Errorf("%v\n%s", err, seed.NetworkConfig)
			}
			understood(t, seed)
		})
	}
}

// VMware's documentation compresses both documents.
func TestVMwaresDocumentsMayBeCompressed(t *testing.T) {
	compressed := func(text string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(b.Bytes())
	}
	const network = "{version: 2, ethernets: {eth0: {dhcp4: true}}}"
	values := map[string]string{
		"guestinfo.userdata": compressed("#cloud-config\nhostname: a\n"), "guestinfo.userdata.encoding": "gz+b64",
		"guestinfo.metadata":          compressed("instance-id: i1\nnetwork: " + compressed(network) + "\nnetwork.encoding: gzip+base64\n"),
		"guestinfo.metadata.encoding": "gzip+base64",
	}
	v := &vmware{web: plainWeb(), root: t.TempDir(), rpc: func(_ context.Context, key string) (string, error) { return values[key], nil }}
	seed, err := v.Fetch(t.Context())
	if err != nil || cloudconfig.InstanceID(seed.MetaData) != "i1" || string(seed.NetworkConfig) != network {
		t.Errorf("meta-data %q, network %q, %v", seed.MetaData, seed.NetworkConfig, err)
	}
	understood(t, seed)

	values["guestinfo.metadata"] = base64.StdEncoding.EncodeToString([]byte("\x1f\x8bnonsense"))
	if seed, err = v.Fetch(t.Context()); err == nil || !strings.Contains(err.Error(), "guestinfo.metadata: ") || len(seed.UserData) == 0 {
		t.Errorf("user-data %q, %v", seed.UserData, err)
	}
}

func TestKeysOfGoogleEnd(t *testing.T) {
	now := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	text := "ann:ssh-ed25519 AAAA1 ann\n" +
		`bob:ssh-ed25519 AAAA2 google-ssh {"userName":"bob","expireOn":"2026-01-01T00:00:00+0000"}` + "\n" +
		`eve:ssh-ed25519 AAAA3 google-ssh {"userName":"eve","expireOn":"2026-01-03T00:00:00+0000"}` + "\n" +
		`odd:ssh-ed25519 AAAA4 google-ssh {"expireOn":"never"}` + "\n# remark\n"
	got := strings.Join(gceKeys(text, now), "|")
	if want := "ssh-ed25519 AAAA1 ann|ssh-ed25519 AAAA3"; got != want {
		t.Errorf("keys %q, want %q", got, want)
	}
}

// Keys of the project are for all its machines but those that say otherwise.
func TestAMachineOfGoogleKeepsTheProjectsKeysOut(t *testing.T) {
	for attributes, want := range map[string]string{
		`{}`: "ssh-ed25519 AAAAp eve",
		`{"ssh-keys":"ann:ssh-ed25519 AAAA1 ann"}`:                                       "ssh-ed25519 AAAA1 ann|ssh-ed25519 AAAAp eve",
		`{"ssh-keys":"ann:ssh-ed25519 AAAA1 ann","block-project-ssh-keys":"FALSE"}`:      "ssh-ed25519 AAAA1 ann|ssh-ed25519 AAAAp eve",
		`{"ssh-keys":"ann:ssh-ed25519 AAAA1 ann","block-project-ssh-keys":"TRUE"}`:       "ssh-ed25519 AAAA1 ann",
		`{"ssh-keys":"ann:ssh-ed25519 AAAA1 ann","block-project-ssh-keys":"True"}`:       "ssh-ed25519 AAAA1 ann",
		`{"ssh-keys":"ann:ssh-ed25519 AAAA1 ann","sshKeys":"old:ssh-ed25519 AAAA2 old"}`: "ssh-ed25519 AAAA1 ann|ssh-ed25519 AAAA2 old",
	} {
		c := cloudtest.Empty("gce")
		c.Files = map[string]string{
			"computeMetadata/v1/instance/?recursive=true":           `{"id":1,"attributes":` + attributes + `}`,
			"computeMetadata/v1/project/attributes/?recursive=true": `{"ssh-keys":"eve:ssh-ed25519 AAAAp eve"}`,
		}
		server := httptest.NewServer(c)
		d, err := openGCE(opening{arg: server.URL, web: plainWeb()})
		if err != nil {
			t.Fatal(err)
		}
		seed, err := d.Fetch(t.Context())
		server.Close()
		var m struct {
			Keys []string `json:"public-keys"`
		}
		if err == nil {
			err = json.Unmarshal(seed.MetaData, &m)
		}
		if got := strings.Join(m.Keys, "|"); err != nil || got != want {
			t.Errorf("%s: keys %q, %v, want %q", attributes, got, err, want)
		}
	}
}

func TestEveryDatasourceIsKnownToTheConfiguration(t *testing.T) {
	for _, k := range kinds() {
		l, report := cloudconfig.ParseLayer("user-data", "user-data", []byte("rancher: {cloud_init: {datasources: ["+k.name+"]}}"))
		_, found := cloudconfig.Merge(l).Config()
		if report = append(report, found...); len(report) > 0 {
			t.Error(report)
		}
	}
}
