// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"errors"
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

// syncer makes the data of one file durable by the kernel's asynchronous I/O (io_submit(2)). A goroutine in fdatasync(2) holds one of the processors that Go
// has until the runtime notices, which takes about as long as a sync: three logs that are synced all the time took half of two processors away. Here
// the goroutine waits as it would for a socket.
//
// A syncer belongs to one goroutine.
type syncer struct {
	ctx     uintptr // aio_context_t
	eventFD uintptr
	event   *os.File // it is readable when a sync has ended
	refused bool     // the kernel does not do this with the file
}

// Numbers of linux/aio_abi.h.
const (
	iocbFdatasync = 3
	iocbResFD     = 1
)

// iocb is struct iocb. Two of its fields, which are zero here, are the other way round on big-endian machines.
type iocb struct {
	data     uint64
	key      uint32
	rwFlags  uint32
	opcode   uint16
	priority int16
	fd       uint32
	buf      uint64
	bytes    uint64
	offset   int64
	reserved uint64
	flags    uint32
	resFD    uint32
}

// ioEvent is struct io_event.
type ioEvent struct {
	data, obj uint64
	res, res2 int64
}

// newSyncer fails where the system has no such thing, or allows no more of it.
func newSyncer() (*syncer, error) {
	s := &syncer{}
	if _, _, e := syscall.Syscall(syscall.SYS_IO_SETUP, 1, uintptr(unsafe.Pointer(&s.ctx)), 0); e != 0 {
		return nil, e
	}
	fd, _, e := syscall.Syscall(syscall.SYS_EVENTFD2, 0, syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0) // EFD_NONBLOCK, EFD_CLOEXEC
	if e != 0 {
		s.destroy()
		return nil, e
	}
	s.eventFD, s.event = fd, os.NewFile(fd, "eventfd")
	return s, nil
}

func (s *syncer) destroy() {
	_, _, _ = syscall.Syscall(syscall.SYS_IO_DESTROY, s.ctx, 0, 0) // it fails for a context that is none
}

// close gives back what the syncer has of the kernel.
func (s *syncer) close() error {
	s.destroy()
	return s.event.Close()
}

// sync is fdatasync(2). errors.ErrUnsupported: nothing was done, and never will be with this file.
func (s *syncer) sync(fd uintptr) error {
	if s.refused {
		return errors.ErrUnsupported
	}
	cb := &iocb{opcode: iocbFdatasync, fd: uint32(fd), flags: iocbResFD, resFD: uint32(s.eventFD)}
	_, _, e := syscall.Syscall(syscall.SYS_IO_SUBMIT, s.ctx, 1, uintptr(unsafe.Pointer(&cb)))
	runtime.KeepAlive(cb)
	if e != 0 {
		s.refused = true
		return errors.ErrUnsupported
	}
	var n [8]byte
	_, _ = s.event.Read(n[:]) // if it fails, it is the next call that waits
	var ev ioEvent
	for {
		got, _, e := syscall.Syscall6(syscall.SYS_IO_GETEVENTS, s.ctx, 1, 1, uintptr(unsafe.Pointer(&ev)), 0, 0)
		switch {
		case e == syscall.EINTR:
		case e != 0:
			return e
		case got == 1 && ev.res < 0:
			return syscall.Errno(-ev.res)
		case got == 1:
			return nil
		}
	}
}
