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
	raw   syscall.RawConn
	time  time.Duration // 0: as eager says
	eager eagerness
	last  int       // bytes that came last
	dry   time.Time // since when there is nothing, zero if there was something at once
	buf   []byte
	n     int
	err   error
	try   func() bool
	step  func(fd uintptr) bool
	fd    int
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
		return p.once() || p.look()
	}
	return p
}

// look looks again for a while if that is wanted.
func (p *poller) look() bool {
	if p.time > 0 {
		return poll(p.time, p.try)
	}
	if !p.dry.IsZero() {
		return false // woken for nothing
	}
	if p.eager.eager(p.last) {
		found := spin(lookTime, p.try)
		if p.eager.looked(found); found {
			return true
		}
	}
	p.dry = time.Now()
	return false
}

// read is conn.Read.
func (p *poller) read(b []byte) (int, error) {
	p.buf, p.n, p.err = b, 0, nil
	err := p.raw.Read(p.step)
	p.buf, p.last = nil, p.n
	if !p.dry.IsZero() {
		p.eager.waited(time.Since(p.dry))
		p.dry = time.Time{}
	}
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
