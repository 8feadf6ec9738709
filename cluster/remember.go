// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/internal/wholefile"
)

const (
	// maxRemembered bounds the lines of Config.File; those heard last are kept.
	maxRemembered = 1024
	// maxFile bounds how much of it is read.
	maxFile = 1 << 20
	// rememberEvery is how often it is looked whether there is something new to write.
	rememberEvery = 5 * time.Second
)

// acquaintance is a node that was a member, and when it was heard last.
type acquaintance struct {
	addr string
	name banyan.Atom
	at   time.Time
}

// String is a line of the file. Package discover's File can read it too.
func (a acquaintance) String() string {
	return fmt.Sprintf("%s # %s %s", a.addr, a.name, a.at.UTC().Format(time.RFC3339))
}

// readAcquaintances reads a file. Lines that are none are passed over: all that comes of a wrong one is an attempt to join.
func readAcquaintances(r io.Reader) (list []acquaintance) {
	lines := bufio.NewScanner(io.LimitReader(r, maxFile))
	for lines.Scan() && len(list) < maxRemembered {
		addr, rest, _ := strings.Cut(lines.Text(), "#")
		addr = strings.TrimSpace(addr)
		if _, _, err := net.SplitHostPort(addr); err != nil {
			continue
		}
		a := acquaintance{addr: addr}
		if f := strings.Fields(rest); len(f) == 2 {
			a.name = banyan.Atom(f[0])
			a.at, _ = time.Parse(time.RFC3339, f[1]) // zero if it is none
		}
		list = append(list, a)
	}
	return list
}

// writeAcquaintances replaces the file. A crash at any moment leaves the old one or the new.
func writeAcquaintances(path string, list []acquaintance) error {
	return wholefile.Write(path, func(w io.Writer) error {
		for _, a := range list {
			if _, err := fmt.Fprintln(w, a); err != nil {
				return err
			}
		}
		return nil
	})
}

// recall makes candidates of those that were members in an earlier life of this node.
func (c *Cluster) recall() []acquaintance {
	if c.cfg.File == "" {
		return nil
	}
	f, err := os.Open(c.cfg.File)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			c.log.Warn("the members of an earlier life are not known", "error", err)
		}
		return nil
	}
	defer f.Close()
	list := readAcquaintances(f)
	for i := range list {
		if list[i].at.IsZero() { // somebody has written the line
			list[i].at = time.Now()
		}
	}
	list = slices.DeleteFunc(list, func(a acquaintance) bool { return time.Since(a.at) > c.cfg.Keep })
	for _, a := range list {
		c.found([]string{a.addr})
	}
	return list
}

// rememberLoop keeps the file in step with the members.
func (c *Cluster) rememberLoop(old []acquaintance) {
	for more := true; more; {
		more = c.sleep(rememberEvery, nil)
		list := c.acquaintances(old, time.Now())
		if slices.EqualFunc(list, old, func(a, b acquaintance) bool {
			return a.addr == b.addr && a.name == b.name && a.at.Sub(b.at).Abs() < c.cfg.Keep/24
		}) {
			continue
		}
		if err := writeAcquaintances(c.cfg.File, list); err != nil {
			c.log.Warn("the members are not remembered on disk", "error", err)
			continue
		}
		old = list
	}
}

// acquaintances are the members that are not over, and those remembered that were heard within Config.Keep: sorted by address.
func (c *Cluster) acquaintances(old []acquaintance, now time.Time) []acquaintance {
	by := map[banyan.Atom]acquaintance{}
	for _, a := range old {
		key := a.name
		if key == "" {
			key = banyan.Atom(a.addr)
		}
		if now.Sub(a.at) <= c.cfg.Keep {
			by[key] = a
		}
	}
	c.mu.Lock()
	for _, m := range c.core.members() {
		switch {
		case m.State.Over(), m.Name == c.me.name:
			delete(by, m.Name)
		case m.Reach != Unreachable:
			delete(by, banyan.Atom(m.Addr))
			by[m.Name] = acquaintance{m.Addr, m.Name, now}
		}
	}
	c.mu.Unlock()
	list := make([]acquaintance, 0, len(by))
	for _, a := range by {
		list = append(list, a)
	}
	if len(list) > maxRemembered {
		slices.SortFunc(list, func(a, b acquaintance) int { return b.at.Compare(a.at) })
		list = list[:maxRemembered]
	}
	slices.SortFunc(list, func(a, b acquaintance) int { return cmp.Compare(a.addr, b.addr) })
	return list
}
