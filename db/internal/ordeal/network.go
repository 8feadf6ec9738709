// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// late bounds how many packets are on their way at a time; further ones are lost.
const late = 20000

// link is what happens to packets one way.
type link struct {
	cut           bool
	loss          float64
	delay, jitter time.Duration
}

// network is some hosts, each a network namespace, and the switch between them. Hosts count from 1.
type network struct {
	name string
	n    int
	tuns []*os.File // by host; 0 is none
	wg   sync.WaitGroup

	mu    sync.Mutex
	links map[[2]int]link
	rng   *rand.Rand

	delayed atomic.Int64
}

func newNetwork(n int, seed uint64) (_ *network, err error) {
	w := &network{name: fmt.Sprintf("or%x", os.Getpid()), n: n, tuns: make([]*os.File, n+1), links: map[[2]int]link{},
		rng: rand.New(rand.NewPCG(seed, 7))}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	for i := 1; i <= n; i++ {
		dev := fmt.Sprintf("%s-%d", w.name, i)
		if w.tuns[i], err = openTun(dev); err != nil {
			return nil, err
		}
		for _, args := range [][]string{
			{"netns", "add", w.ns(i)},
			{"link", "set", dev, "netns", w.ns(i)},
			{"-n", w.ns(i), "addr", "add", host(i) + "/24", "dev", dev},
			{"-n", w.ns(i), "link", "set", dev, "mtu", "9000", "up"},
			{"-n", w.ns(i), "link", "set", "lo", "up"},
		} {
			if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
				return nil, fmt.Errorf("ip %v: %w\n%s", args, err, out)
			}
		}
	}
	for i := 1; i <= n; i++ {
		w.wg.Go(func() { w.carry(i) })
	}
	return w, nil
}

// openTun makes a device whose packets are read from, and written to, the file.
func openTun(name string) (*os.File, error) {
	const tunSetIff, iffTun, iffNoPI = 0x400454ca, 1, 0x1000
	fd, err := syscall.Open("/dev/net/tun", syscall.O_RDWR|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/net/tun: %w", err)
	}
	var req struct {
		name  [16]byte
		flags uint16
		_     [22]byte
	}
	copy(req.name[:15], name)
	req.flags = iffTun | iffNoPI
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), tunSetIff, uintptr(unsafe.Pointer(&req))); e != 0 {
		syscall.Close(fd)
		return nil, fmt.Errorf("tun device %s: %w", name, e)
	}
	return os.NewFile(uintptr(fd), "tun "+name), nil
}

func (w *network) ns(i int) string { return fmt.Sprintf("%s-%d", w.name, i) }

func host(i int) string { return fmt.Sprintf("10.78.0.%d", i) }

// carry takes what a host sends to where it is for.
func (w *network) carry(from int) {
	buf := make([]byte, 1<<16)
	for {
		n, err := w.tuns[from].Read(buf)
		if errors.Is(err, os.ErrClosed) {
			return
		}
		if err != nil || n < 20 || buf[0]>>4 != 4 { // the system greets its neighbours by IPv6
			continue
		}
		to := int(buf[19])
		if to < 1 || to > w.n || to == from {
			continue
		}
		lost, wait := w.fate(from, to)
		switch {
		case lost:
		case wait == 0:
			w.deliver(to, buf[:n])
		case w.delayed.Add(1) > late:
			w.delayed.Add(-1)
		default:
			p := append([]byte(nil), buf[:n]...)
			time.AfterFunc(wait, func() {
				w.delayed.Add(-1)
				w.deliver(to, p)
			})
		}
	}
}

// deliver hands a packet to a host; one that cannot take it loses it, as networks do.
func (w *network) deliver(to int, p []byte) { _, _ = w.tuns[to].Write(p) }

func (w *network) fate(from, to int) (lost bool, wait time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l, ok := w.links[[2]int{from, to}]
	if !ok {
		return false, 0
	}
	lost = l.cut || l.loss > 0 && w.rng.Float64() < l.loss
	if wait = l.delay; l.jitter > 0 {
		wait += time.Duration(w.rng.Int64N(int64(l.jitter)))
	}
	return lost, wait
}

// set changes what happens one way.
func (w *network) set(from, to int, change func(*link)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.links[[2]int{from, to}]
	change(&l)
	w.links[[2]int{from, to}] = l
}

// between changes what happens between hosts of one side and of the other, both ways.
func (w *network) between(a, b []int, change func(*link)) {
	for _, i := range a {
		for _, j := range b {
			if i != j {
				w.set(i, j, change)
				w.set(j, i, change)
			}
		}
	}
}

// heal repairs everything.
func (w *network) heal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.links)
}

// joined reports whether two hosts reach each other.
func (w *network) joined(a, b int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.links[[2]int{a, b}].cut && !w.links[[2]int{b, a}].cut
}

func (w *network) close() {
	for i, f := range w.tuns {
		if f != nil {
			_ = f.Close() // the device goes with it
			_ = exec.Command("ip", "netns", "del", w.ns(i)).Run()
		}
	}
	w.wg.Wait()
}
