package servicectl

import (
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// processMetrics are what the controller itself uses, under the names that
// Prometheus's own clients use for it. What the system does not tell is left out.
func processMetrics(m *metricsText) {
	m.family("go_goroutines", "gauge", "Goroutines that exist.")
	m.value("go_goroutines", float64(runtime.NumGoroutine()))
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(heap)
	if heap[0].Value.Kind() == metrics.KindUint64 {
		m.family("go_memstats_heap_alloc_bytes", "gauge", "Bytes of the heap that are in use.")
		m.value("go_memstats_heap_alloc_bytes", float64(heap[0].Value.Uint64()))
	}
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		m.family("process_open_fds", "gauge", "Open file descriptors.")
		m.value("process_open_fds", float64(len(open)-1)) // one of them reads the folder
	}
	if resident, ok := residentBytes(); ok {
		m.family("process_resident_memory_bytes", "gauge", "Resident memory in bytes.")
		m.value("process_resident_memory_bytes", resident)
	}
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err == nil {
		m.family("process_cpu_seconds_total", "counter", "Processor time in seconds.")
		m.value("process_cpu_seconds_total", (time.Duration(used.Utime.Nano()) + time.Duration(used.Stime.Nano())).Seconds())
	}
}

// residentBytes reads the second field of statm: see proc(5).
func residentBytes() (float64, bool) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, false
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseUint(fields[1], 10, 64)
	return float64(pages) * float64(os.Getpagesize()), err == nil
}
