// SPDX-License-Identifier: Apache-2.0

//go:build unix

package dist

import (
	"net"
	"syscall"
)

// direct writes to a socket what it takes at once, and never waits. It belongs to who has link.writing.
type direct struct {
	raw  syscall.RawConn
	buf  []byte
	n    int
	err  error
	step func(fd uintptr) bool
}

// newDirect gives nil where that cannot be done: for what is not plain TCP.
func newDirect(c net.Conn) *direct {
	t, ok := c.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return nil
	}
	d := &direct{raw: raw}
	d.step = d.once // made once: a closure per write would allocate
	return d
}

// write returns how much was written; less than all is no error.
func (d *direct) write(b []byte) (int, error) {
	d.buf, d.n, d.err = b, 0, nil
	err := d.raw.Write(d.step)
	d.buf = nil
	if err == nil {
		err = d.err
	}
	return d.n, err
}

// once makes one attempt and is content with it.
func (d *direct) once(fd uintptr) bool {
	for {
		n, err := syscall.Write(int(fd), d.buf)
		switch err {
		case nil:
			d.n = n
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
		default:
			d.err = err
		}
		return true
	}
}
