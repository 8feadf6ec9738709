// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/internal/demo/index"
)

// reader reads files. It is a process of its own so that a slow disk holds up nobody else.
type reader struct{ e *env }

func newReader(e *env) func(context.Context, *banyan.Self) (*reader, error) {
	return func(context.Context, *banyan.Self) (*reader, error) { return &reader{e}, nil }
}

// read asks a reader for files.
type read struct{ Paths []string }

// texts is the answer.
type texts struct{ List []index.Text }

// Immutable marks it as safe to share: the reader keeps nothing of it.
func (texts) Immutable() {}

// Call reads them.
func (m read) Call(r *reader, _ *banyan.Self) (texts, error) {
	list := make([]index.Text, 0, len(m.Paths))
	for _, p := range m.Paths {
		list = append(list, index.Read(r.e.Dir, p))
	}
	return texts{list}, nil
}

// worker counts the words of pieces, one after the other.
type worker struct {
	e       *env
	readers []banyan.Named[*reader]
	queue   []work // what it was given and has not done; as many as the coordinator's window
	busy    bool   // the first of queue is done, and its time is not over
}

func newWorker(e *env, number int) func(context.Context, *banyan.Self) (*worker, error) {
	return func(context.Context, *banyan.Self) (*worker, error) {
		w := &worker{e: e}
		for i := range e.Readers { // each worker begins with another reader
			w.readers = append(w.readers, banyan.At[*reader](readerName((i+number)%e.Readers+1), ""))
		}
		return w, nil
	}
}

// Cast takes a piece. What waits for another coordinator is dropped: this one has taken its place, and hands out all.
func (m work) Cast(w *worker, self *banyan.Self) error {
	if w.busy {
		keep := w.queue[:1]
		for _, q := range w.queue[1:] {
			if q.To == m.To {
				keep = append(keep, q)
			}
		}
		w.queue = keep
	}
	w.queue = append(w.queue, m)
	return w.begin(self)
}

// begin does the next piece, if there is one and the last one's time is over.
func (w *worker) begin(self *banyan.Self) error {
	if w.busy || len(w.queue) == 0 {
		return nil
	}
	w.busy = true
	m, began := w.queue[0], time.Now()
	to := w.readers[m.Piece%len(w.readers)]
	t, err := banyan.Call(self, to, read{m.Paths}, banyan.Timeout(later))
	if err != nil {
		return fmt.Errorf("piece %d: %w", m.Piece, err) // ends the worker: its pieces are given to others
	}
	done := finished{Result: index.Compute(m.Piece, m.First, t.List, w.e.Shards)}
	for _, text := range t.List {
		done.Bytes += int64(len(text.Data))
	}
	banyan.CastAfter(self, m.Take-time.Since(began), done)
	return nil
}

// finished is what a worker sends itself when a piece is done and has taken as long as it is to take.
type finished struct {
	Result *index.Result
	Bytes  int64
}

// Immutable marks it as safe to share: it goes to the process itself.
func (finished) Immutable() {}

// Cast has the piece counted, and goes on with the next one meanwhile. The coordinator bounds how many are under way: a piece that does not
// count yet is one of those that the worker has.
func (m finished) Cast(w *worker, self *banyan.Self) error {
	to, e := w.queue[0].To, w.e
	w.queue, w.busy = w.queue[1:], false
	self.Go(func(ctx context.Context) error {
		first, err := e.tables.count(ctx, string(e.node.Name()), m.Result, m.Bytes)
		if err != nil {
			return fmt.Errorf("piece %d: %w", m.Result.Piece, err)
		}
		if first {
			e.done.Add(m.Bytes)
		}
		if err := castFrom[*coordinator](ctx, e.node, to, counts{m.Result.Piece}); err != nil { // the next one sees the row
			e.log.Info("the coordinator is not reached", "piece", m.Result.Piece, "error", err)
		}
		return nil
	})
	return w.begin(self)
}
