// SPDX-License-Identifier: Apache-2.0

// Chapter 11: a bank.
//
// Three nodes, each a program of its own, keep accounts in a database together. On each of them clerks transfer money from one account to another, in
// transactions: what one account loses the other one gets, or nothing happens. In the middle of it one node is killed, by SIGKILL. The others go on, the
// node is started again and joins in, and auditors find at every moment the same total.
//
//	go run ./examples/11-bank
//
// While it runs, "banyan db status", "banyan db scan accounts" and the like show the database; the example prints the flags.
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	mrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/cluster"
	"github.com/banyan-go/banyan/cluster/discover"
	"github.com/banyan-go/banyan/db"
	"github.com/banyan-go/banyan/dist"
)

const (
	accounts  = 30
	each      = 100 // what an account has at first
	clerks    = 2   // on each node
	transfers = 50  // that are waited for
)

var nodes = []banyan.Atom{"bank1@127.0.0.1", "bank2@127.0.0.1", "bank3@127.0.0.1"}

// errPoor ends a transfer: the account has not that much.
var errPoor = errors.New("not enough money")

// bank is one node's part of it.
type bank struct {
	db       *db.DB
	accounts *db.Table[string, int]
}

// open starts a node and its part of the database.
func open(ctx context.Context, name banyan.Atom, epmd int, dir string) (*banyan.Node, *bank, error) {
	cookie := filepath.Join(dir, "cookie")
	n, err := banyan.Start(string(name), banyan.WithTransport(dist.New(dist.Config{CookieFile: cookie, Listen: "127.0.0.1:0",
		Names: &dist.EPMD{Port: epmd, Listen: "127.0.0.1"}})), banyan.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return nil, nil, err
	}
	meet := filepath.Join(dir, "meet")
	if _, err := cluster.Start(ctx, n, cluster.Config{Discovery: []cluster.Discovery{discover.Dir(meet)}, JoinTime: time.Second}); err != nil {
		return n, nil, err
	}
	d, err := db.Start(ctx, n, db.Options{Dir: filepath.Join(dir, string(name)), Expect: nodes})
	if err != nil {
		return n, nil, err
	}
	b := &bank{db: d}
	// Not db.Partitioned: all accounts lie in one group, so an audit has them as of one moment without looking twice. Over many groups it would have to find a
	// moment in which none of them changes: see DB.View.
	if b.accounts, err = db.NewTable[string, int](ctx, d, "accounts"); err != nil {
		return n, nil, err
	}
	return n, b, errors.Join(b.found(ctx), spread(ctx, n))
}

// spread waits until all that this node has a copy of has three of them. A database that was just created is on one node, and is copied to the others in the
// seconds that follow: a bank that opens before is closed by the end of that node.
func spread(ctx context.Context, n *banyan.Node) error {
	t := time.NewTicker(50 * time.Millisecond)
	defer t.Stop()
	for {
		st, err := db.At(n.Name()).Status(n.Context(ctx))
		if err != nil {
			return err
		}
		if len(st.Groups) > 0 && !slices.ContainsFunc(st.Groups, func(g db.GroupStatus) bool { return len(g.Voters) < len(nodes) }) {
			return nil
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func account(i int) string { return fmt.Sprintf("account %02d", i) }

// found gives every account its money, once: it does nothing where there are accounts.
func (b *bank) found(ctx context.Context) error {
	return b.db.Update(ctx, func(tx *db.Tx) error {
		if _, ok, err := b.accounts.Lookup(tx, account(0)); err != nil || ok {
			return err
		}
		for i := range accounts {
			if err := b.accounts.Put(tx, account(i), each); err != nil {
				return err
			}
		}
		return nil
	})
}

// transfer is a transaction over two rows, wherever they are.
func (b *bank) transfer(ctx context.Context, from, to string, amount int) error {
	return b.db.Update(ctx, func(tx *db.Tx) error {
		a, err := b.accounts.Get(tx, from)
		if err != nil {
			return err
		}
		c, err := b.accounts.Get(tx, to)
		if err != nil {
			return err
		}
		if a < amount {
			return errPoor
		}
		return errors.Join(b.accounts.Put(tx, from, a-amount), b.accounts.Put(tx, to, c+amount))
	})
}

// total looks at all accounts as they are at one moment.
func (b *bank) total(ctx context.Context) (sum int, err error) {
	err = b.db.View(ctx, func(tx *db.Tx) error {
		sum = 0
		for row, err := range b.accounts.All(tx, db.Range[string]{}) {
			if err != nil {
				return err
			}
			if row.Value < 0 {
				return fmt.Errorf("%s has %d", row.Key, row.Value)
			}
			sum += row.Value
		}
		return nil
	})
	return sum, err
}

// again reports whether a transaction may simply be tried again: nothing was done. One whose outcome is unknown is looked up by who must know; a clerk who moves
// money about at random need not.
func again(err error) bool {
	return errors.Is(err, db.ErrConflict) || errors.Is(err, db.ErrNoQuorum) || errors.Is(err, db.ErrUnknown)
}

// work is a clerk's day: a line for each transfer that is done.
func (b *bank) work(ctx context.Context, out io.Writer) error {
	for ctx.Err() == nil {
		from, to := mrand.IntN(accounts), mrand.IntN(accounts)
		if from == to {
			continue
		}
		switch err := b.transfer(ctx, account(from), account(to), 1+mrand.IntN(50)); {
		case err == nil:
			fmt.Fprintln(out, "done")
		case errors.Is(err, errPoor), again(err):
		default:
			return err
		}
	}
	return nil
}

// audit says what the total is, again and again.
func (b *bank) audit(ctx context.Context, out io.Writer) error {
	for ctx.Err() == nil {
		sum, err := b.total(ctx)
		switch {
		case err == nil:
			fmt.Fprintln(out, "total", sum)
		case !again(err):
			return err
		}
	}
	return nil
}

// serve is one node, until its input ends.
func serve(name banyan.Atom, epmd int, dir string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n, b, err := open(ctx, name, epmd, dir)
	if n != nil {
		defer n.Stop(context.Background())
	}
	if err != nil {
		return err
	}
	defer b.db.Close()
	results := make(chan error, clerks+1)
	for range clerks {
		go func() { results <- b.work(ctx, os.Stdout) }()
	}
	go func() { results <- b.audit(ctx, os.Stdout) }()
	closed := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // however it ends
		close(closed)
	}()
	select {
	case err = <-results:
	case <-closed:
	}
	cancel()
	return err
}

// branch is a node in a program of its own, and what it has said so far.
type branch struct {
	*exec.Cmd
	in           io.Closer
	done, audits atomic.Int64
	wrong        atomic.Value // a line that should not be
	ended        chan struct{}
}

func (s *story) launch(ctx context.Context, name banyan.Atom) (*branch, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-branch", string(name), "-epmd", strconv.Itoa(s.epmd), "-dir", s.dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	b := &branch{Cmd: cmd, in: in, ended: make(chan struct{})}
	go func() {
		defer close(b.ended)
		b.listen(out)
	}()
	return b, cmd.Start()
}

func (b *branch) listen(out io.Reader) {
	for in := bufio.NewScanner(out); in.Scan(); {
		switch line := in.Text(); line {
		case "done":
			b.done.Add(1)
		case fmt.Sprint("total ", accounts*each):
			b.audits.Add(1)
		default:
			b.wrong.Store(line)
		}
	}
}

// more waits until the branch has done so many transfers more, and audits.
func (b *branch) more(count int64) error {
	done, audits := b.done.Load()+count, b.audits.Load()+2 // the first of them may have begun before
	for t := time.NewTicker(10 * time.Millisecond); ; {
		if line := b.wrong.Load(); line != nil {
			return fmt.Errorf("%s: %v", b.Args[2], line)
		}
		if b.done.Load() >= done && b.audits.Load() >= audits {
			t.Stop()
			return nil
		}
		select {
		case <-t.C:
		case <-b.ended:
			return fmt.Errorf("%s has ended", b.Args[2])
		}
	}
}

// close lets the branch end in order.
func (b *branch) close() error {
	_ = b.in.Close() // that is the sign
	<-b.ended
	return b.Wait()
}

// story is what the example tells.
type story struct {
	epmd int
	dir  string
	out  io.Writer
}

func (s *story) tell(ctx context.Context) error {
	names, err := banyan.Start("names@127.0.0.1", banyan.WithTransport(dist.New(dist.Config{Cookie: "unused", Listen: "127.0.0.1:0",
		Names: &dist.EPMD{Port: s.epmd, Listen: "127.0.0.1"}})), banyan.WithLogger(slog.New(slog.DiscardHandler))) // the port mapper outlives the killed
	if err != nil {
		return err
	}
	defer names.Stop(context.Background())
	branches := map[banyan.Atom]*branch{}
	for _, name := range nodes {
		if branches[name], err = s.launch(ctx, name); err != nil {
			return err
		}
	}
	fmt.Fprintf(s.out, "three nodes open a bank; --epmd-port %d --cookie-file %s show it to banyan db\n", s.epmd, filepath.Join(s.dir, "cookie"))
	all := func(names ...banyan.Atom) error {
		for _, name := range names {
			if err := branches[name].more(transfers); err != nil {
				return err
			}
		}
		fmt.Fprintf(s.out, "%d transfers at each of %d, and every audit finds %d\n", transfers, len(names), accounts*each)
		return nil
	}
	if err := all(nodes...); err != nil {
		return err
	}
	victim := branches[nodes[0]]
	if err := victim.Process.Kill(); err != nil {
		return err
	}
	<-victim.ended
	_ = victim.Wait() // it was killed: an error
	fmt.Fprintf(s.out, "%s is killed\n", nodes[0])
	if err := all(nodes[1:]...); err != nil {
		return err
	}
	if branches[nodes[0]], err = s.launch(ctx, nodes[0]); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s is started again\n", nodes[0])
	if err := all(nodes...); err != nil {
		return err
	}
	for _, name := range nodes {
		if err := branches[name].close(); err != nil {
			return err
		}
	}
	return nil
}

func run(ctx context.Context, out io.Writer) error {
	dir, err := os.MkdirTemp("", "bank-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "cookie"), []byte(rand.Text()), 0o600); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(dir, "meet"), 0o700); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") // a port for a port mapper of our own
	if err != nil {
		return err
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	s := &story{epmd: port, dir: dir, out: out}
	return s.tell(ctx)
}

func main() {
	name := flag.String("branch", "", "be one node of the bank; the example does this for itself")
	epmd := flag.Int("epmd", 0, "with -branch: the port mapper's port")
	dir := flag.String("dir", "", "with -branch: where the bank keeps everything")
	flag.Parse()
	err := error(nil)
	if *name != "" {
		err = serve(banyan.Atom(*name), *epmd, *dir)
	} else {
		err = run(context.Background(), os.Stdout)
	}
	if err != nil {
		log.Fatal(err)
	}
}
