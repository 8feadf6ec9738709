// SPDX-License-Identifier: Apache-2.0

//go:build unix

package main

import (
	"io"
	"net"
	"syscall"
	"time"
)

// pollTime is how long a polling reader looks before it sleeps: as long as Banyan's links.
const pollTime = 50 * time.Microsecond

// pollReader reads from a socket and looks again for a while when there is nothing.
type pollReader struct {
	raw syscall.RawConn
}

func newPollReader(b *bench, c net.Conn) io.Reader {
	raw, err := c.(*net.TCPConn).SyscallConn()
	b.must(err)
	return pollReader{raw}
}

// Read is io.Reader's.
func (p pollReader) Read(buf []byte) (n int, err error) {
	rerr := p.raw.Read(func(fd uintptr) bool {
		for start := time.Now(); ; {
			if n, err = syscall.Read(int(fd), buf); err != syscall.EAGAIN {
				return true
			}
			if time.Since(start) > pollTime {
				return false
			}
		}
	})
	switch {
	case rerr != nil:
		return 0, rerr
	case err != nil:
		return 0, err
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

func plainPollingPingPong(b *bench) {
	c := b.dial()
	r := newPollReader(b, c)
	start := time.Now()
	for i := range b.n {
		b.roundTrip(c, r, i)
	}
	b.rate(b.n, start)
}

func plainPollingEchoServer(b *bench) {
	b.listen(func(c net.Conn) {
		var word [8]byte
		r := newPollReader(b, c)
		for {
			if _, err := io.ReadFull(r, word[:]); err != nil {
				return
			}
			if _, err := c.Write(word[:]); err != nil {
				return
			}
		}
	})
}
