// SPDX-License-Identifier: Apache-2.0

package rabbittest

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
	"github.com/banyan-go/banyan/rpc"
)

// watchQueue waits until the process of a queue ends, on whichever node of RabbitMQ's cluster it runs, and gives the reason.
func watchQueue(self *banyan.Self, broker banyan.Atom, name string) (reason, err error) {
	q, err := rpc.Call[found](self, broker, "rabbit_amqqueue", "lookup", resource{"/", "queue", name})
	if err != nil {
		return nil, err
	}
	self.Monitor(q.Queue.PID)
	down, err := banyan.ReceiveOf[banyan.Down](self, self)
	return down.Reason, err
}

// watchers is {monitored_by, Pids}, of erlang:process_info(Pid, monitored_by).
type watchers struct {
	Item etf.Atom
	PIDs []banyan.PID
}

func init() { banyan.RegisterType[watchers]("{}") }

// What docs/erlangers.md shows does what it says: a process here, of a few lines, learns why a queue's process ended.
func testWatch(t *testing.T, c *client) {
	q := c.declare(t, "watched", true)
	type end struct{ reason, err error }
	ended := make(chan end, 1)
	watcher, err := banyan.Go(c.probe.Node(), func(self *banyan.Self) error {
		reason, err := watchQueue(self, c.broker.node, "watched")
		ended <- end{reason, err}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); ; call[any](t, c, "timer", "sleep", 20) {
		w := call[watchers](t, c, "erlang", "process_info", q.PID, etf.Atom("monitored_by"))
		if slices.Contains(w.PIDs, watcher) { // Erlang shows our pid
			break
		}
		if time.Since(start) > patience {
			t.Fatalf("%v watches %v, and Erlang says that these do: %v", watcher, q.PID, w.PIDs)
		}
	}
	call[any](t, c, "erlang", "exit", q.PID, etf.Tuple{etf.Atom("burnt"), "down"})
	select {
	case e := <-ended:
		if e.err != nil || etf.Format(terms(e.reason)) != `{burnt,<<"down">>}` {
			t.Error(e.reason, e.err)
		}
	case <-c.ctx.Done():
		t.Fatal("it does not see the end")
	}
	if _, err := rpc.Call[found](c.ctx, c.broker.node, "rabbit_amqqueue", "lookup", queue("nothing")); err == nil || !strings.Contains(err.Error(), "not_found") {
		t.Error("a queue that is not there:", err)
	}
}

// terms is the reason as Erlang knows it.
func terms(reason error) any {
	if e, ok := reason.(*banyan.TermError); ok {
		return e.Term
	}
	return reason
}

// The document shows the function that is tested.
func TestDocumentShowsWatchQueue(t *testing.T) {
	document, err := os.ReadFile("../../docs/erlangers.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("watch_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(document), "```go\n")
	shown, _, ok := strings.Cut(rest, "```")
	if !ok || !strings.Contains(string(source), shown) {
		t.Errorf("docs/erlangers.md does not show watchQueue as watch_test.go has it:\n%s", shown)
	}
}
