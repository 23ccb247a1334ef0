package compose

import (
	"testing"
	"time"
)

func TestSchedulesNameTheNextInstant(t *testing.T) {
	from := time.Date(2026, 3, 1, 12, 30, 15, 0, time.UTC)
	for _, test := range []struct{ name, when, want string }{
		{"six fields begin with seconds", "30 45 * * * *", "2026-03-01T12:45:30Z"},
		{"five fields begin with minutes", "45 13 * * *", "2026-03-01T13:45:00Z"},
		{"a question mark is any", "0 0 4 ? * ?", "2026-03-02T04:00:00Z"},
		{"an hour", "@hourly", "2026-03-01T13:00:00Z"},
		{"a night", "@midnight", "2026-03-02T00:00:00Z"},
		{"an interval", "@every 1h30m", "2026-03-01T14:00:15Z"},
		{"a day of the week", "0 0 0 * * MON", "2026-03-02T00:00:00Z"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := Schedule{When: test.when}
			if got := s.Next(from).Format(time.RFC3339); got != test.want {
				t.Errorf("%s: next %s, want %s", test.when, got, test.want)
			}
		})
	}
}

func FuzzSchedule(f *testing.F) {
	for _, text := range []string{"@hourly", "0 30 4 * * ?", "*/5 * * * *", "@every 1h", "TZ=", "TZ=x", "CRON_TZ= 0 * * * *", "", "@every -1s", "0 0 0 31 2 *", "60-0/9 * * * * *"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		when, err := parseSchedule(text)
		if err != nil {
			return
		}
		from := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		next := when.Next(from)
		if !next.IsZero() && !next.After(from) {
			t.Errorf("%q: the next instant after %s is %s", text, from, next)
		}
	})
}
