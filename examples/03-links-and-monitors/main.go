// SPDX-License-Identifier: Apache-2.0

// Chapter 3: links and monitors.
//
// A process that crashes takes nobody with it, unless somebody asked for that:
//
//   - a monitor tells the watcher, once, that a process has ended and why: a Down message;
//   - a link ties two processes: when one crashes the other gets an exit signal, which ends it too, or which it turns into
//     an Exit message by trapping exits.
//
// Both work across nodes in the same way, and there they also fire when the connection is lost.
//
// The watcher here is a plain process: it has a goroutine of its own and takes messages by Receive, in the order it likes.
//
//	go run ./examples/03-links-and-monitors
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"

	"github.com/banyan-go/banyan"
)

// Worker is a server without state.
type Worker struct{}

// Work is a cast that goes wrong, in one way or another.
type Work struct{ How string }

var errBroken = errors.New("the machine is broken")

// Cast fails with an error, or panics.
func (m Work) Cast(_ *Worker, _ *banyan.Self) error {
	if m.How == "panic" {
		var machine map[string]int
		machine["x"] = 1
	}
	return errBroken
}

// watch is the life of the watcher.
func watch(self *banyan.Self) error {
	// A monitor: Down comes, the watcher lives on.
	worker, err := banyan.SpawnState(self, &Worker{})
	if err != nil {
		return err
	}
	ref := self.Monitor(worker.PID())
	if err := banyan.Cast(self, worker, Work{"error"}); err != nil {
		return err
	}
	m, err := self.Receive(self, banyan.When(func(d banyan.Down) bool { return d.Monitor == ref }))
	if err != nil {
		return err
	}
	fmt.Println("down:", m.(banyan.Down).Reason)

	// A link, with exits trapped: Exit comes.
	self.TrapExits(true)
	worker, err = banyan.SpawnState(self, &Worker{}, banyan.Linked())
	if err != nil {
		return err
	}
	if err := banyan.Cast(self, worker, Work{"panic"}); err != nil {
		return err
	}
	e, err := banyan.ReceiveOf[banyan.Exit](self, self)
	if err != nil {
		return err
	}
	fmt.Println("exit:", e.Reason)
	var p *banyan.PanicError
	fmt.Println("it was a panic, with its stack:", errors.As(e.Reason, &p) && p.Stack != "")

	// A link, with exits not trapped: the watcher ends with the worker.
	self.TrapExits(false)
	worker, err = banyan.SpawnState(self, &Worker{}, banyan.Linked())
	if err != nil {
		return err
	}
	if err := banyan.Cast(self, worker, Work{"error"}); err != nil {
		return err
	}
	_, err = self.Receive(self)
	fmt.Println("the watcher is to end:", err)
	return err
}

func main() {
	// Crashes are logged, with their stack. Here they are meant.
	node, err := banyan.Start("links@localhost", banyan.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		log.Fatal(err)
	}
	defer node.Stop(context.Background())
	ended := make(chan struct{})
	if _, err := banyan.Go(node, func(self *banyan.Self) error {
		defer close(ended)
		return watch(self)
	}); err != nil {
		log.Fatal(err)
	}
	<-ended
}
