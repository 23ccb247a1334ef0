package resident

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// Release gives memory back. What is needed of it again comes back by itself: of
// the heap when it grows, of the program file, from the page cache, when it is
// used.
func Release() error {
	debug.FreeOSMemory()
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("cannot find out which program this is: %w", err)
	}
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return fmt.Errorf("cannot find out what is mapped: %w", err)
	}
	var errs error
	for _, m := range mappings(string(smaps)) {
		if m.path == program && m.clean() {
			errs = errors.Join(errs, m.unmap())
		}
	}
	return errs
}

// unmap takes the pages out of memory; the next use of each maps it again.
func (m mapping) unmap() error {
	_, _, errno := unix.Syscall(unix.SYS_MADVISE, m.begin, m.end-m.begin, unix.MADV_DONTNEED)
	if errno != 0 {
		return fmt.Errorf("cannot give back %x-%x of %s: %w", m.begin, m.end, m.path, errno)
	}
	return nil
}
