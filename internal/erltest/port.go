// SPDX-License-Identifier: Apache-2.0

package erltest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// Ports that FreePort gives are below those that systems take for outgoing connections (Linux from 32768 on, others from 49152). A
// port from among those can be gone again before its user listens there, and on a busy machine is now and then.
const (
	firstPort = 12000
	portPairs = 10000
)

// FreePort finds a TCP port of loopback that nobody uses. Until the test ends no other caller gets it, in this program or another one:
// the port above it is kept as a lock.
func FreePort(t testing.TB) int {
	t.Helper()
	var last error
	for range 1000 {
		port := firstPort + 2*rand.IntN(portPairs)
		lock, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+1))
		if err != nil {
			last = err
			continue
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			lock.Close()
			last = err
			continue
		}
		l.Close()
		t.Cleanup(func() { lock.Close() })
		return port
	}
	t.Fatal("no free port of loopback: ", last)
	return 0
}
