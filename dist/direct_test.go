// SPDX-License-Identifier: Apache-2.0

//go:build unix

package dist

import (
	"bytes"
	"io"
	"net"
	"testing"

	"github.com/banyan-go/banyan"
)

// What a sender cannot write at once the writer writes, before everything else.
func TestWriteNowLeavesTheRest(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	here, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	there, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	p := newFakePort("a@127.0.0.1")
	tr := New(Config{})
	tr.cfg = tr.cfg.withDefaults()
	tr.name, tr.port, tr.nobody = p.name, p, banyan.PID{Node: p.name}
	l := tr.newLink(here, peerOf(rawSide("b@127.0.0.1", "")))
	first, second := bytes.Repeat([]byte{1}, 32<<20), bytes.Repeat([]byte{2}, 1000)
	l.mu.Lock()
	l.asleep = true
	l.q.small = first
	l.writeNow()
	if len(l.q.rest) == 0 || len(l.q.rest) >= len(first) || l.asleep {
		t.Fatalf("%d of %d bytes left, the writer sleeps: %v", len(l.q.rest), len(first), l.asleep)
	}
	l.q.small = append(l.q.small, second...)
	l.mu.Unlock()
	ended := make(chan struct{})
	go func() { l.write(); close(ended) }()
	got := make([]byte, len(first)+len(second))
	if _, err := io.ReadFull(there, got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got[:len(first)], first) || !bytes.Equal(got[len(first):], second) {
		t.Error("not what was sent")
	}
	l.fail(errStopped)
	<-ended
	if newDirect(holdConn{}) != nil {
		t.Error("what is not TCP cannot be written directly")
	}
}

// A sender writes on an idle link, and when it is its turn; one in a crowd does not.
func TestWhoWrites(t *testing.T) {
	l := &link{direct: &direct{}, asleep: true}
	at := func(wrote, read int64) { // times ago, as lastWrite
		now := l.now()
		l.wroteAt = now - wrote
		l.lastWrite.Store(now - wrote)
		l.lastRead.Store(now - read)
	}
	l.born = l.born.AddDate(2000, 0, 0)
	const long, short = int64(1e9), -int64(1e12) // "short": not quiet, whatever this machine does between
	at(long, 2*long)
	if !l.lies() {
		t.Error("an idle link")
	}
	at(short, short-1)
	if !l.lies() {
		t.Error("the peer has answered since")
	}
	at(short, long)
	if l.lies() || l.crowded != patience {
		t.Error("in a crowd")
	}
	at(long, 2*long)
	for range patience {
		if l.lies() {
			t.Fatal("after a crowd")
		}
	}
	if !l.lies() {
		t.Error("patience is over")
	}
	l.writing = true
	if l.lies() {
		t.Error("somebody writes")
	}
}
