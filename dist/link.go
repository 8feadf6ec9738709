// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist/internal/frame"
	"github.com/banyan-go/banyan/dist/internal/handshake"
)

// link is one connection after its handshake; it implements banyan.Peer. Three goroutines work on it: the writer, the
// reader, which also reports the end, and the clock. They end when the link has failed.
type link struct {
	t        *Transport
	conn     net.Conn
	peer     banyan.Atom
	creation uint32
	flags    handshake.Flags
	plain    bool        // no atom cache was agreed: terms stand alone
	via      banyan.Atom // the node that it goes through; empty: none

	dead atomic.Bool   // set once, by fail
	end  chan struct{} // closed by fail
	gone chan struct{} // closed when the runtime has been told of the end

	wake   chan struct{} // one token, for a writer that sleeps
	direct *direct       // nil: only the writer writes
	spare  []byte        // for direct; owned by who has writing

	lastRead, lastWrite atomic.Int64 // nanoseconds since born; written by reader and writer
	born                time.Time
	others              sync.WaitGroup // writer and clock
	tickSeen            atomic.Bool    // the reader saw a tick, the clock has not answered it
	dataSeen            atomic.Bool    // the reader saw more, and the clock has not answered it
	clockWake           chan struct{}

	friend    atomic.Bool   // the peer is one of us, and understands our words; see Agreed
	announced time.Duration // the beater's: how often we have promised it to show life
	promised  atomic.Int64  // how often it has; written by the reader

	mu      sync.Mutex
	q       queue           // guarded by mu
	asleep  bool            // guarded by mu; the writer waits for wake
	wroteAt int64           // guarded by mu; when the last write began, as lastWrite
	alone   bool            // guarded by mu; a sender wrote last, and no message has come on its heels
	crowded int             // guarded by mu; how often the writer is to write though the link lies idle
	writing bool            // guarded by mu; the writer is in a write, or with asleep a sender is
	reason  error           // guarded by mu; why the link failed
	drained []chan struct{} // guarded by mu; closed when nothing is left to write
}

// newLink makes a link that does nothing until run.
func (t *Transport) newLink(conn net.Conn, p handshake.Peer) *link {
	l := &link{t: t, conn: conn, peer: nameOf(p), creation: p.Creation, flags: p.Flags, born: time.Now(),
		via: viaOf(conn), plain: !p.Flags.Has(handshake.DistHdrAtomCache),
		end: make(chan struct{}), gone: make(chan struct{}), wake: make(chan struct{}, 1), clockWake: make(chan struct{}, 1)}
	l.direct = newDirect(conn)
	l.q.limit = t.cfg.LinkBuffer
	if !l.plain {
		l.q.cache = frame.NewOutCache()
		l.q.cut = p.Flags.Has(handshake.Fragments)
	}
	return l
}

// run starts the link's goroutines. The reader ends last and reports.
func (l *link) run() {
	l.others.Go(l.write)
	l.others.Go(l.clock)
	go l.read(newReader(l))
}

// read is a reader's goroutine. Of those that a link has had, the last one ends the link.
func (l *link) read(rd *reader) {
	err := rd.loop()
	if err == errRelieved {
		return
	}
	l.fail(err)
	l.others.Wait()
	l.mu.Lock()
	reason := l.reason
	l.mu.Unlock()
	l.report(reason)
	l.t.down(l, downReason(reason))
}

// report logs an end that somebody should look at.
func (l *link) report(reason error) {
	log := l.t.port.Logger()
	var wanted *asked
	switch {
	case errors.As(reason, &wanted), errors.Is(reason, errStopped), errors.Is(reason, errClosed), errors.Is(reason, errReplaced):
		log.Debug("link ended", "peer", string(l.peer), "reason", reason)
	default:
		log.Warn("link lost", "peer", string(l.peer), "reason", reason)
	}
}

// downReason makes sure that errors.Is finds ErrNoConnection.
func downReason(err error) error {
	if errors.Is(err, banyan.ErrNoConnection) {
		return err
	}
	return &lost{err}
}

// lost is ErrNoConnection with its cause.
type lost struct{ cause error }

func (e *lost) Error() string   { return "no connection: " + e.cause.Error() }
func (e *lost) Unwrap() []error { return []error{banyan.ErrNoConnection, e.cause} }

// Node is the peer's name.
func (l *link) Node() banyan.Atom { return l.peer }

// Creation is the peer's incarnation.
func (l *link) Creation() uint32 { return l.creation }

// Hidden reports whether one of the two is a hidden node.
func (l *link) Hidden() bool { return !l.flags.Has(handshake.Published) }

// Disconnect ends the link.
func (l *link) Disconnect(reason error) {
	if reason == nil {
		reason = errDisconnected
	}
	l.fail(&asked{reason})
}

// asked marks the end of a link that somebody here wanted.
type asked struct{ why error }

func (e *asked) Error() string { return e.why.Error() }
func (e *asked) Unwrap() error { return e.why }

// alive reports whether the link has not failed.
func (l *link) alive() bool { return !l.dead.Load() }

// fail ends the link; the first reason counts. It may be called from anywhere and does not wait.
func (l *link) fail(reason error) {
	l.mu.Lock()
	if l.reason != nil {
		l.mu.Unlock()
		return
	}
	l.reason = reason
	l.dead.Store(true)
	waiters := l.q.drop()
	drained := l.drained
	l.drained = nil
	l.mu.Unlock()
	close(l.end)
	l.conn.Close()
	for _, c := range drained {
		close(c)
	}
	for _, wake := range waiters {
		wake()
	}
}

// drainTime is how long Close waits for a peer to read what was sent.
const drainTime = 500 * time.Millisecond

// drain waits until all is written, for a moment.
func (l *link) drain(ctx context.Context) {
	l.mu.Lock()
	if l.reason != nil || (l.q.empty() && !l.writing) {
		l.mu.Unlock()
		return
	}
	c := make(chan struct{})
	l.drained = append(l.drained, c)
	l.mu.Unlock()
	timer := time.NewTimer(drainTime)
	defer timer.Stop()
	select {
	case <-c:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// now is the time for lastRead and lastWrite.
func (l *link) now() int64 { return int64(time.Since(l.born)) }
