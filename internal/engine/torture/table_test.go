//go:build dockerd

package torture_test

import (
	"fmt"
	"strings"
	"time"
)

// table counts what came of trials.
type table struct{ rows []row }

type row struct {
	journey string
	fault   fault

	calls                     map[int]bool
	broken, struck, converged int
	worst                     time.Duration
}

func (t *table) add(j journey, b breakage, struck bool, took time.Duration, err error) {
	r := t.row(j, b.fault)
	r.calls[b.index<<1|int(j.from)] = true
	r.broken++
	if struck {
		r.struck++
	}
	if err == nil {
		r.converged++
	}
	r.worst = max(r.worst, took)
}

// row is that of a journey and a fault. The caller has it until the next is asked for.
func (t *table) row(j journey, f fault) *row {
	for i := range t.rows {
		if t.rows[i].journey == j.name && t.rows[i].fault == f {
			return &t.rows[i]
		}
	}
	t.rows = append(t.rows, row{journey: j.name, fault: f, calls: map[int]bool{}})
	return &t.rows[len(t.rows)-1]
}

// String is the table in Markdown.
func (t *table) String() string {
	var out strings.Builder
	out.WriteString("| convergence | fault | calls | broken | fault struck | converged | worst time |\n|---|---|---|---|---|---|---|\n")
	for _, name := range []string{fromNothing, changed} {
		for _, f := range faults {
			for _, r := range t.rows {
				if r.journey == name && r.fault == f {
					fmt.Fprintf(&out, "| %s | %s | %d | %d | %d | %d | %.1f s |\n",
						name, f, len(r.calls), r.broken, r.struck, r.converged, r.worst.Seconds())
				}
			}
		}
	}
	return out.String()
}
