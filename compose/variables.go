package compose

import (
	"sort"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/ros-os/ros/cloudconfig"
)

// variables are what definitions may refer to, by name. A name may be bound to
// one service: "service/NAME".
type variables map[string]string

// newVariables collects them, weakest first: what every definition may rely on,
// facts of the machine, the .env files of a project, proxies of rancher.network,
// rancher.environment.
func newVariables(cfg cloudconfig.Config, facts, project map[string]string) variables {
	v := variables{"REGISTRY_DOMAIN": "docker.io", "SUFFIX": ""}
	for name, value := range facts {
		v[name] = value
	}
	for name, value := range project {
		v[name] = value
	}
	network := cfg.Rancher.Network
	for name, value := range map[string]string{
		"http_proxy":  network.HTTPProxy,
		"https_proxy": network.HTTPSProxy,
		"no_proxy":    network.NoProxy,
	} {
		if value != "" {
			v[name], v[strings.ToUpper(name)] = value, value
		}
	}
	for name, value := range cfg.Rancher.Environment {
		v[name] = value
	}
	return v
}

// lookup finds a variable for a service.
func (v variables) lookup(service, name string) (string, bool) {
	if value, ok := v[service+"/"+name]; ok {
		return value, true
	}
	value, ok := v[name]
	return value, ok
}

// matching returns the variables whose names begin with prefix: those of the
// service if there are any, else the others.
func (v variables) matching(service, prefix string) map[string]string {
	own, common := map[string]string{}, map[string]string{}
	for name, value := range v {
		if short, ok := strings.CutPrefix(name, service+"/"); ok {
			if strings.HasPrefix(short, prefix) {
				own[short] = value
			}
		} else if strings.HasPrefix(name, prefix) && !strings.Contains(name, "/") {
			common[name] = value
		}
	}
	if len(own) > 0 {
		return own
	}
	return common
}

// resolve fills an environment: a key without a value takes the value of the
// variable of that name, "PREFIX*" takes all that begin with it, and what has
// no value is dropped.
func (v variables) resolve(service string, env types.MappingWithEquals) types.MappingWithEquals {
	if len(env) == 0 {
		return nil
	}
	out := make(types.MappingWithEquals, len(env))
	var wild []string
	for key, value := range env {
		prefix, isWild := strings.CutSuffix(key, "*")
		switch {
		case value != nil:
			out[key] = value
		case isWild:
			wild = append(wild, prefix)
		default:
			if found, ok := v.lookup(service, key); ok {
				out[key] = &found
			}
		}
	}
	sort.Strings(wild)
	for _, prefix := range wild {
		for key, value := range v.matching(service, prefix) {
			if _, given := env[key]; !given {
				out[key] = &value
			}
		}
	}
	return out
}
