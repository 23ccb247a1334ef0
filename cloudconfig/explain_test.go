package cloudconfig

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// fourLayers speak about the same things.
func fourLayers(t *testing.T) Merged {
	t.Helper()
	cmdline, report := ParseCmdline("quiet cc.rancher.docker.host=[unix:///run/a.sock] rancher.password=geheim")
	require.Empty(t, report)
	return Merge(
		layer(t, "os-config", "rancher:\n  docker:\n    host: [unix:///var/run/docker.sock]\n    group: docker\n    log_opts: {max-size: 25m, max-file: '2'}\n  ssh: {port: 22}\n"),
		layer(t, "user-data", "rancher:\n  docker:\n    host: [tcp://0.0.0.0:2375]\n    log_opts: {max-file: '5'}\n"),
		layer(t, "cloud-config", "rancher:\n  docker: {group: null, tls: true}\n  ssh:\n  services:\n    web:\n      image: nginx\n"),
		cmdline,
	)
}

func explained(e Explanation) string {
	var b strings.Builder
	for _, s := range e.Statements {
		fmt.Fprintf(&b, "%s %s %s %s\n", s.Layer, s.Pos, s.Effect, s.Value)
	}
	return b.String()
}

func TestExplain(t *testing.T) {
	t.Parallel()
	m := fourLayers(t)
	for _, tt := range []struct{ name, path, want string }{
		{"the highest layer comes first", "rancher.docker.host", `
kernel command line <kernel command line> in effect ['unix:///run/a.sock']
user-data user-data:3:11 overridden ['tcp://0.0.0.0:2375']
os-config os-config:3:11 overridden ['unix:///var/run/docker.sock']
`},
		{"a map is in effect in part", "rancher.docker.log_opts", `
user-data user-data:4:15 in part {max-file: '5'}
os-config os-config:5:15 in part {max-size: 25m, max-file: '2'}
`},
		{"a removed key", "rancher.docker.group", `
cloud-config cloud-config:2:19 in effect (removed)
os-config os-config:4:12 overridden docker
`},
		{"a key whose map was removed", "rancher.ssh.port", `
cloud-config cloud-config:3:7 in effect (removed)
os-config os-config:6:15 overridden 22
`},
		{"a secret", "rancher.password", `
kernel command line <kernel command line> in effect (redacted)
`},
		{"a key that nobody set", "rancher.debug", "\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path, err := SplitPath(tt.path)
			require.NoError(t, err)
			require.Equal(t, tt.want, "\n"+explained(m.Explain(ExportOptions{}, path...)))
		})
	}
	require.Contains(t, explained(m.Explain(ExportOptions{Private: true}, "rancher", "password")), "geheim")
}

func TestExplainKnowsTheSchema(t *testing.T) {
	t.Parallel()
	unset := Merge().Explain(ExportOptions{}, "rancher", "ssh", "port")
	require.True(t, unset.Known)
	require.Equal(t, "22", unset.Default)
	require.Empty(t, unset.Statements)
	require.NotNil(t, unset.Statements, "JSON is to say []")
	typo := Merge().Explain(ExportOptions{}, "rancher", "shh")
	require.False(t, typo.Known)
	require.Equal(t, `did you mean "ssh"?`, typo.Hint)
	require.True(t, Merge().Explain(ExportOptions{}, "rancher", "services", "web", "image").Known)
	require.True(t, Merge().Explain(ExportOptions{}).Known)
}

func TestExplainAllTellsTheWinnerOfEveryValue(t *testing.T) {
	t.Parallel()
	var got []string
	for _, e := range fourLayers(t).ExplainAll(ExportOptions{}, "rancher", "docker") {
		got = append(got, e.Key+" "+e.Statements[0].Layer+" "+e.Statements[0].Value)
	}
	require.Equal(t, []string{
		"rancher.docker.group cloud-config (removed)",
		"rancher.docker.host kernel command line ['unix:///run/a.sock']",
		"rancher.docker.log_opts.max-file user-data 5",
		"rancher.docker.log_opts.max-size os-config 25m",
		"rancher.docker.tls cloud-config true",
	}, got)
	require.Empty(t, fourLayers(t).ExplainAll(ExportOptions{}, "hostname"))
}

// TestOriginsAreCommentsOnEveryLine also reads what was written: the comments
// must not change it.
func TestOriginsAreCommentsOnEveryLine(t *testing.T) {
	t.Parallel()
	m := Merge(
		layer(t, "low", "a: {b: [1, {c: 2}, [x, y]], d: {}}\nq: \"x # y\"\nt: |\n  lines\n  more\n"),
		layer(t, "high", "a: {e: null, f: yes} # mine\nl: [z]\n"),
	)
	text, err := m.Export(ExportOptions{Origins: true})
	require.NoError(t, err)
	require.Equal(t, `a: # high:1:1
  b: # low:1:5
    - 1 # low:1:9
    - c: 2 # low:1:16
    - - x # low:1:21
      - y # low:1:24
  d: {} # low:1:32
  f: yes # high:1:17
q: "x # y" # low:2:4
t: | # low:3:4
  lines
  more
l: # high:2:1
  - z # high:2:5
`, string(text))
	var with, without any
	plain, err := m.Export(ExportOptions{})
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &with))
	require.NoError(t, yaml.Unmarshal(plain, &without))
	require.Equal(t, without, with)
}

func TestShow(t *testing.T) {
	t.Parallel()
	m := fourLayers(t)
	for _, tt := range []struct {
		path, want string
		opts       ExportOptions
	}{
		{"rancher.docker.log_opts", "max-size: 25m\nmax-file: '5'\n", ExportOptions{}},
		{"rancher.docker.log_opts", "max-size: 25m # os-config:5:26\nmax-file: '5' # user-data:4:26\n", ExportOptions{Origins: true}},
		{"rancher.password", "(redacted)\n", ExportOptions{}},
		{"rancher.password", "geheim\n", ExportOptions{Private: true}},
		{"rancher.services.web.image", "nginx # cloud-config:6:14\n", ExportOptions{Origins: true}},
		{"rancher.docker.group", "\n", ExportOptions{Origins: true}},
		{"hostname", "\n", ExportOptions{}},
	} {
		path, err := SplitPath(tt.path)
		require.NoError(t, err)
		text, err := m.Show(tt.opts, path...)
		require.NoError(t, err)
		require.Equal(t, tt.want, text, tt.path)
	}
}

func TestKeysOfSchemaAndDocument(t *testing.T) {
	t.Parallel()
	keys, more := fourLayers(t).Keys("rancher")
	require.Contains(t, keys, "docker")
	require.Contains(t, keys, "sysctl", "nobody has set it")
	require.True(t, more["docker"])
	require.False(t, more["debug"])
	keys, more = fourLayers(t).Keys("rancher", "services")
	require.Equal(t, []string{"web"}, keys)
	require.True(t, more["web"])
}

func TestSourceLinesHideWhatMayBeSecret(t *testing.T) {
	t.Parallel()
	for name, doc := range map[string]string{
		"a document":              "hostname: web1\nrancher:\n  password: s3cret\n  environment:\n    A: s3cret\n  docker: {server_key: s3cret, group: docker}\nwrite_files:\n- path: /a\n  content: |\n    # s3cret\n    s3cret\n",
		"one that does not parse": "hostname: web1\nbad: [\nrancher:\n  password: s3cret\n  environment:\n    A: s3cret\n    # s3cret\n  docker: {server_key: s3cret, group: docker}\n  ssh:\n    keys:\n      rsa: |\n        s3cret\nwrite_files:\n- path: /a\n  content: |\n    # s3cret\n    s3cret: s3cret\nproxy: http://ann:s3cret@example.com/\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := SourceLines([]byte(doc))
			require.Len(t, lines, strings.Count(doc, "\n")+1)
			text := strings.Join(lines, "\n")
			require.NotContains(t, text, "s3cret")
			require.Contains(t, text, "hostname: web1\n")
			require.Contains(t, text, "path: /a\n")
		})
	}
}
