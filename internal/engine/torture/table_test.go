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

	calls                   map[int]bool
	runs, struck, converged int
	worst                   time.Duration
}

func (t *table) add(x trial, struck bool, took time.Duration, err error) {
	r := t.row(x)
	r.calls[x.index<<1|int(x.from)] = true
	r.runs++
	if struck {
		r.struck++
	}
	if err == nil {
		r.converged++
	}
	r.worst = max(r.worst, took)
}

// row is that of a trial. The caller has it until the next is asked for.
func (t *table) row(x trial) *row {
	for i := range t.rows {
		if t.rows[i].journey == x.name && t.rows[i].fault == x.fault {
			return &t.rows[i]
		}
	}
	t.rows = append(t.rows, row{journey: x.name, fault: x.fault, calls: map[int]bool{}})
	return &t.rows[len(t.rows)-1]
}

// String is the table in Markdown.
func (t *table) String() string {
	var out strings.Builder
	out.WriteString("| convergence | fault | calls | runs | fault struck | converged | worst time |\n|---|---|---|---|---|---|---|\n")
	for _, name := range []string{fromNothing, changed} {
		for _, f := range faults {
			for _, r := range t.rows {
				if r.journey == name && r.fault == f {
					fmt.Fprintf(&out, "| %s | %s | %d | %d | %d | %d | %.1f s |\n",
						name, f, len(r.calls), r.runs, r.struck, r.converged, r.worst.Seconds())
				}
			}
		}
	}
	return out.String()
}
