// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"time"
)

// limiter allows each key once a minute. It knows a bounded number of keys.
type limiter struct {
	mu   sync.Mutex
	last map[string]time.Time
}

const maxKeys = 256

func (l *limiter) allow(key string) bool {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if at, ok := l.last[key]; ok && now.Sub(at) < time.Minute {
		return false
	}
	if l.last == nil || len(l.last) >= maxKeys {
		l.last = map[string]time.Time{}
	}
	l.last[key] = now
	return true
}

// bridge takes memberlist's lines, "[WARN] memberlist: text", to slog. memberlist warns of what is of no consequence, so all go a level
// lower; a flood of them, which others can cause, is cut off, and so is what a stopped one says.
type bridge struct {
	to  *slog.Logger
	ctx context.Context // ends with Stop

	mu    sync.Mutex
	since time.Time // guarded by mu
	lines int       // since then; guarded by mu
}

const (
	maxLines   = 20
	linesEvery = 10 * time.Second
)

var levels = map[string]slog.Level{"DEBUG": slog.LevelDebug - 4, "INFO": slog.LevelDebug, "WARN": slog.LevelDebug, "ERR": slog.LevelInfo}

// Write is one line.
func (b *bridge) Write(line []byte) (int, error) {
	if b.ctx.Err() != nil {
		return len(line), nil
	}
	text := bytes.TrimSpace(line)
	level := slog.LevelDebug
	if bytes.HasPrefix(text, []byte("[")) {
		if i := bytes.IndexByte(text, ']'); i > 0 {
			if l, ok := levels[string(text[1:i])]; ok {
				level = l
			}
			text = bytes.TrimSpace(text[i+1:])
		}
	}
	if !b.to.Enabled(context.Background(), level) {
		return len(line), nil
	}
	now := time.Now()
	b.mu.Lock()
	if now.Sub(b.since) > linesEvery {
		b.since, b.lines = now, 0
	}
	b.lines++
	n := b.lines
	b.mu.Unlock()
	switch {
	case n < maxLines:
		b.to.Log(context.Background(), level, string(bytes.TrimPrefix(text, []byte("memberlist: "))))
	case n == maxLines:
		b.to.Log(context.Background(), level, "gossip says more, which is left out")
	}
	return len(line), nil
}
