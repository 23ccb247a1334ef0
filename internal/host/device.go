package host

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// node is one character device that a machine in namespaces may use: those
// that have no state, and those that belong to a namespace.
type node struct {
	path         string
	major, minor uint32
	mode         uint32
}

func nodes() []node {
	return []node{
		{"null", 1, 3, 0o666},
		{"zero", 1, 5, 0o666},
		{"full", 1, 7, 0o666},
		{"random", 1, 8, 0o666},
		{"urandom", 1, 9, 0o666},
		{"tty", 5, 0, 0o666},
		{"net/tun", 10, 200, 0o666},
		{"fuse", 10, 229, 0o666},
	}
}

// devices makes /dev of its own: the host's disks, memory and log are not in it.
func (t *tree) devices() {
	t.mount("tmpfs", "dev", "tmpfs", unix.MS_NOSUID, "mode=0755,size=4m")
	t.dir("dev/net")
	for _, n := range nodes() {
		t.node(n)
	}
	for _, dir := range []string{"dev/pts", "dev/shm", "dev/mqueue"} {
		t.dir(dir)
	}
	t.mount("devpts", "dev/pts", "devpts", unix.MS_NOSUID|unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5")
	t.mount("tmpfs", "dev/shm", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=1777")
	t.mount("mqueue", "dev/mqueue", "mqueue", quiet, "")
	t.link("dev/ptmx", "pts/ptmx")
	t.link("dev/fd", "/proc/self/fd")
	t.link("dev/stdin", "/proc/self/fd/0")
	t.link("dev/stdout", "/proc/self/fd/1")
	t.link("dev/stderr", "/proc/self/fd/2")
	t.console()
}

func (t *tree) node(n node) {
	if t.err != nil {
		return
	}
	path := filepath.Join(t.root, "dev", n.path)
	err := unix.Mknod(path, unix.S_IFCHR|n.mode, int(unix.Mkdev(n.major, n.minor)))
	if err == nil {
		err = unix.Chmod(path, n.mode) // whatever the umask
	}
	t.fail("make", "/dev/"+n.path, err)
}

// console shows the supervisor's terminal, this process's standard input, as
// the console.
func (t *tree) console() {
	t.file("dev/console", "")
	if t.err != nil {
		return
	}
	terminal, err := os.Readlink("/proc/self/fd/0")
	if err != nil {
		t.fail("find", "/dev/console", err)
		return
	}
	t.bind(terminal, "dev/console")
}
