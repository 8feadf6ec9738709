// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"net"
	"syscall"
)

// tcpNotsentLowat is TCP_NOTSENT_LOWAT, which package syscall has no name for.
const tcpNotsentLowat = 25

// limitUnsent makes the kernel call the socket full when n bytes wait in it that have not been put on the network.
func limitUnsent(t *net.TCPConn, n int) {
	raw, err := t.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotsentLowat, n) })
}
