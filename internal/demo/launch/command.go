// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"bufio"
	"errors"
	"strings"
)

var errQuit = errors.New("quit")

// commands reads lines from o.In, for as long as the process lives: a read cannot be called off.
func (r *run) commands() <-chan string {
	if r.o.In == nil {
		return nil
	}
	r.screen.say("keys          1 to %d, or kill %s to kill %s: kill -9 that node; +: one more node; q: quit; each with Enter",
		r.o.Nodes, short(0), short(r.o.Nodes-1))
	c := make(chan string)
	go func() {
		for s := bufio.NewScanner(r.o.In); s.Scan(); {
			select {
			case c <- s.Text():
			case <-r.nursery.gone:
				return
			}
		}
	}()
	return c
}

// command does what a line of input says. What it cannot do it tells; only errQuit is an error.
func (r *run) command(text string) error {
	word := strings.ToLower(strings.TrimSpace(text))
	if name, ok := strings.CutPrefix(word, "kill"); ok {
		word = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(name), "-9"))
	}
	word = strings.TrimSpace(word)
	switch {
	case word == "":
		return nil
	case word == "q" || word == "quit":
		return errQuit
	case word == "+" || word == "add":
		if _, err := r.add("hand"); err != nil {
			r.screen.say("%q: %v", text, err)
		}
		return nil
	}
	if err := r.kill(nodeNumber(word), "hand"); err != nil {
		r.screen.say("%q: %v", text, err)
	}
	return nil
}

// nodeNumber reads 1, a, or a@127.0.0.1; -1 if it is none.
func nodeNumber(s string) int {
	s, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(s)), "@")
	if len(s) != 1 {
		return -1
	}
	switch c := s[0]; {
	case '1' <= c && c <= '9':
		return int(c - '1')
	case 'a' <= c && c <= 'z':
		return int(c - 'a')
	}
	return -1
}
