package plan

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// String is the plan as text: a line for every service with steps under way, and for
// every step to come; empty when there are none.
func (p Plan) String() string {
	id, verb, service := 0, 0, 0
	for _, s := range p.Steps {
		id = max(id, len(strconv.Itoa(s.ID)))
		verb = max(verb, len(s.Verb))
		service = max(service, utf8.RuneCountInString(s.Service))
	}
	var b strings.Builder
	for _, u := range p.UnderWay {
		fmt.Fprintf(&b, "%s %s (%s) is under way", u.Step.Verb, u.Step.Service, u.Step.Cause)
		for i, s := range u.Next {
			b.WriteString([]string{", then ", ", "}[min(i, 1)] + string(s.Verb))
		}
		b.WriteByte('\n')
	}
	for _, s := range p.Steps {
		fmt.Fprintf(&b, "%*d %-*s %-*s (%s)", id, s.ID, verb, s.Verb, service, s.Service, s.Cause)
		if len(s.After) > 0 {
			fmt.Fprintf(&b, " after %v", s.After)
		}
		if len(s.Waits) > 0 {
			fmt.Fprintf(&b, " waits for %s", strings.Join(s.Waits, ", "))
		}
		b.WriteByte('\n')
	}
	return b.String()
}
