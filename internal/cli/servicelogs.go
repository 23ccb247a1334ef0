package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/ros-os/ros/servicectl"
)

// logsFlags say how much of a log is wanted.
type logsFlags struct {
	tail   int
	follow bool
	since  string
	bare   bool // without the services' names
	stamps bool
}

func (a *app) serviceLogs() *cobra.Command {
	var flags logsFlags
	cmd := &cobra.Command{
		Use:   "logs [SERVICE…]",
		Short: "Print what services have logged",
		Long: `Print what services have logged, both their outputs in one; without a name, that
of all services. Where there are several containers, as of a service with replicas,
the name of each stands before its lines.`,
		Example: `  ros service logs -f --tail 20 network
  ros service logs --since 10m
  ros service logs -t shop/web
  ros service logs --since 2030-01-31T12:00:00Z web`,
		ValidArgsFunction: a.completeServices,
		RunE: func(cmd *cobra.Command, args []string) error {
			err := a.printLogs(cmd.Context(), args, flags)
			if cmd.Context().Err() != nil {
				return nil //nolint:nilerr // an interrupt is how following ends
			}
			return err
		},
	}
	flags.tail = 100
	cmd.Flags().VarP(linesFlag{&flags.tail}, "tail", "n", "how many of the last `LINES` of each, or all")
	cmd.Flags().Var(linesFlag{&flags.tail}, "lines", "the same `LINES`")
	cmd.Flags().BoolVarP(&flags.follow, "follow", "f", false, "go on printing what is logged")
	cmd.Flags().StringVar(&flags.since, "since", "", "only what was logged since `WHEN`: 10m ago, or an instant such as 2030-01-31T12:00:00Z")
	cmd.Flags().BoolVarP(&flags.stamps, "timestamps", "t", false, "print the instant before each line")
	cmd.Flags().BoolVar(&flags.bare, "no-log-prefix", false, "never print the services' names")
	return cmd
}

// linesFlag is a number of lines, or all of them.
type linesFlag struct{ n *int }

func (f linesFlag) Type() string { return "int" }

func (f linesFlag) String() string {
	if f.n == nil {
		return ""
	}
	return strconv.Itoa(*f.n)
}

func (f linesFlag) Set(text string) error {
	n, err := strconv.Atoi(text)
	switch {
	case text == "all":
		n = -1
	case err != nil:
		return errors.New("expected a number of lines, such as 20, or all")
	}
	*f.n = max(n, -1)
	return nil
}

func (a *app) printLogs(ctx context.Context, names []string, flags logsFlags) error {
	since, err := instant(flags.since, time.Now())
	if err != nil {
		return err
	}
	opts := servicectl.LogOptions{Tail: flags.tail, Follow: flags.follow, Since: since, Timestamps: flags.stamps}
	st, err := a.client().Status(ctx)
	if err != nil {
		return err
	}
	services, err := pick(st.Services, names)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		services = withContainer(services)
	}
	if len(services) == 1 && len(names) == 1 || flags.bare && !flags.follow {
		for _, s := range services {
			err = errors.Join(err, a.client().Logs(ctx, s.Name, opts, a.out))
		}
		return err
	}
	return a.printTogether(ctx, services, opts, flags.bare)
}

// withContainer are the services that can have a log.
func withContainer(all []servicectl.ServiceStatus) []servicectl.ServiceStatus {
	var out []servicectl.ServiceStatus
	for _, s := range all {
		if s.Container != "" {
			out = append(out, s)
		}
	}
	return out
}

// printTogether prints several logs: one after the other, or as they come when
// they are followed.
func (a *app) printTogether(ctx context.Context, services []servicectl.ServiceStatus, opts servicectl.LogOptions, bare bool) error {
	widest := 0
	for _, s := range services {
		widest = max(widest, len(s.Name))
	}
	var mu sync.Mutex // guards a.out
	errs := make([]error, len(services))
	print := func(i int) {
		w := &prefixed{w: a.out, mu: &mu}
		if !bare {
			w.prefix = fmt.Sprintf("%-*s | ", widest, services[i].Name)
		}
		errs[i] = errors.Join(a.client().Logs(ctx, services[i].Name, opts, w), w.end())
	}
	var all sync.WaitGroup
	for i := range services {
		if opts.Follow {
			all.Go(func() { print(i) })
		} else {
			print(i)
		}
	}
	all.Wait()
	return errors.Join(errs...)
}

// prefixed writes whole lines, each with something before it.
type prefixed struct {
	w      io.Writer
	mu     *sync.Mutex // guards w
	prefix string
	rest   []byte // a line that has not ended yet
}

// mostLine is how much of a line is held back until it ends.
const mostLine = 64 << 10

func (p *prefixed) Write(data []byte) (int, error) {
	p.rest = append(p.rest, data...)
	for {
		i := bytes.IndexByte(p.rest, '\n')
		if i < 0 && len(p.rest) < mostLine {
			return len(data), nil
		}
		if i < 0 {
			i = len(p.rest) - 1
		}
		if err := p.line(p.rest[:i+1]); err != nil {
			return 0, err
		}
		p.rest = p.rest[i+1:]
	}
}

func (p *prefixed) line(text []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err := io.WriteString(p.w, p.prefix+strings.TrimSuffix(string(text), "\n")+"\n")
	return err
}

// end writes a last line that did not end.
func (p *prefixed) end() error {
	if len(p.rest) == 0 {
		return nil
	}
	return p.line(p.rest)
}

// instant reads what --since takes; nothing is the beginning.
func instant(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("cannot read --since %q: write how long ago, such as 10m, or an instant, such as %s",
		text, now.UTC().Format(time.RFC3339))
}
