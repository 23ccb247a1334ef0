package osimage

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// Part is one line of the table of sizes.
type Part struct {
	Name string
	Size int64 // bytes
}

// WriteSizes prints the parts, largest first.
func WriteSizes(w io.Writer, title string, parts []Part) error {
	parts = slices.SortedFunc(slices.Values(parts), func(a, b Part) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.Name, b.Name))
	})
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "MB\t \t%s\n", title)
	for _, p := range parts {
		fmt.Fprintf(table, "%.1f\t \t%s\n", float64(p.Size)/1e6, p.Name)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("cannot print sizes: %w", err)
	}
	return nil
}
