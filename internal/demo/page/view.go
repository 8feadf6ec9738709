// SPDX-License-Identifier: Apache-2.0

package page

import (
	"fmt"
	"time"

	"github.com/banyan-go/banyan/internal/demo/cluster"
)

// View is what the page shows.
type View struct {
	Dir     string
	Phase   string
	Share   float64 // of the bytes that count, 0 to 1
	Bytes   int64
	Counted int64
	Pieces  cluster.Progress // of the job: pieces by state
	Rate    float64          // bytes a second, of all nodes
	Elapsed time.Duration
	Again   int  // pieces given again, over all coordinators
	About   bool // Again is an estimate
	Kills   int
	Nodes   []Node
	Log     []string // newest first
	Result  string
	OK      bool // with Result
}

// Node is one node.
type Node struct {
	Short, Name string
	Up          bool
	State       string
	PID         int
	Leader      bool
	Rate        float64
	Share       float64        // of the rate of all nodes, 0 to 1
	Counts      cluster.Counts // what it has counted, as the table says
	Report      cluster.Report // the last one
}

// Percent is the share in percent.
func (v View) Percent() string { return fmt.Sprintf("%.1f", 100*v.Share) }

// Percent is the node's share in percent.
func (n Node) Percent() string { return fmt.Sprintf("%.0f", 100*n.Share) }

// Repeated prints Again, with a ~ if it is an estimate.
func (v View) Repeated() string {
	if v.About {
		return fmt.Sprintf("~%d", v.Again)
	}
	return fmt.Sprint(v.Again)
}

// Size prints bytes for people.
func Size(n int64) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%d MB", n>>20)
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%d kB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}

// Speed prints a rate for people.
func Speed(r float64) string { return fmt.Sprintf("%.1f MB/s", r/(1<<20)) }

// Clock prints a duration with tenths of a second.
func Clock(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
