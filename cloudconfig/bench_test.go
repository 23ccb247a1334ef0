package cloudconfig

import (
	"fmt"
	"strings"
	"testing"
)

// manyServices is a cloud-config of about n lines.
func manyServices(n int) []byte { return services(0, n) }

// services is a part of a cloud-config of many lines: ten for each service.
func services(from, to int) []byte {
	var b strings.Builder
	b.WriteString("#cloud-config\nhostname: x\nrancher:\n  services:\n")
	for i := from / 10; i < to/10; i++ {
		fmt.Fprintf(&b, "    service%d:\n      image: registry.example/app%d:1\n      restart: always # why\n", i, i)
		b.WriteString("      environment:\n        A: one\n        B: two\n      volumes:\n        - /var/a:/a\n        - /var/b:/b\n      labels: {io.rancher.os.scope: user}\n")
	}
	return []byte(b.String())
}

// linesOfLayer is about as many lines as fit into one layer.
const linesOfLayer = 20000

// BenchmarkLoad parses, validates, merges and decodes cloud-configs over the
// defaults, in as many layers as the lines need.
func BenchmarkLoad(b *testing.B) {
	defaults := manyServices(200)
	for _, lines := range []int{100, 1000, 10_000, 100_000} {
		var texts [][]byte
		for n := 0; n < lines; n += linesOfLayer {
			texts = append(texts, services(n, min(n+linesOfLayer, lines)))
		}
		b.Run(fmt.Sprintf("lines=%d", lines), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				low, report := ParseLayer("os-config", "os-config.yml", defaults)
				layers := []Layer{low}
				for _, text := range texts {
					l, problems := ParseLayer("user-data", "user-data", text)
					layers, report = append(layers, l), append(report, append(problems, Validate(l)...)...)
				}
				c, more := Merge(layers...).Config()
				if report.Err() != nil || more.Err() != nil || len(c.Rancher.Services) < lines/10 {
					b.Fatal(report, more)
				}
			}
		})
	}
}

// BenchmarkSyntaxError finds the line of an error in a text of the largest size.
func BenchmarkSyntaxError(b *testing.B) {
	text := append(manyServices(28000), " bad: [\n"...)
	for b.Loop() {
		if _, report := ParseLayer("user-data", "user-data", text); report.Err() == nil {
			b.Fatal("no error")
		}
	}
}

// BenchmarkComments parses a text that is nothing but comments.
func BenchmarkComments(b *testing.B) {
	text := []byte(strings.Repeat("# a line of a comment\n", 40000) + "a: 1\n")
	for b.Loop() {
		if _, report := ParseLayer("user-data", "user-data", text); report.Err() != nil {
			b.Fatal(report)
		}
	}
}

// BenchmarkHostile parses texts of the largest size that are made to be slow.
func BenchmarkHostile(b *testing.B) {
	for name, part := range map[string]string{
		"brackets": "[", "braces": "{a: ", "dashes": "- ", "questions": "? ", "quotes": "\"", "colons": "a: ", "aliases": "- *a\n", "anchors": "- &a b\n",
		"keys": "a:\n", "tabs": "\t", "spaces": " ", "lines": "\n", "long": "x", "pairs": "[a, ", "merges": "<<: {}\n", "ampersands": "&", "tags": "! ", "literals": "- |\n x\n",
		"commas": "[,", "comments behind": "- a # b\n", "backslashes": "\\",
	} {
		text := []byte("a: &a 1\nb: \n" + strings.Repeat(part, (maxSize-20)/len(part)))
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ParseLayer("user-data", "user-data", text)
			}
		})
	}
}
