// SPDX-License-Identifier: Apache-2.0

package erlio

import (
	"bufio"
	"context"
	"io"
	"sync"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// Config says where a Leader writes and reads.
type Config struct {
	// Out takes what is printed; nil discards it. Writes come one at a time; while one blocks, who prints waits.
	Out io.Writer
	// In is read as UTF-8, line by line, when somebody asks; nil is at its end. It belongs to the Leader, which closes it at
	// its end if it is an io.Closer: a Read that does not return keeps a goroutine.
	In io.Reader
	// Latin1 writes characters beyond Latin-1 as \x{3B1}, and the others as one byte each. Otherwise Out gets UTF-8.
	Latin1 bool
	// Columns and Rows answer io:columns and io:rows; 0 is {error, enotsup}.
	Columns, Rows int
	// MaxText is how many bytes one request may print, 16 MiB by default.
	MaxText int
	// MaxLine is how many bytes a line read may have, 1 MiB by default: longer ones come in pieces.
	MaxLine int
	// MaxWaiting is how many requests to read may wait, 1000 by default; more are answered {error, enomem}.
	MaxWaiting int
}

func (c Config) withDefaults() Config {
	set := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&c.MaxText, 16<<20)
	set(&c.MaxLine, 1<<20)
	set(&c.MaxWaiting, 1000)
	return c
}

// Leader is a group leader: a server for Erlang's I/O protocol. Make one with banyan.Spawn(node, New(config)).
type Leader struct {
	cfg     Config
	node    *banyan.Node
	waiting chan request // to the reader; nil until somebody reads

	mu     sync.Mutex // of out and the options, which the reader needs too
	binary bool       // guarded by mu; text is given as binaries
	latin1 bool       // guarded by mu; the encoding of Out
	in     *bufio.Reader
}

// request is an {io_request, From, ReplyAs, Request}.
type request struct {
	from banyan.PID
	as   any
	req  any
}

// New makes the constructor of a Leader, for banyan.Spawn or a supervisor. With banyan.Name("user") it is this node's
// standard output for all that have no other group leader.
func New(cfg Config) func(context.Context, *banyan.Self) (*Leader, error) {
	return func(_ context.Context, self *banyan.Self) (*Leader, error) {
		l := &Leader{cfg: cfg.withDefaults(), node: self.Node(), latin1: cfg.Latin1}
		if cfg.In != nil {
			l.in = bufio.NewReader(cfg.In)
		}
		return l, nil
	}
}

// Info serves {io_request, From, ReplyAs, Request}; all else is ignored, as by Erlang's group leaders.
func (l *Leader) Info(self *banyan.Self, m any) error {
	t, ok := m.(etf.Tuple)
	if !ok || len(t) != 4 || t[0] != etf.Atom("io_request") {
		return nil
	}
	from, ok := t[1].(banyan.PID)
	if !ok {
		return nil
	}
	r := request{from, t[2], t[3]}
	if !reads(r.req) {
		l.reply(self, r, l.serve(r.req, 0))
		return nil
	}
	if l.waiting == nil {
		l.waiting = make(chan request, l.cfg.MaxWaiting)
		go l.read(l.waiting) // until Terminate closes it
	}
	select {
	case l.waiting <- r:
	default:
		l.reply(self, r, failed(etf.Atom("enomem")))
	}
	return nil
}

// Terminate ends the reader.
func (l *Leader) Terminate(_ *banyan.Self, _ error) {
	if l.waiting != nil {
		close(l.waiting)
	}
	if c, ok := l.cfg.In.(io.Closer); ok {
		_ = c.Close() // it was for reading
	}
}

// Inspect shows the options.
func (l *Leader) Inspect() any {
	return map[banyan.Atom]any{"options": l.options(), "waiting": len(l.waiting), "columns": l.cfg.Columns, "rows": l.cfg.Rows}
}

// read serves what reads, one at a time.
func (l *Leader) read(waiting <-chan request) {
	ctx := l.node.Context(context.Background())
	for r := range waiting {
		l.reply(ctx, r, l.serve(r.req, 0))
	}
}

// replyWait is how long a reply waits for room on the link to its node.
const replyWait = 5 * time.Second

func (l *Leader) reply(ctx context.Context, r request, v any) {
	ctx, cancel := context.WithTimeout(ctx, replyWait)
	defer cancel()
	if err := banyan.Send(ctx, r.from, etf.Tuple{etf.Atom("io_reply"), r.as, v}); err != nil {
		l.node.Logger().Debug("io reply is lost", "to", r.from.String(), "error", err)
	}
}

// failed is the reply {error, Reason}.
func failed(reason any) any { return etf.Tuple{etf.Atom("error"), reason} }
