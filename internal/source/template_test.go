package source

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ros-os/ros/cloudconfig"
)

func dbValues() values {
	return values{datasource: "nocloud", meta: cloudconfig.ParseMetaValues([]byte(
		"instance-id: i-1\nlocal-hostname: db1\nlocal-ipv4: 10.0.0.5\nlines: \"a\\nb\"\nlong: " + strings.Repeat("x", longestValue) + "\n",
	))}
}

func TestTemplates(t *testing.T) {
	for _, tt := range []struct{ name, data, part, problems string }{
		{"a cloud-config without expressions is one", "## template: jinja\n#cloud-config\nhostname: a\n", "#cloud-config\n#cloud-config\nhostname: a\n", ""},
		{"a script, too", "## Template:jinja\r\n#!/bin/sh\r\necho a\r\n", "#!/bin/sh\n#!/bin/sh\necho a\n", ""},
		{
			"variables are replaced", "## template: jinja\n#cloud-config\nhostname: ä{{ v1.local_hostname }}-{{ds.meta_data.local-ipv4}}\nruncmd: [{{v1.instance_id}} {{ cloud_name }}]\n",
			"#cloud-config\n#cloud-config\nhostname: ädb1-10.0.0.5\nruncmd: [i-1 nocloud]\n", "",
		},
		{
			"what cannot be is told with its place", "## template: jinja\n#cloud-config\nhostname: ä{{ upper(v1.local_hostname) }}-{{ds.meta_data.nic.mac}}\n{% if x %}\nruncmd: [{{ v1.region }}]\n{{ lines }}{{ ds.meta_data.lines }}{% endif\n", "",
			"user-data:3:12: {{ upper(v1.local_hostname) }} stands for nothing here (there are variables here, such as {{ v1.local_hostname }}, and no expressions|" +
				"user-data:3:43: {{ds.meta_data.nic.mac}} stands for nothing here (known are ds.meta_data and what the datasource says there, and v1.availability_zone, |" +
				"user-data:4:1: {% if x %} stands for nothing here (there are|" +
				"user-data:5:10: {{ v1.region }} stands for nothing here (known are|" +
				"user-data:6:1: {{ lines }} stands for nothing here (known are|" +
				"user-data:6:12: {{ ds.meta_data.lines }} stands for nothing here (known are|" +
				"user-data:6:36: {% stands for nothing here (there are",
		},
		{"the type may say it", "Content-Type: text/jinja2\n\n#cloud-config\nhostname: a\n", "#cloud-config\nhostname: a\n", ""},
		{"what is in it may be unknown", "## template: jinja\nhello\n", "", "user-data:1:1: user-data of an unknown format, beginning \"hello\""},
		{"a template of a template of …", strings.Repeat("## template: jinja\n", 9) + "#cloud-config\n", "", "user-data:1:1: is left out: it is packed more than"},
		{"a boothook", "#cloud-boothook\n#!/bin/sh\n", "", "user-data:1:1: a boothook is not run on this system (bootcmd is run in every boot"},
		{"a boothook by its type", "Content-Type: text/cloud-boothook\n\n#!/bin/sh\n", "", "user-data:1:1: a boothook is not run on this system (bootcmd is run in every boot"},
		{"a part handler", "#part-handler\n", "", "user-data:1:1: a part handler is not run on this system (give what"},
		{"a job of upstart", "Content-Type: text/upstart-job\n\nstart on x\n", "", "user-data:1:1: a job for upstart is not run on this system (make it a service"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := splitter{part: "user-data", values: dbValues}
			s.split([]byte(tt.data))
			got := ""
			for _, p := range s.parts {
				got += string(p.data)
			}
			if got != tt.part {
				t.Errorf("the parts are %q, want %q", got, tt.part)
			}
			var want []string
			if tt.problems != "" {
				want = strings.Split(tt.problems, "|")
			}
			if len(s.report) != len(want) {
				t.Fatalf("problems %v, want %q", s.report, want)
			}
			for i, p := range s.report {
				if !strings.HasPrefix(p.String(), want[i]) {
					t.Errorf("problem %q, want %q…", p, want[i])
				}
			}
		})
	}
}

// The names are cloud-init's, so that a text that chooses by them does here what it
// does there.
func TestNamesOfCloudsAreCloudInits(t *testing.T) {
	for _, tt := range []struct{ datasource, meta, cloud, platform string }{
		{"ec2", "", "aws", "ec2"},
		{"ec2:http://10.0.0.1/", "", "aws", "ec2"},
		{"gce", "", "gce", "gce"},
		{"azure", "", "azure", "azure"},
		{"configdrive", "", "configdrive", "configdrive"},
		{"proxmox", "", "nocloud", "nocloud"},
		{"nocloud", "cloud-name: lab", "lab", "nocloud"},
		{"nocloud", "cloud-name: ''", "nocloud", "nocloud"},
	} {
		v := values{datasource: tt.datasource, meta: cloudconfig.ParseMetaValues([]byte(tt.meta))}
		out, failed := v.replace([]byte("{{ v1.cloud_name }} {{ v1.platform }}"))
		if want := tt.cloud + " " + tt.platform; string(out) != want || len(failed) > 0 {
			t.Errorf("%s with %q: %q, want %q; %v", tt.datasource, tt.meta, out, want, failed)
		}
	}
}

func TestAVastTemplateIsToldInBounds(t *testing.T) {
	for text, problems := range map[string]int{"{{ x }}{{\n": mostExpressions, "{{ ds.meta_data.long }}": 1} {
		s := splitter{part: "user-data", values: dbValues}
		s.split([]byte("## template: jinja\n#cloud-config\n" + strings.Repeat(text, 20_000)))
		if len(s.report) != problems || len(s.parts) > 0 {
			t.Errorf("%d problems, %d parts", len(s.report), len(s.parts))
		}
	}
}

// FuzzExpressions: each expression that is told is at its place.
func FuzzExpressions(f *testing.F) {
	f.Add([]byte("## template: jinja\n{{ a }} {% b %} {# c #}\n{{\n}}"))
	f.Add([]byte("ä{{{{}}}}"))
	f.Add([]byte("## template:"))
	f.Fuzz(func(t *testing.T, data []byte) {
		lines := strings.SplitAfter(string(data), "\n")
		_, failed := values{}.replace(data)
		for _, e := range failed {
			text := lines[e.line-1]
			for range e.col - 1 {
				_, size := utf8.DecodeRuneInString(text)
				text = text[size:]
			}
			if !strings.HasPrefix(text, e.text) {
				t.Errorf("%d:%d: %q is not there", e.line, e.col, e.text)
			}
		}
		if n := strings.Count(string(withoutTemplateHeader(data)), "\n"); n != strings.Count(string(data), "\n") {
			t.Errorf("the lines are %d, of %q", n, fmt.Sprintf("%.100s", data))
		}
	})
}
