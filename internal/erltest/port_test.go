// SPDX-License-Identifier: Apache-2.0

package erltest

import (
	"fmt"
	"net"
	"os"
	"testing"
)

// A port that was given stays free for its owner, whatever connections are made, and nobody else gets it until the test has ended.
func TestFreePortIsKept(t *testing.T) {
	var first, last int
	if b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		if _, err := fmt.Sscan(string(b), &first, &last); err != nil {
			t.Fatal(err)
		}
	} else {
		first, last = 32768, 65535
	}
	if top := firstPort + 2*portPairs; firstPort <= last && first < top {
		t.Skipf("SKIPPED: this system takes ports %d to %d for connections, so that no port can be kept free", first, last)
	}
	given := map[int]bool{}
	t.Run("inner", func(t *testing.T) {
		for range 300 {
			p := FreePort(t)
			if given[p] || given[p-1] || given[p+1] {
				t.Fatalf("port %d was given twice", p)
			}
			given[p] = true
		}
		for p := range given {
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p))
			if err != nil {
				t.Fatal(err)
			}
			l.Close()
			if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p+1)); err == nil {
				l.Close()
				t.Fatalf("the lock of port %d is not held", p)
			}
		}
	})
	for p := range given {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p+1))
		if err != nil {
			t.Fatalf("the lock of port %d is held after the test", p)
		}
		l.Close()
	}
}
