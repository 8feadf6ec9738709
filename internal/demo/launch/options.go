// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/banyan-go/banyan/internal/demo/index"
)

// Options say what to run.
type Options struct {
	Dir     string // the tree to index
	Nodes   int    // at the beginning: 2 to 9
	Script  string // "" or Failover
	Seed    uint64 // of the script's choices
	HTTP    string // where the status page listens; "" none
	Shards  int
	Workers int // on each node
	Readers int // on each node
	// Least is how long the job is to take at least, so that there is time to watch and to kill. 0: full speed.
	Least time.Duration
	// Index is where the index is left in the end; "" nowhere.
	Index string
	// Logs is a directory in which the nodes' logs are left; "": they are only kept after a failure.
	Logs string
	// In is read for commands, nil none. Out is where all is told; Terminal: it is one.
	In       io.Reader
	Out      io.Writer
	Terminal bool
	// Command starts this program; the word demo-node or demo-plain is added. Default: this executable.
	Command []string
	// Env is added to the environment of the children.
	Env []string
}

// Failover is the script that kills one node after another and fails unless the result is right all the same.
const Failover = "failover"

// maxNodes is how many nodes there may be: each has a key.
const maxNodes = 9

// restartAfter is how long a killed node stays away.
const restartAfter = 2 * time.Second

// Validate lists everything that is wrong with o.
func (o Options) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if o.Nodes < 2 || o.Nodes > maxNodes {
		bad("%d nodes: want 2 to %d", o.Nodes, maxNodes)
	}
	if o.Script != "" && o.Script != Failover {
		bad("unknown script %q: the one there is is called %s", o.Script, Failover)
	}
	if o.Shards < 1 || o.Workers < 1 || o.Readers < 1 || o.Shards > 1024 || o.Workers > 64 || o.Readers > 64 {
		bad("%d shards, %d workers, %d readers: want 1 to 1024, 64 and 64", o.Shards, o.Workers, o.Readers)
	}
	if o.Least < 0 {
		bad("a negative least time %v", o.Least)
	}
	if info, err := os.Stat(o.Dir); err != nil {
		bad("the directory to index: %w", err)
	} else if !info.IsDir() {
		bad("%s is not a directory: give the root of a tree of text files", o.Dir)
	}
	return errors.Join(errs...)
}

// prepare fills in what is left open.
func (o *Options) prepare() error {
	if err := o.Validate(); err != nil {
		return err
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return err
	}
	o.Dir = dir
	if err := index.Check(dir); err != nil {
		return err
	}
	if len(o.Command) == 0 {
		exe, err := os.Executable()
		if err != nil {
			return fmt.Errorf("finding this program, to start nodes from: %w", err)
		}
		o.Command = []string{exe}
	}
	return nil
}
