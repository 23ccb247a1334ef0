package cloudconfig

import (
	"fmt"
	"strings"
	"testing"
)

// manyServices is a cloud-config of about n lines.
func manyServices(n int) []byte {
	var b strings.Builder
	b.WriteString("#cloud-config\nhostname: x\nrancher:\n  services:\n")
	for i := range n / 10 {
		fmt.Fprintf(&b, "    service%d:\n      image: registry.example/app%d:1\n      restart: always # why\n", i, i)
		b.WriteString("      environment:\n        A: one\n        B: two\n      volumes:\n        - /var/a:/a\n        - /var/b:/b\n      labels: {io.rancher.os.scope: user}\n")
	}
	return []byte(b.String())
}

// BenchmarkLoad parses, validates, merges and decodes a cloud-config over the
// defaults.
func BenchmarkLoad(b *testing.B) {
	defaults := manyServices(200)
	for _, lines := range []int{100, 1000, 10000} {
		text := manyServices(lines)
		b.Run(fmt.Sprintf("lines=%d", lines), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				low, _ := ParseLayer("os-config", "os-config.yml", defaults)
				high, report := ParseLayer("user-data", "user-data", text)
				report = append(report, Validate(high)...)
				c, more := Merge(low, high).Config()
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
