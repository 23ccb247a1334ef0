package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/ros-os/ros/internal/engine"
	"github.com/ros-os/ros/servicectl"
)

// Build says which ros this is; main fills it in at link time.
type Build struct {
	Version string // of ros
	Compose string // of the Docker Compose that is linked in
}

// app is what the commands share: where to print, and which machine is meant.
type app struct {
	build  Build
	in     io.Reader
	out    io.Writer
	err    io.Writer
	root   string // below which the machine's files are
	socket string // the controller's

	builder builder // nil: the machine's Dockers
}

// exit is an error that only says with which status to end; what there was to
// say has been printed.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// Main runs the command that args name, args[0] being the name that the program
// was called by, and returns the exit status.
func Main(args []string, build Build) int {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	a := &app{build: build, in: os.Stdin, out: os.Stdout, err: os.Stderr}
	switch name := filepath.Base(args[0]); name {
	case "docker-compose":
		engine.RunComposePlugin(build.Compose)
		return 0
	case "system-docker":
		return a.status(systemDocker(args[1:]))
	case "reboot", "poweroff", "halt", "shutdown":
		return a.run(ctx, a.powerCommand(name), args[1:])
	case "cloud-init-per":
		return a.run(ctx, a.cloudInitPer(), args[1:])
	}
	return a.run(ctx, a.rootCommand(), args[1:])
}

func (a *app) run(ctx context.Context, cmd *cobra.Command, args []string) int {
	cmd.SetArgs(args)
	cmd.SetIn(a.in)
	cmd.SetOut(a.out)
	cmd.SetErr(a.err)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	return a.status(cmd.ExecuteContext(ctx))
}

// status prints an error, with what to do about the commonest ones.
func (a *app) status(err error) int {
	var code exit
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	}
	text := err.Error()
	if errors.Is(err, os.ErrPermission) && os.Geteuid() != 0 {
		text += "\nros: this needs root; try again with sudo"
	}
	a.complain("ros: %s\n", text)
	return 1
}

func (a *app) print(format string, args ...any) error {
	_, err := fmt.Fprintf(a.out, format, args...)
	return err
}

// complain writes to standard error, where a failure to write can only be
// swallowed: there is nowhere left to tell it.
func (a *app) complain(format string, args ...any) {
	_, _ = fmt.Fprintf(a.err, format, args...)
}

func (a *app) client() *servicectl.Client { return servicectl.Dial(a.path(a.socket)) }

// path is a path of the machine as this process sees it.
func (a *app) path(p string) string { return filepath.Join(a.root, p) }

// terminal says whether w is a terminal, and so may be redrawn and coloured.
func terminal(w io.Writer) bool { return isTerminal(w) && os.Getenv("NO_COLOR") == "" }

// isTerminal says whether a person reads or writes the stream.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
