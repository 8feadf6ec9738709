// SPDX-License-Identifier: Apache-2.0

//go:build unix

package dist

import (
	"io"
	"net"
	"syscall"
	"time"
)

// poller reads from a socket and, when there is nothing, looks again for a while before it lets the goroutine sleep.
type poller struct {
	raw  syscall.RawConn
	time time.Duration
	buf  []byte
	n    int
	err  error
	try  func() bool
	step func(fd uintptr) bool
	fd   int
}

func newPoller(c *net.TCPConn, d time.Duration) *poller {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	p := &poller{raw: raw, time: d}
	p.try = p.once
	p.step = func(fd uintptr) bool { // made once: a closure per read would allocate
		p.fd = int(fd)
		return p.once() || poll(p.time, p.try)
	}
	return p
}

// read is conn.Read.
func (p *poller) read(b []byte) (int, error) {
	p.buf, p.n, p.err = b, 0, nil
	err := p.raw.Read(p.step)
	p.buf = nil
	switch {
	case err != nil:
		return 0, err
	case p.err != nil:
		return 0, p.err
	case p.n == 0:
		return 0, io.EOF
	}
	return p.n, nil
}

// once tries to read; false if there is nothing.
func (p *poller) once() bool {
	for {
		p.n, p.err = syscall.Read(p.fd, p.buf)
		switch p.err {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			p.n, p.err = 0, nil
			return false
		}
		p.n = max(p.n, 0)
		return true
	}
}
