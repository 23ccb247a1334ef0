package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/config/configfile"
	clitypes "github.com/docker/cli/cli/config/types"
	"github.com/docker/cli/cli/flags"
	"github.com/docker/compose/v2/pkg/api"
	composelib "github.com/docker/compose/v2/pkg/compose"
	"github.com/sirupsen/logrus"

	"github.com/ros-os/ros/cloudconfig"
	"github.com/ros-os/ros/compose"
)

// BuildOptions say how images are built.
type BuildOptions struct {
	NoCache bool // no step is taken from an earlier build
	Pull    bool // the images that it begins with are fetched even if they are there
	Quiet   bool // nothing is printed while it goes well
	Missing bool // only what is not there
}

// Build builds the images of services that say how, each in its own Docker, by
// Compose's library: the folders that they are built from are read by this process.
// What it does is printed to standard output. A build that fails keeps no other
// from being made.
func (e *Engine) Build(ctx context.Context, services []compose.Service, o BuildOptions) error {
	var errs []error
	if o.Missing {
		var err error
		if services, err = e.missing(ctx, services); err != nil {
			return err
		}
	}
	for _, b := range builds(services) {
		if err := e.build(ctx, b, o); err != nil {
			errs = append(errs, fmt.Errorf("cannot build %s: %w", strings.Join(b.project.ServiceNames(), ", "), daemonError{err}))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

// missing are the services whose images are not there.
func (e *Engine) missing(ctx context.Context, services []compose.Service) ([]compose.Service, error) {
	var out []compose.Service
	for _, svc := range services {
		d, err := e.daemon(svc.Scope)
		if err != nil {
			return nil, err
		}
		have, err := d.look(ctx, svc.Spec.Image)
		if err != nil {
			return nil, err
		}
		if have.id == "" {
			out = append(out, svc)
		}
	}
	return out, nil
}

// buildJob is what is built at once: images of one project, in one Docker.
type buildJob struct {
	scope   compose.Scope
	project *types.Project
}

// builds sorts services into jobs. Of those that are several containers one is
// taken.
func builds(services []compose.Service) []buildJob {
	jobs := map[string]buildJob{}
	for _, svc := range services {
		if svc.Spec.Build == nil {
			continue
		}
		name := cmp.Or(svc.Project, projectName)
		key := string(svc.Scope) + " " + name
		job, known := jobs[key]
		if !known {
			job = buildJob{svc.Scope, &types.Project{Name: name, Services: types.Services{}, Secrets: types.Secrets{}}}
			jobs[key] = job
		}
		spec := svc.Spec
		spec.Name, spec.DependsOn = svc.Of, nil
		job.project.Services[svc.Of] = spec
		maps.Copy(job.project.Secrets, svc.BuildSecrets)
	}
	var out []buildJob
	for _, key := range slices.Sorted(maps.Keys(jobs)) {
		out = append(out, jobs[key])
	}
	return out
}

func (e *Engine) build(ctx context.Context, job buildJob, o BuildOptions) error {
	d, err := e.daemon(job.scope)
	if err != nil {
		return err
	}
	cli, done, err := e.buildCLI(d, o)
	if err != nil {
		return err
	}
	defer done()
	for name, spec := range job.project.Services {
		build := *spec.Build
		build.NoCache, build.Pull = build.NoCache || o.NoCache, build.Pull || o.Pull
		spec.Build = &build
		job.project.Services[name] = spec
	}
	progress := "auto"
	if o.Quiet {
		progress = "quiet"
	}
	return composelib.NewComposeService(cli).Build(ctx, job.project, api.BuildOptions{
		Services: job.project.ServiceNames(), Progress: progress, Quiet: o.Quiet, Attestations: true, // those that are asked for
	})
}

// buildCLI is a command line of a daemon with the registries' credentials, for as
// long as one build takes.
func (e *Engine) buildCLI(d *daemon, o BuildOptions) (_ composeCLI, done func(), err error) {
	var news io.Writer = os.Stderr
	if o.Quiet {
		news = io.Discard
	}
	cli, err := command.NewDockerCli(
		command.WithInputStream(io.NopCloser(strings.NewReader(""))), command.WithOutputStream(os.Stdout), command.WithErrorStream(news),
	)
	if err == nil {
		err = cli.Initialize(&flags.ClientOptions{Hosts: []string{"unix://" + d.socket}})
	}
	if err != nil {
		return composeCLI{}, nil, fmt.Errorf("cannot set up compose: %w", err)
	}
	dir, err := os.MkdirTemp("", "ros-build-") // the builder keeps what it knows of builders beside the credentials
	if err != nil {
		return composeCLI{}, nil, err
	}
	file := configfile.New(filepath.Join(dir, "config.json"))
	if file.AuthConfigs, err = buildAuths(e.auths()); err != nil {
		return composeCLI{}, nil, errors.Join(err, os.RemoveAll(dir))
	}
	restore := ownBuilder()
	return composeCLI{DockerCli: cli, api: d.api(), file: file}, func() {
		restore()
		_ = os.RemoveAll(dir) // there is nothing in it but what can be had again
	}, nil
}

// buildAuths are credentials as the builder asks for them: by the host of the
// registry.
func buildAuths(auths map[string]cloudconfig.Auth) (map[string]clitypes.AuthConfig, error) {
	out := map[string]clitypes.AuthConfig{}
	for _, key := range slices.Sorted(maps.Keys(auths)) {
		host := registryHost(key)
		if best, _ := keyOf(host, auths); best != key {
			continue
		}
		a, err := authConfig(auths[key])
		if err != nil {
			return nil, fmt.Errorf("cannot use the credentials of registry %s: %w", key, err)
		}
		if host == dockerHub {
			host = hubAddress
		}
		out[host] = clitypes.AuthConfig{
			Username: a.Username, Password: a.Password, ServerAddress: host,
			IdentityToken: a.IdentityToken, RegistryToken: a.RegistryToken,
		}
	}
	return out, nil
}

// builderSettings are variables of this process that Compose and its builder read:
// that it builds by itself, whatever other programs there are; and that it adds
// nothing to an image that is another thing at each build, for then every build
// would make every container anew.
var builderSettings = map[string]string{bakeVariable: "false", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}

const bakeVariable = "COMPOSE_BAKE"

// ownBuilder makes the settings, and leaves out the warning that one of them will
// change some day. The log and the variables are the whole process's.
func ownBuilder() (restore func()) {
	out := logrus.StandardLogger().Out
	logrus.SetOutput(withoutBake{out})
	undo := []func(){func() { logrus.SetOutput(out) }}
	for name, value := range builderSettings {
		was, set := os.LookupEnv(name)
		_ = os.Setenv(name, value) // fails only for a name that is none, as do those below
		undo = append(undo, func() {
			if set {
				_ = os.Setenv(name, was)
				return
			}
			_ = os.Unsetenv(name)
		})
	}
	return func() {
		for _, f := range undo {
			f()
		}
	}
}

// withoutBake leaves out lines of a log.
type withoutBake struct{ io.Writer }

func (w withoutBake) Write(line []byte) (int, error) {
	if strings.Contains(string(line), bakeVariable) {
		return len(line), nil
	}
	return w.Writer.Write(line)
}
