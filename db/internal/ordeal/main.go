// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if text := os.Getenv(childEnv); text != "" {
		runNode(text)
	}
	long := flag.Duration("for", 10*time.Minute, "how long there are faults")
	seed := flag.Uint64("seed", 1, "of the faults")
	megabytes := flag.Int("disk", 512, "size of each node's file system in memory, in MB; 0: folders among others, which do not run full")
	members := flag.Bool("members", false, "3, 5 and 3 nodes again, and replicas that move, in place of faults")
	kills := flag.Int("kills", 0, "kill the node that leads most so many times in each way, in place of faults")
	keep := flag.Bool("keep", false, "keep histories and logs, which are kept anyway if something is wrong")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case *kills > 0:
		err = failover(ctx, *kills, *seed, os.Stdout)
	case *members:
		err = membership(ctx, *seed, *megabytes, *keep, os.Stdout)
	default:
		err = ordeal(ctx, *long, *seed, *megabytes, *keep, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ordeal:", err)
		os.Exit(1)
	}
}
