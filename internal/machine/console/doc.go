// Package console is the main of service "console": it makes the host keys once,
// keeps sshd and the gettys running, and says when one can log in.
//
// It knows sshd, agetty and terminals. It reads no YAML, knows no Docker, and
// makes no users: the settings it needs are handed over in one file.
package console
