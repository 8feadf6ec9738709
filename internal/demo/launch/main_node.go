// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/banyan-go/banyan/internal/demo/cluster"
	"github.com/banyan-go/banyan/internal/demo/index"
)

// stopTime is how long a node that is to stop may take, before its process ends all the same.
const stopTime = 3 * time.Second

// NodeMain is a node process: demo-node. It returns when the node was stopped.
func NodeMain(ctx context.Context) error {
	signal.Ignore(os.Interrupt) // Ctrl-C goes to the whole group; the launcher stops its nodes
	ctx, cancel := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer cancel()
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("%s is started by the demo, which writes its configuration to its standard input: %w", NodeCommand, err)
	}
	var c cluster.Config
	if err := json.Unmarshal(line, &c); err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	go func() { // ends with the process
		_, _ = in.ReadBytes('\n') // a word, or the end of the pipe: either way it is over
		cancel()
		time.AfterFunc(stopTime, func() { os.Exit(3) })
	}()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	return cluster.Run(ctx, c, os.Stdout, log)
}

// plainJob is what demo-plain is told.
type plainJob struct{ Dir, Out string }

// plainResult is what it answers.
type plainResult struct {
	Summary index.Summary
	Took    time.Duration
	Error   string
}

// PlainMain is the plain computation: demo-plain.
func PlainMain(ctx context.Context) error {
	signal.Ignore(os.Interrupt)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("%s is started by the demo, which writes to its standard input: %w", PlainCommand, err)
	}
	var j plainJob
	if err := json.Unmarshal(line, &j); err != nil {
		return err
	}
	go func() { // ends with the process
		_, _ = in.ReadByte()
		cancel()
	}()
	r := plainResult{}
	began := time.Now()
	if r.Summary, err = plainIndex(ctx, j); err != nil {
		r.Error = err.Error()
	}
	r.Took = time.Since(began)
	return json.NewEncoder(os.Stdout).Encode(r)
}

func plainIndex(ctx context.Context, j plainJob) (sum index.Summary, err error) {
	f, err := os.Create(j.Out)
	if err != nil {
		return sum, err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	return index.Plain(ctx, j.Dir, f)
}

// plain runs the plain computation as a child.
func (n *nursery) plain(ctx context.Context, j plainJob) (plainResult, error) {
	var r plainResult
	cmd := n.command(PlainCommand)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return r, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return r, err
	}
	if err := n.start(cmd); err != nil {
		return r, fmt.Errorf("starting the plain computation: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() }) // it may have ended already
	defer stop()
	line, err := json.Marshal(j)
	if err == nil {
		_, err = stdin.Write(append(line, '\n'))
	}
	var answer []byte
	if err == nil {
		answer, err = io.ReadAll(stdout)
	}
	_ = stdin.Close()
	if werr := cmd.Wait(); err == nil {
		err = werr
	}
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	if err == nil {
		err = json.Unmarshal(answer, &r)
	}
	if err == nil && r.Error != "" {
		err = fmt.Errorf("%s", r.Error)
	}
	if err != nil {
		return r, fmt.Errorf("the plain computation failed: %w", err)
	}
	return r, nil
}
