package cloudconfig

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// editCase is a text before and after one edit: "set KEY", "append KEY", "unset
// KEY" or "merge", and its value.
type editCase struct{ name, doc, do, value, want string }

func (c editCase) run(t *testing.T) {
	t.Parallel()
	verb, key, _ := strings.Cut(c.do, " ")
	path, err := SplitPath(key)
	require.NoError(t, err)
	var got []byte
	switch verb {
	case "set":
		got, err = SetValue([]byte(c.doc), path, c.value)
	case "append":
		got, err = AppendValue([]byte(c.doc), path, c.value)
	case "unset":
		got, err = UnsetValue([]byte(c.doc), path)
	default:
		got, err = MergeInto([]byte(c.doc), []byte(c.value))
	}
	require.NoError(t, err)
	require.Equal(t, c.want, string(got))
}

func TestSetValueReplacesOnlyTheValue(t *testing.T) {
	t.Parallel()
	tests := []editCase{
		{"comments and order survive", "#cloud-config\n# about b\nb: 1 # one\n# about a\na:\n  # about c\n  c: 2 # two\n  d: 3\n", "set a.c", "5", "#cloud-config\n# about b\nb: 1 # one\n# about a\na:\n  # about c\n  c: 5 # two\n  d: 3\n"},
		{"spaces and blank lines survive", "a :   1   # x\n\n\nb:  2\n", "set a", "3", "a :   3   # x\n\n\nb:  2\n"},
		{"a value that is there already changes nothing", "hostname:   'x' # mine\n", "set hostname", "x", "hostname:   'x' # mine\n"},
		{"a map that is there already changes nothing", "a:\n   b: 1 # x\n", "set a", "{b: 1}", "a:\n   b: 1 # x\n"},
		{"double quotes are kept", "hostname: \"x\" # mine\n", "set hostname", "y", "hostname: \"y\" # mine\n"},
		{"single quotes are kept", "hostname: 'x'\n", "set hostname", "y", "hostname: 'y'\n"},
		{"a text that needs others gets other quotes", "hostname: 'x'\n", "set hostname", "it's", "hostname: it's\n"},
		{"what looks like a number is quoted", "hostname: x\n", "set hostname", "30", "hostname: \"30\"\n"},
		{"a number takes quotes away", "a: \"x\"\n", "set a", "30", "a: 30\n"},
		{"a quoted text over several lines", "a: \"x\n  # no comment\n\n  y\" # c\nb: 1\n", "set a", "z", "a: \"z\" # c\nb: 1\n"},
		{"a plain text over several lines", "a: x\n  y\n\n  z # c\nb: 1\n", "set a", "z", "a: z # c\nb: 1\n"},
		{"a text in the line below its key", "a: # c\n  x # d\nb: 1\n", "set a", "z", "a: # c\n  z # d\nb: 1\n"},
		{"nothing", "a:\nb: 1\n", "set a", "z", "a: z\nb: 1\n"},
		{"nothing with a comment", "a:   # c\nb: 1\n", "set a", "z", "a: z   # c\nb: 1\n"},
		{"nothing with spaces", "a:  \nb: 1\n", "set a", "z", "a: z\nb: 1\n"},
		{"null with a comment", "a: ~ # c\nb: 1\n", "set a", "z", "a: z # c\nb: 1\n"},
		{"a tab before a comment", "a: 1\t# c\n", "set a", "2", "a: 2\t# c\n"},
		{"tabs in comments", "#\tx\na: 1 #\ty\n", "set a", "2", "#\tx\na: 2 #\ty\n"},
		{"a hash that is no comment", "a: http://x/#y # c\n", "set a", "z", "a: z # c\n"},
		{"a literal text", "a: | # c\n  x\n    y\n\n\n# next\nb: 1\n", "set a", "z", "a: z # c\n\n\n# next\nb: 1\n"},
		{"a literal text that keeps its blank lines", "a: |+\n  x\n\n\nb: 1\n", "set a", "z", "a: z\nb: 1\n"},
		{"a literal text with an indentation", "a: |2-\n   x\n  y\nb: 1\n", "set a", "z", "a: z\nb: 1\n"},
		{"a folded text with lines like comments", "a: >-\n  # x\n  y: z\nb: 1\n", "set a", "z", "a: z\nb: 1\n"},
		{"a literal text by another", "a: | # c\n    x\nb: 1\n", "set a", "y\nz\n", "a: | # c\n  y\n  z\nb: 1\n"},
		{"a text by one of several lines", "a:\n    b: x # c\nd: 1\n", "set a.b", "y\nz", "a:\n    b: |- # c\n        y\n        z\nd: 1\n"},
		{"a tag goes with its value", "a: !!str 1 # c\n", "set a", "2", "a: 2 # c\n"},
		{"a key with a dot", "rancher:\n  sysctl:\n    net.ipv4.ip_forward: 0 # x\n", `set rancher.sysctl."net.ipv4.ip_forward"`, "1", "rancher:\n  sysctl:\n    net.ipv4.ip_forward: \"1\" # x\n"},
		{"a quoted key", "\"a.b\" : 1\n'it''s': 2\n", `set "it's"`, "3", "\"a.b\" : 1\n'it''s': 3\n"},
		{"an escaped key", "\"\\u00e9\": 1 # é\n", "set é", "3", "\"\\u00e9\": 3 # é\n"},
		{"letters of several bytes", "ü: ä # ö\nß: [é, {ñ: 日本}] # 語\n", "set ß.1.ñ", "x", "ü: ä # ö\nß: [é, {ñ: x}] # 語\n"},
		{"a key that is a number", "80: x\n", "set 80", "y", "80: y\n"},
		{"a key behind a question mark", "? a\n: 1 # c\n? b\n: 2\n", "set a", "3", "? a\n: 3 # c\n? b\n: 2\n"},
		{"a map in lines by a text", "a: # c\n  # d\n  b: 1 # e\n    # f\n\n  # g\nh: 1\n", "set a", "x", "a: x # c\nh: 1\n"},
		{"a map in lines by nothing else than null", "a:\n  b: 1\nc: 1\n", "set a", "null", "a: null\nc: 1\n"},
		{"a text by a map in lines", "a:\n  m: x # c\n", "set rancher.services.web", "image: nginx\n", "a:\n  m: x # c\nrancher:\n  services:\n    web:\n      image: nginx\n"},
		{"a text by a map takes its comment along", "rancher:\n  services: x # c\n", "set rancher.services", "web: {image: nginx}\n", "rancher:\n  services: # c\n    web: {image: nginx}\n"},
		{"a map key by key", "a:\n  # about b\n  b: 1 # x\n  c: 2\n", "set a", "{b: 1, c: 3, d: 4}", "a:\n  # about b\n  b: 1 # x\n  c: 3\n  d: 4\n"},
		{"a list item by item", "l:\n- a # x\n- b # y\n- c # z\n", "set l", "[a, c]", "l:\n- a # x\n- c # z\n"},
		{"a list by a longer one", "l:\n  - a # x\n", "set l", "[a, b, c]", "l:\n  - a # x\n  - b\n  - c\n"},
		{"no final newline", "a: 1\nb: 2", "set b", "3", "a: 1\nb: 3"},
		{"a byte order mark and CRLF", "\ufeff#cloud-config\r\na: 1 # c\r\nb: 2\r\n", "set a", "3", "\ufeff#cloud-config\r\na: 3 # c\r\nb: 2\r\n"},
		{"new lines end as those of the text", "a:\r\n  b: 1\r\n", "set a.c", "x\ny\n", "a:\r\n  b: 1\r\n  c: |\r\n    x\r\n    y\r\n"},
		{"lines that end in two ways", "a: 1\nb: 2\r\nc: 3\n", "set c", "4", "a: 1\nb: 2\r\nc: 4\n"},
		{"document marks", "%YAML 1.1\n---\na: 1\n...\n", "set a", "2", "%YAML 1.1\n---\na: 2\n...\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, tt.run)
	}
}

func TestSetValueInLists(t *testing.T) {
	t.Parallel()
	tests := []editCase{
		{"an item", "l:\n  - a # x\n  - b # y\n", "set l.1", "c", "l:\n  - a # x\n  - c # y\n"},
		{"an item that is nothing", "l:\n- \n- b\n", "set l.0", "c", "l:\n- c\n- b\n"},
		{"a key of a compact map", "l:\n- a: 1 # x\n  b: 2 # y\n", "set l.0.a", "3", "l:\n- a: 3 # x\n  b: 2 # y\n"},
		{"a new key of a compact map", "l:\n  -   a: 1 # x\n  - c: 2\n", "set l.0.b", "3", "l:\n  -   a: 1 # x\n      b: 3\n  - c: 2\n"},
		{"a new key of a map below its dash", "l:\n  - # x\n    a: 1\n", "set l.0.b", "3", "l:\n  - # x\n    a: 1\n    b: 3\n"},
		{"a compact map by a text", "l:\n- a: 1\n  b: 2\n- c\n", "set l.0", "x", "l:\n- x\n- c\n"},
		{"a text by a compact map", "write_files:\n-   x # c\n", "set write_files.0", "path: /a\ncontent: b\n", "write_files:\n- # c\n  path: /a\n  content: b\n"},
		{"a list within a list", "l:\n- - a\n  - b # x\n- c\n", "set l.0.1", "d", "l:\n- - a\n  - d # x\n- c\n"},
		{"an item behind the last", "runcmd:\n  - a # first\n", "set runcmd.1", "[touch, /x]", "runcmd:\n  - a # first\n  - [touch, /x]\n"},
		{"an item behind the last of a list that is not indented", "l:\n- a\n# about b\nb: 1\n", "append l", "c", "l:\n- a\n- c\n# about b\nb: 1\n"},
		{"an item behind a comment that is deeper", "l:\n  - a\n    # more about a\n  # - b\n", "append l", "c", "l:\n  - a\n    # more about a\n  - c\n  # - b\n"},
		{"an item behind a map", "l:\n  - a: 1\n    b:\n      c: 2 # x\nd: 1\n", "append l", "{a: 2}", "l:\n  - a: 1\n    b:\n      c: 2 # x\n  - {a: 2}\nd: 1\n"},
		{"an item in brackets", "runcmd: [ a, b ] # c\n", "append runcmd", "c", "runcmd: [ a, b, c ] # c\n"},
		{"an item in brackets with a comma at the end", "l: [a, b,]\n", "append l", "c", "l: [a, b, c,]\n"},
		{"an item in brackets over lines", "l: [\n  a, # x\n  b # y\n]\n", "append l", "c", "l: [\n  a, # x\n  b, # y\n  c\n]\n"},
		{"an item in brackets over lines with a comma at the end", "l: [\n  a, # x\n  b, # y\n]\n", "append l", "c", "l: [\n  a, # x\n  b, # y\n  c,\n]\n"},
		{"what needs quotes in brackets", "l: [a]\n", "append l", "b, c", "l: [a, 'b, c']\n"},
		{"a list that is empty", "l: [] # c\nb: 1\n", "append l", "x", "l: # c\n  - x\nb: 1\n"},
		{"a list that is not there", "rancher:\n  debug: true\n", "append ssh_authorized_keys", "ssh-rsa A", "rancher:\n  debug: true\nssh_authorized_keys:\n  - ssh-rsa A\n"},
		{"a list that is not there where lists are not indented", "runcmd:\n- a\n", "append ssh_authorized_keys", "ssh-rsa A", "runcmd:\n- a\nssh_authorized_keys:\n- ssh-rsa A\n"},
		{"null", "l:\n", "append l", "x", "l:\n  - x\n"},
		{"a number that a list of texts takes as text", "ssh_authorized_keys: [a]\n", "append ssh_authorized_keys", "1", "ssh_authorized_keys: [a, \"1\"]\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, tt.run)
	}
}

func TestSetValueBetweenBrackets(t *testing.T) {
	t.Parallel()
	tests := []editCase{
		{"a value", "a: { b : 1, c: 2 } # x\n", "set a.c", "3", "a: { b : 1, c: 3 } # x\n"},
		{"a value without a space", "a: {\"b\":1,\"c\":2}\n", "set a.b", "3", "a: {\"b\":3,\"c\":2}\n"},
		{"nothing behind a colon", "a: {b: , c: 2}\n", "set a.b", "3", "a: {b: 3, c: 2}\n"},
		{"a key without a colon", "a: {b, c: 2}\n", "set a.b", "3", "a: {b: 3, c: 2}\n"},
		{"a new key", "a: { b: 1 }\n", "set a.c", "2", "a: { b: 1, c: 2 }\n"},
		{"a new key behind one without a value", "a: {b: }\n", "set a.c", "2", "a: {b: , c: 2 }\n"},
		{"new keys below each other", "a: {b: 1}\n", "set a.c.d", "2", "a: {b: 1, c: {d: 2}}\n"},
		{"a new key over lines", "a: {\n  b: 1, # x\n  c: 2 # y\n}\n", "set a.d", "3", "a: {\n  b: 1, # x\n  c: 2, # y\n  d: 3\n}\n"},
		{"a text of several lines", "a: {b: 1}\n", "set a.b", "x\ny\n", "a: {b: \"x\\ny\\n\"}\n"},
		{"a map of one key in a list", "a: [b: 1, c]\n", "set a.0.b", "2", "a: [b: 2, c]\n"},
		{"a new key of a map without brackets gets some", "a: [b: 1, c] # x\n", "set a.0.d", "2", "a: [{b: 1, d: 2}, c] # x\n"},
		{"JSON", "{\"a\": {\"b\": [1, 2]}}\n", "set a.b.1", "x", "{\"a\": {\"b\": [1, x]}}\n"},
		{"a new key of JSON", "{\"a\": 1}", "set b", "2", "{\"a\": 1, b: 2}"},
		{"an empty map becomes lines", "rancher: {} # c\n", "set rancher.debug", "true", "rancher: # c\n  debug: true\n"},
		{"an empty text of brackets becomes lines", "# c\n{}\n", "set a.b", "1", "# c\na:\n  b: 1\n"},
		{"an empty map within brackets", "a: {b: {}}\n", "set a.b.c", "1", "a: {b: {c: 1}}\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, tt.run)
	}
}

func TestSetValueOfANewKey(t *testing.T) {
	t.Parallel()
	tests := []editCase{
		{"an empty text", "", "set hostname", "x", "hostname: x\n"},
		{"a mark of the document alone", "---\n", "set a", "1", "---\na: 1\n"},
		{"null alone", "# c\n~\n", "set a", "1", "# c\na: 1\n"},
		{"the header stays first", "#cloud-config\n", "set hostname", "x", "#cloud-config\nhostname: x\n"},
		{"a header without newline", "#cloud-config", "set hostname", "x", "#cloud-config\nhostname: x"},
		{"comments only", "#cloud-config\n# yaml-language-server: $schema=x\n\n# mine\n", "set rancher.debug", "true", "#cloud-config\n# yaml-language-server: $schema=x\n\n# mine\nrancher:\n  debug: true\n"},
		{"behind the last key and its comment", "a: 1 # one\n# end\n", "set b", "2", "a: 1 # one\nb: 2\n# end\n"},
		{"behind the comments that are deeper", "a:\n  b: 1\n  # c: 2\n\n  # d: 3\n\n# end\n", "set e", "2", "a:\n  b: 1\n  # c: 2\n\n  # d: 3\ne: 2\n\n# end\n"},
		{"at the indentation of its siblings", "a:\n    b: 1\n\nc: 2\n", "set a.d.e", "3", "a:\n    b: 1\n    d:\n        e: 3\n\nc: 2\n"},
		{"a text that is indented as a whole", "  a: 1\n  b: 2\n", "set c", "3", "  a: 1\n  b: 2\n  c: 3\n"},
		{"behind a literal text", "a:\n  b: |\n    x\n\nc: 1\n", "set a.d", "2", "a:\n  b: |\n    x\n  d: 2\n\nc: 1\n"},
		{"behind a literal text that keeps its blank lines", "a: |+\n  x\n\n\n", "set b", "1", "a: |+\n  x\n\n\nb: 1\n"},
		{"no final newline", "a: 1", "set b", "2", "a: 1\nb: 2"},
		{"a literal text without newline gets none", "a: |\n  x", "set b", "2", "a: |-\n  x\nb: 2"},
		{"blank lines at the end stay there", "a: 1\n\n\n", "set b", "2", "a: 1\nb: 2\n\n\n"},
		{"before the end of the document", "---\na: 1\n...\n", "set b", "2", "---\na: 1\nb: 2\n...\n"},
		{"below nothing", "a: # c\nb: 1\n", "set a.c", "2", "a: # c\n  c: 2\nb: 1\n"},
		{"below null", "a: null\n", "set a.c", "2", "a:\n  c: 2\n"},
		{"a key with a dot", "", `set rancher.sysctl."net.ipv4.ip_forward"`, "1", "rancher:\n  sysctl:\n    net.ipv4.ip_forward: \"1\"\n"},
		{"a key that needs quotes", "a: 1\n", `set "b: #c"`, "2", "a: 1\n'b: #c': 2\n"},
		{"a key that looks like something else", "a: 1\n", `set "true"`, "2", "a: 1\n\"true\": 2\n"},
		{"an empty key", "a: 1\n", `set ""`, "2", "a: 1\n\"\": 2\n"},
		{"a key that is a merge key elsewhere", "a: 1\n", `set "<<"`, "2", "a: 1\n\"<<\": 2\n"},
		{"a number", "", "set rancher.shutdown_timeout", "30", "rancher:\n  shutdown_timeout: 30\n"},
		{"a text keeps what YAML would take off", "", "set rancher.password", "a #b: c", "rancher:\n  password: 'a #b: c'\n"},
		{"quotes are taken off a text", "", "set hostname", `"x"`, "hostname: \"x\"\n"},
		{"a list", "", "set rancher.network.dns.nameservers", "[9.9.9.9, 1.1.1.1]", "rancher:\n  network:\n    dns:\n      nameservers: [9.9.9.9, 1.1.1.1]\n"},
		{"a map", "", "set rancher.services.web", "{image: nginx}", "rancher:\n  services:\n    web: {image: nginx}\n"},
		{"a map of several lines", "", "set rancher.services.web", "image: nginx\nports: [\"80:80\"]\n", "rancher:\n  services:\n    web:\n      image: nginx\n      ports: [\"80:80\"]\n"},
		{"a colon where the schema says nothing", "", "set rancher.services.web.command", "echo: x", "rancher:\n  services:\n    web:\n      command: 'echo: x'\n"},
		{"what is not YAML is a text", "", "set rancher.services.web.command", "[x", "rancher:\n  services:\n    web:\n      command: '[x'\n"},
		{"null removes what others say", "", "set rancher.services.ntp", "null", "rancher:\n  services:\n    ntp: null\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, tt.run)
	}
}

func TestSetValueRefusesWhatHasNoPlace(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, doc, path, want string }{
		{"a key below a text", "hostname: x\n", "hostname.y", "cannot set hostname.y: hostname is a text, and has no keys"},
		{"a key of a list", "runcmd: [a]\n", "runcmd.x", `cannot set runcmd.x: runcmd is a list of 1 items, and has no item "x"`},
		{"an item far behind the last", "runcmd: [a]\n", "runcmd.7", `cannot set runcmd.7: runcmd is a list of 1 items, and has no item "7"`},
		{"no key", "", "", "cannot set a value without a key"},
		{"a text that is not YAML", "a: [", "a", "cannot set a: document:1:4: is not valid YAML: the bracket [ is not closed (write \"]\" where it ends)"},
		{"a key that is a map", "? {a: 1}\n: 2\n", "b", "cannot set b: document:1:3: expected a text as key, found a map"},
		{"more than the bounds", "a: 1\n", strings.Repeat("x.", 70) + "x", "cannot set " + strings.Repeat("x.", 70) + "x: the outcome is nested deeper than 64 maps and lists"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path, err := SplitPath(tt.path)
			require.NoError(t, err)
			_, err = SetValue([]byte(tt.doc), path, "v")
			require.EqualError(t, err, tt.want)
		})
	}
	_, err := SetValue(nil, []string{"a"}, "\xff")
	require.EqualError(t, err, "cannot set a: the value is not UTF-8 text (write what is not text as base64, behind !!binary)")
}

func TestSetValueKeepsTextsOfSeveralLines(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"#!/bin/sh\necho: x\n", "-----BEGIN KEY-----\nabc\n-----END KEY-----\n", "  indented\nx", "a\n\n\n", "\ttab\n", "a: b\nc: d", " \n ", "x\r\ny"} {
		for _, doc := range []string{"write_files: [{path: /x}]\n", "write_files:\n- path: /x\n  content: y # z\n", "write_files:\r\n  - path: /x"} {
			out, err := SetValue([]byte(doc), []string{"write_files", "0", "content"}, text)
			require.NoError(t, err)
			n, ok := Merge(layer(t, "x", string(out))).Get("write_files", "0", "content")
			require.True(t, ok)
			require.Equal(t, text, n.Value)
		}
	}
}
