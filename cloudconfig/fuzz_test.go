package cloudconfig

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

var seeds = []string{
	"", "#cloud-config\nhostname: x\n", "a: &a {b: *a}\n", "a: &a [*a]\n", "&x a: *x\n", "a: &a\n  <<: *a\n",
	"a: &x {k: 1}\nb: *x\n", "a: &x {k: 1}\nb:\n  <<: *x\n", "a: [1\n", "a:\n\tb: 1\n", "a: 1\n---\nb: 2\n", "? {a: 1}\n: 2\n",
	"merge_how: list(append)+dict(recurse_array)+str()\nl: [1]\n", "rancher:\n  services:\n    a: {image: b, environment: {A: }}\n",
	"rancher: {environment: [A=1], network: {interfaces: {\"eth1.100\": {address: 10.0.0.1/24}}}}\n",
	"write_files:\n  - path: /a # c\n    content: |\n      x\n       y\n", "a: !!binary aGk=\nb: !x y\n", "\xef\xbb\xbfa: 1\r\n",
	"ssh_authorized_keys: null\n", "a: >-\n  x\n\n  y\n# end\n", "a: \"\\u263a\"\n", "- a\n", "runcmd: [[a, b], c]\n",
}

func FuzzParseLayer(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l, report := ParseLayer("user-data", "f", data)
		checkReport(t, report)
		if l.Doc.Root == nil {
			return
		}
		require.Equal(t, yaml.MappingNode, l.Doc.Root.Kind)
		checkNodes(t, l.Doc, l.Doc.Root)
		checkReport(t, Validate(l))
		meta, report := ParseMetaData("meta-data", "f", data)
		checkReport(t, report)
		m := Merge(l, meta)
		_, report = m.Config()
		checkReport(t, report)
		_, err := m.Export(ExportOptions{})
		require.NoError(t, err)
	})
}

// checkReport wants of every problem what a person needs.
func checkReport(t *testing.T, report Report) {
	t.Helper()
	for _, p := range report {
		require.NotEmpty(t, p.Msg)
		require.NotEmpty(t, p.Pos.File, p.Msg)
		require.Positive(t, p.Pos.Line, p.Msg)
		require.Positive(t, p.Pos.Col, p.Msg)
	}
}

// checkNodes wants a plain tree in which every node knows its file.
func checkNodes(t *testing.T, d Document, n *yaml.Node) {
	t.Helper()
	require.NotEqual(t, yaml.AliasNode, n.Kind)
	require.Empty(t, n.Anchor)
	require.NotEmpty(t, d.Pos(n).File)
	for _, c := range n.Content {
		checkNodes(t, d, c)
	}
}

func FuzzParseCmdline(f *testing.F) {
	for _, s := range []string{
		"rancher.debug cc.hostname=x", "rancher.a=[a,[b],'c'] rancher.b=\"x y\"", `rancher.a."x.y"=\"z\"`, "cc.", "rancher.=", "rancher.a=[", "rancher.a.a=1 rancher.a=2 rancher.a.b=3",
		`"rancher.a=x y"`, "rancher.p=*x", "rancher.p=&x", "rancher.a=”x y” -- cc.hostname=z", "cc.rancher.x=!!binary", "rancher.x=- rancher.y=?", "rancher.x={a:b}",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		l, report := ParseCmdline(line)
		for _, p := range append(report, Validate(l)...) {
			require.Equal(t, CmdlineFile, p.Pos.String())
		}
		if l.Doc.Root == nil {
			return
		}
		checkNodes(t, l.Doc, l.Doc.Root)
		_, _ = Merge(l).Config()
		again, _ := ParseCmdline("quiet " + line)
		require.True(t, sameValue(l.Doc.Root, again.Doc.Root))
	})
}

func FuzzMerge(f *testing.F) {
	for i, s := range seeds {
		f.Add([]byte(s), []byte(seeds[(i+5)%len(seeds)]), []byte(seeds[(i+9)%len(seeds)]))
	}
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		var layers []Layer
		for i, data := range [][]byte{a, b, c} {
			l, report := ParseLayer([]string{"os-config", "meta-data", "user-data"}[i], "f", data)
			if report.Err() != nil {
				return
			}
			layers = append(layers, l)
		}
		m := Merge(layers...)
		if m.Doc.Root != nil {
			checkNodes(t, m.Doc, m.Doc.Root)
		}
		s := newState(layers[0]).with(newState(layers[1]).with(newState(layers[2]))).document()
		if m.Doc.Root == nil || s.Root == nil {
			require.Equal(t, m.Doc.Root, s.Root)
			return
		}
		require.True(t, sameValue(m.Doc.Root, s.Root), "merging is associative")
	})
}

func FuzzSetValue(f *testing.F) {
	for i, s := range seeds {
		f.Add([]byte(s), "a.k", []string{"x", "1", "[a, b]", "{a: b}", "a: b", "x\ny\n", "null", "#", "*x"}[i%9])
	}
	f.Add([]byte("#cloud-config\n# only\n"), `rancher.network.interfaces."eth1.100".mtu`, "1500")
	f.Add([]byte("l: [a] # c\n"), "l.1", "b")
	f.Fuzz(func(t *testing.T, doc []byte, key, value string) {
		path, err := SplitPath(key)
		if err != nil || len(path) == 0 || len(path) > 20 {
			return
		}
		before, report := ParseLayer("x", "f", doc)
		out, err := SetValue(doc, path, value)
		if err != nil {
			return
		}
		require.NoError(t, report.Err(), "a text that cannot be read is not changed")
		after, report := ParseLayer("x", "f", out)
		require.Empty(t, report.Err())
		require.NotNil(t, lookup(after.Doc.Root, path))
		require.True(t, sameValue(lookup(after.Doc.Root, path), newValue(path, value)))
		eachLeaf(before.Doc.Root, nil, func(n *yaml.Node, at []string) {
			if at[0] != path[0] {
				require.NotNil(t, lookup(after.Doc.Root, at), "%v is lost", at)
			}
		})
		gone, err := UnsetValue(out, path)
		require.NoError(t, err)
		rest, report := ParseLayer("x", "f", gone)
		require.Empty(t, report.Err())
		if lookup(after.Doc.Root, path[:len(path)-1]).Kind == yaml.MappingNode {
			require.Nil(t, lookup(rest.Doc.Root, path))
		}
	})
}

func FuzzSplitPath(f *testing.F) {
	for _, s := range []string{"a.b", `a."b.c".d`, `'x'.y`, `"\""`, "", ".", "a..b", `"`, "a.0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		path, err := SplitPath(s)
		if err != nil {
			return
		}
		again, err := SplitPath(JoinPath(path...))
		require.NoError(t, err)
		require.Equal(t, path, again)
	})
}
