// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

const (
	chunkBits = 10
	reuseLag  = 4096 // a number is used again only after that many others were freed
)

// processTable finds processes by number. Looking up takes no lock. A number's ID is a place in the table, its Serial
// counts the uses of that place: so a pid is never used twice in one incarnation of the node.
type processTable struct {
	n      *Node
	chunks atomic.Pointer[[]*chunk]

	mu     sync.Mutex
	used   uint32   // places handed out, ever
	free   []uint32 // a ring would do; freed places in the order of their freeing
	live   int
	closed bool
}

type chunk [1 << chunkBits]struct {
	p      atomic.Pointer[Self]
	serial uint32 // guarded by mu
}

func (t *processTable) add(p *Self) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return &OpError{Op: "spawn", What: p.kind.name, Err: ErrNodeStopped}
	}
	if t.live >= t.n.cfg.maxProcesses {
		return &OpError{Op: "spawn", What: p.kind.name, Err: ErrTooManyProcesses}
	}
	var i uint32
	if len(t.free) > reuseLag {
		i = t.free[0]
		t.free = t.free[1:]
	} else {
		i = t.used
		t.used++
	}
	chunks := t.chunks.Load()
	if chunks == nil || int(i>>chunkBits) >= len(*chunks) {
		var grown []*chunk
		if chunks != nil {
			grown = append(grown, *chunks...)
		}
		grown = append(grown, new(chunk))
		t.chunks.Store(&grown)
		chunks = &grown
	}
	s := &(*chunks)[i>>chunkBits][i&(1<<chunkBits-1)]
	s.serial++
	p.pid = PID{Node: t.n.name, ID: i + firstID, Serial: s.serial, Creation: t.n.creation}
	s.p.Store(p)
	t.live++
	return nil
}

const firstID = 2 // 0 is avoided, 1 stands for callers that are no process

func (t *processTable) get(pid PID) *Self {
	i := pid.ID - firstID
	chunks := t.chunks.Load()
	if chunks == nil || pid.ID < firstID || int(i>>chunkBits) >= len(*chunks) {
		return nil
	}
	p := (*chunks)[i>>chunkBits][i&(1<<chunkBits-1)].p.Load()
	if p == nil || p.pid != pid {
		return nil
	}
	return p
}

func (t *processTable) remove(p *Self) {
	if p.pid.ID < firstID {
		return
	}
	i := p.pid.ID - firstID
	s := &(*t.chunks.Load())[i>>chunkBits][i&(1<<chunkBits-1)]
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.p.CompareAndSwap(p, nil) {
		t.free = append(t.free, i)
		t.live--
	}
}

func (t *processTable) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.live
}

// each calls f for the processes that live meanwhile, until it returns false.
func (t *processTable) each(f func(*Self) bool) {
	chunks := t.chunks.Load()
	if chunks == nil {
		return
	}
	for _, c := range *chunks {
		for i := range c {
			if p := c[i].p.Load(); p != nil && !f(p) {
				return
			}
		}
	}
}

// zombieList holds processes that were killed inside a handler which has not returned.
type zombieList struct {
	mu sync.Mutex
	m  map[*Self]struct{}
}

func (z *zombieList) add(p *Self) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.m == nil {
		z.m = map[*Self]struct{}{}
	}
	z.m[p] = struct{}{}
}

func (z *zombieList) remove(p *Self) {
	z.mu.Lock()
	defer z.mu.Unlock()
	delete(z.m, p)
}

// Stuck is a process that was killed but whose handler has not returned: Go cannot stop a goroutine.
type Stuck struct {
	PID   PID
	Kind  string
	Stack string // where it is, if it could be found
}

// Stuck lists the processes that were killed and still run. It stops the world for a moment.
func (n *Node) Stuck() []Stuck {
	n.zombies.mu.Lock()
	procs := make([]*Self, 0, len(n.zombies.m))
	for p := range n.zombies.m {
		procs = append(procs, p)
	}
	n.zombies.mu.Unlock()
	if len(procs) == 0 {
		return nil
	}
	stacks := allStacks()
	list := make([]Stuck, 0, len(procs))
	for _, p := range procs {
		list = append(list, Stuck{p.pid, p.kind.name, stackOf(stacks, p)})
	}
	return list
}

func allStacks() []string {
	for size := 1 << 16; ; size *= 2 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, true); n < size || size >= 16<<20 {
			return strings.Split(string(buf[:n]), "\n\n")
		}
	}
}

// stackOf finds the goroutine that runs a method of p: the receiver's address stands in its trace.
func stackOf(stacks []string, p *Self) string {
	addr := "(0x" + strconv.FormatUint(uint64(p.address()), 16)
	for _, s := range stacks {
		if strings.Contains(s, ".(*Self).guardedTurn"+addr) || strings.Contains(s, ".(*Self).runPlain"+addr) ||
			strings.Contains(s, ".(*Self).turn"+addr) {
			return s
		}
	}
	return ""
}
