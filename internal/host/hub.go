package host

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/creack/pty"
)

// consoleHub is the console of a machine in namespaces: a terminal whose output
// goes to a log and to everyone attached, as QEMU does it for a serial port.
type consoleHub struct {
	terminal *os.File // the machine's side; stays open over reboots
	master   *os.File
	log      *os.File
	listener net.Listener
	done     sync.WaitGroup

	mu       sync.Mutex
	attached map[net.Conn]struct{}
}

func openConsoleHub(socket, logFile string) (*consoleHub, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open the console's log: %w", err)
	}
	master, terminal, err := pty.Open()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot make a terminal: %w", err), log.Close())
	}
	h := &consoleHub{terminal: terminal, master: master, log: log, attached: map[net.Conn]struct{}{}}
	if h.listener, err = listenUnix(socket); err != nil {
		return nil, errors.Join(err, master.Close(), terminal.Close(), log.Close())
	}
	h.done.Add(2)
	go h.spread()
	go h.accept()
	return h, nil
}

func (h *consoleHub) close() error {
	err := errors.Join(h.listener.Close(), h.terminal.Close(), h.master.Close())
	h.mu.Lock()
	for conn := range h.attached {
		_ = conn.Close()
	}
	h.mu.Unlock()
	h.done.Wait()
	if err := errors.Join(err, h.log.Close()); err != nil {
		return fmt.Errorf("cannot close the console: %w", err)
	}
	return nil
}

// spread copies what the machine writes to the log and to all who watch.
func (h *consoleHub) spread() {
	defer h.done.Done()
	buf := make([]byte, 4096)
	for {
		n, err := h.master.Read(buf)
		if err != nil {
			return
		}
		_, _ = h.log.Write(buf[:n]) // a full disk must not stop the machine
		h.mu.Lock()
		for conn := range h.attached {
			if _, err := conn.Write(buf[:n]); err != nil {
				delete(h.attached, conn)
			}
		}
		h.mu.Unlock()
	}
}

func (h *consoleHub) accept() {
	defer h.done.Done()
	for {
		conn, err := h.listener.Accept()
		if err != nil {
			return
		}
		h.mu.Lock()
		h.attached[conn] = struct{}{}
		h.mu.Unlock()
		h.done.Add(1)
		go h.typeFor(conn)
	}
}

// typeFor copies what one who is attached types.
func (h *consoleHub) typeFor(conn net.Conn) {
	defer h.done.Done()
	_, _ = io.Copy(h.master, conn)
	h.mu.Lock()
	delete(h.attached, conn)
	h.mu.Unlock()
	_ = conn.Close()
}

// listenUnix listens at path however long it is: the kernel takes 107 bytes.
func listenUnix(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("cannot remove the old socket: %w", err)
	}
	short, done, err := shortPath(path)
	if err != nil {
		return nil, err
	}
	defer done()
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("cannot listen at %s: %w", path, err)
	}
	listener.SetUnlinkOnClose(false) // under the short name, which is gone by then
	return listener, nil
}

func dialUnix(path string) (net.Conn, error) {
	short, done, err := shortPath(path)
	if err != nil {
		return nil, err
	}
	defer done()
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: short, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("cannot reach %s: %w", path, err)
	}
	return conn, nil
}

// shortPath names a file through a handle of its folder.
func shortPath(path string) (short string, done func(), err error) {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, fmt.Errorf("cannot open the folder of %s: %w", path, err)
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)), func() { _ = dir.Close() }, nil
}
