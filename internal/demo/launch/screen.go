// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/banyan-go/banyan/internal/demo/page"
)

// screen writes lines, and on a terminal a progress bar below them.
type screen struct {
	w        io.Writer
	terminal bool
	last     time.Time // of the bar, or of the line in its place
	bar      bool      // the bar stands on the current line
}

const (
	barEach  = 200 * time.Millisecond
	lineEach = time.Second
	barWidth = 24
)

// say writes a line.
func (s *screen) say(format string, args ...any) {
	s.clear()
	// Nobody is left to hear it if this fails.
	_, _ = fmt.Fprintf(s.w, format+"\n", args...)
}

func (s *screen) clear() {
	if s.bar {
		_, _ = io.WriteString(s.w, "\r\x1b[K")
		s.bar = false
	}
}

// progress shows how far the job is, at most so often.
func (s *screen) progress(v page.View, now time.Time) {
	wait := lineEach
	if s.terminal {
		wait = barEach
	}
	if now.Sub(s.last) < wait {
		return
	}
	s.last = now
	if !s.terminal {
		s.say("%s", line(v))
		return
	}
	n := int(v.Share * barWidth)
	s.clear()
	_, _ = fmt.Fprintf(s.w, "[%s%s] %s", strings.Repeat("#", n), strings.Repeat(".", barWidth-n), line(v))
	s.bar = true
}

// line is the state of the job in some eighty characters.
func line(v page.View) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%5s%% %s/%s", v.Percent(), page.Size(v.Counted), page.Size(v.Bytes))
	for _, n := range v.Nodes {
		mark := ""
		if n.Leader {
			mark = "*"
		}
		if n.Up {
			fmt.Fprintf(&b, "  %s%s %.1f", n.Short, mark, n.Rate/(1<<20))
		} else {
			fmt.Fprintf(&b, "  %s down", n.Short)
		}
	}
	fmt.Fprintf(&b, " MB/s  %s", v.Phase)
	if v.Again > 0 {
		fmt.Fprintf(&b, ", %s again", v.Repeated())
	}
	return b.String()
}
