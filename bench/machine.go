// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// machine describes where and how a run was made; it stands above every raw result.
func machine(command string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "command: %s\n", command)
	fmt.Fprintf(&b, "cpu: %s, %d cores, %s/%s\n", field("/proc/cpuinfo", "model name"), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprintf(&b, "memory: %s\n", field("/proc/meminfo", "MemTotal"))
	fmt.Fprintf(&b, "kernel: %s\n", strings.TrimSpace(read("/proc/sys/kernel/osrelease")))
	fmt.Fprintf(&b, "go: %s, GOMAXPROCS %d\n", runtime.Version(), runtime.GOMAXPROCS(0))
	fmt.Fprintf(&b, "erlang: %s\n", otpVersion())
	return b.String()
}

// load is the machine's load averages.
func load() string {
	f := strings.Fields(read("/proc/loadavg"))
	if len(f) < 3 {
		return "unknown"
	}
	return strings.Join(f[:3], " ")
}

func read(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	return string(b)
}

// field is the value of "name : value" in a file of such lines.
func field(path, name string) string {
	for line := range strings.Lines(read(path)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return "unknown"
}
