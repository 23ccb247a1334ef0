package machine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"unsafe"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
)

// The parts of the kernel's input interface that a power button needs.
const (
	inputFolder = "/dev/input"
	eventSize   = 24 // struct input_event: time, type, code, value
	typeKey     = 1
	keyPower    = 116
	keyPressed  = 1
	keyBits     = 0x2ff/8 + 1
)

// watchPowerButton watches every input device that has a power key, also those
// that appear later.
func watchPowerButton(ctx context.Context, b *Boot) error {
	appeared, stop, err := uevents(ctx, "input")
	if err != nil {
		return err
	}
	b.spawn(ctx, "power button", func(ctx context.Context) {
		defer stop()
		// The device manager would load them too, but a machine without it must
		// still switch off.
		if tree, err := openModules(); err != nil || tree.load("button", "evdev") != nil {
			b.probe(ctx, "button", "evdev")
		}
		watch := buttons{open: map[string]bool{}, pressed: b.powerPressed}
		for {
			watch.scan(ctx, inputFolder)
			select {
			case <-ctx.Done():
				return
			case <-appeared:
			}
		}
	})
	return nil
}

func (b *Boot) powerPressed() {
	logrus.Info("the power button was pressed")
	select {
	case b.actions <- PowerOff:
	default: // pressed twice
	}
}

// buttons reads from each device in a goroutine, which ends with ctx or the device.
type buttons struct {
	pressed func()

	mu   sync.Mutex      // guards open
	open map[string]bool // by path
}

func (w *buttons) scan(ctx context.Context, dir string) {
	paths, _ := filepath.Glob(filepath.Join(dir, "event*")) // the pattern is sound
	for _, path := range paths {
		if !w.take(path) {
			continue
		}
		device, err := openButton(path)
		if err != nil || device == nil {
			continue // stays taken: a device without a power key gets none later
		}
		go func() {
			defer w.release(path)
			readButton(ctx, device, w.pressed)
		}()
	}
}

func (w *buttons) take(path string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open[path] {
		return false
	}
	w.open[path] = true
	return true
}

func (w *buttons) release(path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open, path)
}

// openButton opens a device that has a power key; others give nil.
func openButton(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", path, err)
	}
	device := os.NewFile(uintptr(fd), path)
	has, err := hasPowerKey(fd)
	if err != nil || !has {
		return nil, errors.Join(err, device.Close())
	}
	return device, nil
}

// hasPowerKey asks with EVIOCGBIT which keys the device has.
func hasPowerKey(fd int) (bool, error) {
	var keys [keyBits]byte
	request := uintptr(2<<30 | keyBits<<16 | 'E'<<8 | (0x20 + typeKey))                                  // _IOC(_IOC_READ, 'E', 0x20+EV_KEY, len)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(&keys[0]))) //nolint:gosec // the ioctl takes a buffer of this size
	if errno != 0 {
		return false, fmt.Errorf("cannot list the keys of a device: %w", errno)
	}
	return keys[keyPower/8]&(1<<(keyPower%8)) != 0, nil
}

func readButton(ctx context.Context, device *os.File, pressed func()) {
	defer context.AfterFunc(ctx, func() { _ = device.Close() })() // ends the read below
	defer func() { _ = device.Close() }()
	buf := make([]byte, 16*eventSize)
	for {
		n, err := device.Read(buf)
		if err != nil {
			return
		}
		if powerEvent(buf[:n]) {
			pressed()
		}
	}
}

// powerEvent says whether one of the events is the power key going down.
func powerEvent(events []byte) bool {
	for ; len(events) >= eventSize; events = events[eventSize:] {
		kind := binary.NativeEndian.Uint16(events[16:])
		code := binary.NativeEndian.Uint16(events[18:])
		value := binary.NativeEndian.Uint32(events[20:])
		if kind == typeKey && code == keyPower && value == keyPressed {
			return true
		}
	}
	return false
}
