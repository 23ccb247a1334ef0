package cloudconfig

import (
	"fmt"
	"testing"
)

// BenchmarkSetValue changes a value in the middle of a text and adds one. Reading
// the text twice, before and behind, is most of it.
func BenchmarkSetValue(b *testing.B) {
	for _, lines := range []int{100, 1000, 10000} {
		text := manyServices(lines)
		service := fmt.Sprintf("service%d", lines/20)
		for _, key := range []string{"restart", "new"} {
			path := []string{"rancher", "services", service, key}
			b.Run(fmt.Sprintf("lines=%d/key=%s", lines, key), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					if _, err := SetValue(text, path, "no"); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkMergeInto merges as many new services as there are.
func BenchmarkMergeInto(b *testing.B) {
	for _, lines := range []int{100, 1000, 10000} {
		text, patch := manyServices(lines), manyServices(2*lines)
		b.Run(fmt.Sprintf("lines=%d", lines), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := MergeInto(text, patch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
