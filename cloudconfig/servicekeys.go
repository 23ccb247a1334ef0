package cloudconfig

import (
	"slices"
	"strings"
)

// serviceKey describes one key of a service, for people and for editors. What
// its values mean is package compose's business.
type serviceKey struct {
	name string
	kind string // text, number, switch, list, map, or several of them
	text string
}

// composeKeys are the keys of the compose specification that this system takes,
// and RancherOS's of compose v1.
var composeKeys = []serviceKey{
	{"annotations", "map list", "Annotations of the container."},
	{"attach", "switch", "Show its output with docker compose up."},
	{"blkio_config", "map", "Limits of reading and writing disks."},
	{"cap_add", "list", "Capabilities to have besides the usual ones."},
	{"cap_drop", "list", "Capabilities not to have; ALL is all of them."},
	{"cgroup", "text", "Namespace of control groups: host or private."},
	{"cgroup_parent", "text", "The control group to be below."},
	{"command", "text list", "The command to run, in place of the image's."},
	{"container_name", "text", "Name of the container, in place of the service's."},
	{"cpu_count", "number text", "CPUs that may be used."},
	{"cpu_percent", "number text", "Share of the CPUs that may be used."},
	{"cpu_period", "number text", "Length of a period of the CPU scheduler."},
	{"cpu_quota", "number text", "Time in each period."},
	{"cpu_rt_period", "number text", "Length of a period of the real-time scheduler."},
	{"cpu_rt_runtime", "number text", "Real time in each period."},
	{"cpu_shares", "number text", "Weight against other containers."},
	{"cpus", "number text", "CPUs that may be used, with fractions."},
	{"cpuset", "text number", "The CPUs that may be used, such as 0-3."},
	{"credential_spec", "map", "Credentials of a Windows account."},
	{"depends_on", "list map", "Services to wait for."},
	{"deploy", "map", "How a cluster would run it."},
	{"develop", "map", "How a developer works on it."},
	{"device_cgroup_rules", "list", "Which devices may be used."},
	{"devices", "list", "Devices to have."},
	{"dns", "text list", "Name servers."},
	{"dns_opt", "list", "Options of the resolver."},
	{"dns_search", "text list", "Domains in which short names are looked up."},
	{"domainname", "text", "Domain of the container."},
	{"entrypoint", "text list", "The program to run, in place of the image's."},
	{"env_file", "text list", "Files with variables."},
	{"environment", "map list", "Variables. NAME alone takes the value from rancher.environment."},
	{"expose", "list", "Ports that other containers may use."},
	{"external_links", "list", "Links to containers of others."},
	{"extra_hosts", "map list", "Names for /etc/hosts."},
	{"gpus", "text list", "Graphics cards to have."},
	{"group_add", "list", "Further groups."},
	{"healthcheck", "map", "How to tell that it is healthy."},
	{"hostname", "text", "Host name of the container."},
	{"image", "text", "The image."},
	{"init", "switch", "Run a small init in it."},
	{"ipc", "text", "Namespace of IPC."},
	{"isolation", "text", "How Windows parts containers."},
	{"labels", "map list", "Labels; io.rancher.os.* say how this system runs the service."},
	{"links", "list", "Services to know by name."},
	{"log_driver", "text", "RancherOS's logging.driver."},
	{"log_opt", "map", "RancherOS's logging.options."},
	{"logging", "map", "How its output is kept."},
	{"mac_address", "text", "Hardware address."},
	{"mem_limit", "text number", "Memory that may be used."},
	{"mem_reservation", "text number", "Memory that is kept for it."},
	{"mem_swappiness", "number text", "How readily its memory is swapped out."},
	{"memswap_limit", "text number", "Memory and swap that may be used."},
	{"name", "text", "RancherOS's; ignored, the name is the key."},
	{"net", "text", "RancherOS's network_mode."},
	{"network_mode", "text", "Namespace of the network: host, none, bridge, service:NAME."},
	{"networks", "list map", "Networks to be in."},
	{"oom_kill_disable", "switch", "Do not end it when memory is short."},
	{"oom_score_adj", "number text", "How readily it is ended when memory is short."},
	{"pid", "text", "Namespace of processes."},
	{"pids_limit", "number text", "Processes that it may have."},
	{"platform", "text", "Platform of the image."},
	{"ports", "list", "Ports of the machine that lead to it."},
	{"privileged", "switch", "May do what root on the machine may do."},
	{"profiles", "list", "When it is run."},
	{"pull_policy", "text", "When the image is pulled."},
	{"read_only", "switch", "Its root cannot be written."},
	{"restart", "text switch", "When it is run again: always, on-failure, unless-stopped or no."},
	{"runtime", "text", "The runtime to run it with."},
	{"scale", "number text", "How many containers."},
	{"security_opt", "list", "Options of security modules."},
	{"shm_size", "text number", "Size of /dev/shm."},
	{"stdin_open", "switch", "Keep its standard input open."},
	{"stop_grace_period", "text", "Time to end by itself."},
	{"stop_signal", "text", "The signal that asks it to end."},
	{"storage_opt", "map", "Options of the storage driver."},
	{"sysctls", "map list", "Kernel settings of its namespaces."},
	{"tmpfs", "text list", "Folders in memory."},
	{"tty", "switch", "Give it a terminal."},
	{"ulimits", "map", "Limits of its processes."},
	{"user", "text number", "The user to run as."},
	{"userns_mode", "text", "Namespace of users."},
	{"uts", "text", "Namespace of the host name."},
	{"volume_driver", "text", "RancherOS's driver of volumes without one."},
	{"volumes", "list", "Folders and volumes to have."},
	{"volumes_from", "list", "Services whose volumes to have."},
	{"working_dir", "text", "The folder to begin in."},
}

// service is a reference to the definition of a service.
func (g *generator) service() *jsonSchema {
	const name = "Service"
	if _, known := g.defs[name]; !known {
		s := &jsonSchema{Type: types("object", "null"), Properties: map[string]*jsonSchema{}}
		for _, key := range composeKeys {
			s.Properties[key.name] = key.schema()
		}
		g.defs[name] = s
	}
	return ref(name)
}

// jsonTypes are the types of JSON for the kinds of composeKeys.
var jsonTypes = map[string][]string{
	"text": {"string", "number", "boolean"}, "number": {"number", "string"}, "switch": {"boolean", "string"},
	"list": {"array"}, "map": {"object"},
}

func (k serviceKey) schema() *jsonSchema {
	names := []string{"null"}
	for kind := range strings.FieldsSeq(k.kind) {
		for _, t := range jsonTypes[kind] {
			if !slices.Contains(names, t) {
				names = append(names, t)
			}
		}
	}
	return &jsonSchema{Description: k.text, Type: names, WriteOnly: k.name == environment}
}
