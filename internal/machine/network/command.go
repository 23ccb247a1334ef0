package network

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/google/shlex"
	"github.com/sirupsen/logrus"
)

// commandLimit is how long one command of the configuration may take: the
// network waits for it.
const commandLimit = 30 * time.Second

// commandsOf is which commands: "pre_cmds" and "post_cmds" of the network, "pre_up"
// and "post_up" of a link.
type commandsOf struct{ what, iface string }

// failedCommands are those of some commands that failed when they were run last.
type failedCommands struct {
	lines    []string // all of the commands
	problems []string
}

// runCommands runs pre_cmds, post_cmds, pre_up or post_up: words as a shell
// splits them, but no shell. $iface is the link's name. One that fails is told,
// and the next is run.
func (s *service) runCommands(ctx context.Context, of commandsOf, lines []string) {
	delete(s.refused, of)
	var problems []string
	for _, line := range lines {
		if err := runCommand(ctx, of.iface, line); err != nil {
			logrus.WithFields(logrus.Fields{"service": "network", "err": err}).Warnf("cannot run %q", line)
			problems = append(problems, fmt.Sprintf("%s: cannot run %q: %v", strings.TrimSpace(of.what+" "+of.iface), line, err))
		}
	}
	if len(problems) > 0 {
		s.refused[of] = failedCommands{lines, problems}
	}
}

// refusals are the commands that failed, of the network, and of the links as they
// are to be now. They are not run again before something changes.
func (s *service) refusals(links []LinkStatus) []string {
	for of, failed := range s.refused {
		isMeant := func(l LinkStatus) bool {
			want := l.Given.Want
			return l.Name == of.iface && slices.Equal(failed.lines, map[string][]string{"pre_up": want.PreUp, "post_up": want.PostUp}[of.what])
		}
		if of.iface != "" && !slices.ContainsFunc(links, isMeant) {
			delete(s.refused, of)
		}
	}
	var problems []string
	for _, failed := range s.refused {
		problems = append(problems, failed.problems...)
	}
	slices.Sort(problems)
	return problems
}

func splitCommand(iface, line string) ([]string, error) {
	args, err := shlex.Split(line)
	if err != nil {
		return nil, err
	}
	if len(args) == 0 {
		return nil, errors.New("there is no command")
	}
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "$iface", iface)
	}
	return args, nil
}

func runCommand(ctx context.Context, iface, line string) error {
	args, err := splitCommand(iface, line)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, commandLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.WaitDelay = time.Second // a child that goes on must not hold its output open
	out, err := cmd.CombinedOutput()
	switch said := strings.Join(strings.Fields(string(out)), " "); {
	case ctx.Err() != nil:
		return fmt.Errorf("it took longer than %s", commandLimit)
	case err != nil && said != "":
		return fmt.Errorf("%s (%w)", said, err)
	case err != nil:
		return err
	}
	logrus.WithField("service", "network").Infof("ran %q", args)
	return nil
}
