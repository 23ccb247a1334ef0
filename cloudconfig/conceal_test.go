package cloudconfig_test

import (
	"strings"
	"testing"

	"github.com/ros-os/ros/cloudconfig"
)

func TestSecretsInATextAreConcealed(t *testing.T) {
	for _, tt := range []struct{ name, doc, want string }{
		{
			"a plain value, and the comment behind it stays with its line",
			"#cloud-config\nrancher:\n  password: hunter2\n  # next\n  debug: true\n",
			"#cloud-config\nrancher:\n  password: (redacted)\n  # next\n  debug: true\n",
		},
		{
			"a flow map",
			"rancher: {registry_auths: {a.b: {username: u, password: hunter2, email: e}}, debug: true}\n",
			"rancher: {registry_auths: {a.b: {username: (redacted) password: (redacted) email: (redacted) debug: true}\n",
		},
		{
			"a block of lines, blank ones and all",
			"rancher:\n  ssh:\n    keys:\n      rsa: |\n        hunter2\n\n        # hunter2\n    port: 22\n",
			"rancher:\n  ssh:\n    keys:\n      rsa: (redacted)\n        (redacted)\n\n        (redacted)\n    port: 22\n",
		},
		{
			"a text in quotes over lines",
			"rancher: {password: \"hunter2\n  hunter2\", debug: true}\n",
			"rancher: {password: (redacted)\n  (redacted) debug: true}\n",
		},
		{
			"an anchor elsewhere",
			"hostname: &x hunter2\nrancher: {password: *x}\n",
			"hostname: (redacted)\nrancher: {password: *x}\n",
		},
		{
			"a merge key",
			"rancher:\n  docker:\n    <<: {server_key: hunter2}\n    tls: true\n",
			"rancher:\n  docker:\n    <<: {server_key: (redacted)\n    tls: true\n",
		},
		{"no end of line", "rancher: {password: hunter2}", "rancher: {password: (redacted)"},
		{"carriage returns", "rancher:\r\n  password: hunter2\r\n  debug: true\r\n", "rancher:\n  password: (redacted)\n  debug: true\n"},
		{"nothing", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := cloudconfig.ConcealSecrets([]byte(tt.doc))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tt.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, tt.want)
			}
		})
	}
}

func TestWhatDoesNotParseIsNotShown(t *testing.T) {
	if got, err := cloudconfig.ConcealSecrets([]byte("rancher: {password: hunter2\n")); err == nil {
		t.Errorf("got %q", got)
	}
}

// FuzzConcealSecrets: the lines stay, and a password does not.
func FuzzConcealSecrets(f *testing.F) {
	for _, seed := range []string{"x", "a b", "'q # '", `"\x41"`, "|\n      a\n\n     b", ">-\n  a", "&a b", "!!str c", "{a: b}", "[a, b]", "*x", "a\n  # c\n  d"} {
		f.Add(seed, "debug: true")
	}
	f.Fuzz(func(t *testing.T, value, other string) {
		doc := "hostname: &x zzz\nrancher:\n  password: " + value + "\n  " + other + "\n"
		layer, report := cloudconfig.ParseLayer("", "x", []byte(doc))
		got, err := cloudconfig.ConcealSecrets([]byte(doc))
		if report.Err() != nil {
			if err == nil {
				t.Fatal("a text that does not parse was shown")
			}
			return
		}
		if err != nil {
			return
		}
		plain := strings.ReplaceAll(doc, "\r\n", "\n")
		if strings.Count(string(got), "\n") != strings.Count(plain, "\n") {
			t.Fatalf("lines differ: %q became %q", plain, got)
		}
		secret := layer.Doc.Lookup("rancher", "password")
		if secret == nil || len(strings.TrimSpace(secret.Value)) < 4 || strings.Contains("hostname: &x zzz\nrancher:\n  password: (redacted)\n  "+other, secret.Value) {
			return
		}
		if strings.Contains(string(got), secret.Value) {
			t.Fatalf("%q shows %q", got, secret.Value)
		}
	})
}
