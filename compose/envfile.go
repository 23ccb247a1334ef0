package compose

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	stdpath "path"
	"regexp"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/ros-os/ros/cloudconfig"
)

// withFiles is a service's environment over what its env_file say, as far as
// [Options.ReadFile] reads them.
func (b *builder) withFiles(d *draft) types.MappingWithEquals {
	spec := d.svc.Spec
	if len(spec.EnvFiles) == 0 {
		return spec.Environment
	}
	pos, at := d.tree.posOf("env_file"), d.at.below("env_file")
	if b.opts.ReadFile == nil {
		d.fail(pos, at, "files cannot be read here", "use environment")
		return spec.Environment
	}
	env := types.MappingWithEquals{}
	for _, file := range spec.EnvFiles {
		b.readEnvFile(d, file, env, pos, at)
	}
	return env.OverrideBy(spec.Environment)
}

// ReadEnvironment adds what a file of variables says to env; variables in it may
// be any that env has already.
func ReadEnvironment(data []byte, env map[string]string) error {
	values, err := parseEnvironment(data, func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	})
	if err != nil {
		return err
	}
	maps.Copy(env, values)
	return nil
}

// environmentFault is what is wrong with a file of variables, and where; what is
// written there follows.
var environmentFault = regexp.MustCompile(`^line \d+: (unterminated quoted value|unexpected character|key cannot contain a space)`)

// parseEnvironment reads a file of variables. What is wrong with it is told without
// what is written there, which may be a secret.
func parseEnvironment(data []byte, lookup dotenv.LookupFn) (map[string]string, error) {
	values, err := dotenv.ParseWithLookup(bytes.NewReader(data), lookup)
	if err == nil {
		return values, nil
	}
	var missing *template.MissingRequiredError
	if errors.As(err, &missing) {
		return nil, fmt.Errorf("variable %q is not set", missing.Variable)
	}
	if fault := environmentFault.FindString(err.Error()); fault != "" {
		return nil, errors.New(fault)
	}
	return nil, errors.New("a value has a $ that begins no variable (write $$, or put the value in single quotes)")
}

func (b *builder) readEnvFile(d *draft, file types.EnvFile, env types.MappingWithEquals, pos cloudconfig.Pos, at *path) {
	name := file.Path
	if !stdpath.IsAbs(name) { // beside the file that names it
		name = stdpath.Join(pos.Folder(), name)
	}
	if !stdpath.IsAbs(name) {
		d.fail(pos, at, "the path "+file.Path+" is not absolute", "")
		return
	}
	data, err := b.opts.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !file.Required:
		return
	case err != nil:
		d.fail(pos, at, "cannot read "+name+": "+err.Error(), "")
		return
	}
	d.madeWith(name, data)
	values, err := parseEnvironment(data, func(name string) (string, bool) {
		return d.vars.lookup(d.part, name)
	})
	if err != nil {
		d.fail(pos, at, "cannot read "+name+": "+err.Error(), "")
		return
	}
	for key, value := range values {
		env[key] = &value
	}
}
