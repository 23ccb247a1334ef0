package network

import (
	"context"
	"os/exec"
	"strings"
	"time"

	"github.com/google/shlex"
	"github.com/sirupsen/logrus"
)

// commandLimit is how long one command of the configuration may take: the
// network waits for it.
const commandLimit = 30 * time.Second

// runCommands runs pre_cmds, post_cmds, pre_up or post_up: words as a shell
// splits them, but no shell. $iface is the link's name. One that fails is told,
// and the next is run.
func runCommands(ctx context.Context, iface string, lines []string) {
	for _, line := range lines {
		args, err := splitCommand(iface, line)
		if err != nil || len(args) == 0 {
			logrus.WithFields(logrus.Fields{"service": "network", "err": err}).Warnf("cannot understand command %q", line)
			continue
		}
		runCommand(ctx, args)
	}
}

func splitCommand(iface, line string) ([]string, error) {
	args, err := shlex.Split(line)
	if err != nil {
		return nil, err
	}
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "$iface", iface)
	}
	return args, nil
}

func runCommand(ctx context.Context, args []string) {
	ctx, cancel := context.WithTimeout(ctx, commandLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.WaitDelay = time.Second // a child that goes on must not hold its output open
	log := logrus.WithField("service", "network")
	if out, err := cmd.CombinedOutput(); err != nil {
		log.WithError(err).Warnf("cannot run %q: %s", args, strings.TrimSpace(string(out)))
		return
	}
	log.Infof("ran %q", args)
}
