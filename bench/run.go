// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// world is what runs need besides their program.
type world struct {
	self   string // this program
	home   string // for Erlang's files, also the compiled modules
	cookie string
	quick  bool
}

// run lets one contender do a test once, and gives its figures and its output.
func (w *world) run(t *test, c contender) (map[string]float64, []string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), runTimeout)
	defer cancel()
	env := []string{envN + "=" + strconv.Itoa(t.size(w.quick)), "BENCH_COOKIE=" + w.cookie}
	if t.paired || t.named {
		port, err := freePort()
		if err != nil {
			return nil, nil, err
		}
		env = append(env, "ERL_EPMD_PORT="+strconv.Itoa(port), "HOME="+w.home)
		if c == erlang { // its own one would stay behind
			mapper, err := start(ctx, env, "epmd", "-port", strconv.Itoa(port), "-address", "127.0.0.1")
			if err != nil {
				return nil, nil, err
			}
			defer mapper.quit()
			time.Sleep(50 * time.Millisecond)
		}
	}
	if !t.paired {
		p, err := w.start(ctx, t, c, "client", env)
		if err != nil {
			return nil, nil, err
		}
		err = p.finish()
		return p.figures, p.raw, err
	}
	return w.runPair(ctx, t, c, env)
}

// runPair starts a server, then its client; the server's figures are prefixed by peer_.
func (w *world) runPair(ctx context.Context, t *test, c contender, env []string) (map[string]float64, []string, error) {
	s, err := w.start(ctx, t, c, "server", env)
	if err != nil {
		return nil, nil, err
	}
	info, ok := s.until("ready")
	if !ok {
		return nil, s.raw, fmt.Errorf("server: %w", s.finish())
	}
	p, err := w.start(ctx, t, c, "client", append(env, envPeer+"="+info))
	if err != nil {
		s.quit()
		return nil, nil, err
	}
	var killed time.Time
	if t.kill {
		if _, ok := p.until("armed"); ok {
			time.Sleep(300 * time.Millisecond)
			killed = time.Now()
			_ = s.cmd.Process.Kill()
		}
	}
	err = p.finish()
	raw := append([]string{"client:"}, p.raw...)
	if t.kill {
		s.quit()
		p.figures["seen"] = p.figures["seen_at"]/1000 - float64(killed.UnixMicro())/1000
		return p.figures, append(raw, fmt.Sprintf("figure seen %v", p.figures["seen"])), err
	}
	if err != nil {
		s.quit()
		return nil, append(append(raw, "server:"), s.raw...), fmt.Errorf("client: %w; server: %s", err, tail(s.errs.String()))
	}
	_ = s.stdin.Close()
	if err = s.finish(); err != nil {
		err = fmt.Errorf("server: %w", err)
	}
	for k, v := range s.figures {
		p.figures["peer_"+k] = v
	}
	return p.figures, append(append(raw, "server:"), s.raw...), err
}

// start starts one end of a test.
func (w *world) start(ctx context.Context, t *test, c contender, role string, env []string) (*process, error) {
	if c != erlang {
		return start(ctx, env, w.self, childCommand, role, t.name, c.String())
	}
	function := t.function
	if role == "server" {
		function += "_server"
	}
	args := []string{"-noshell", "-pa", w.home}
	if t.paired {
		args = append(args, "-name", role+"@127.0.0.1", "-setcookie", w.cookie, "-start_epmd", "false", "-hidden",
			"-kernel", "inet_dist_use_interface", "{127,0,0,1}")
	}
	args = append(args, t.erlArgs...)
	return start(ctx, env, "erl", append(args, "-run", "bench_util", "main", "bench_"+t.module, function)...)
}

// newCookie is a secret for one run of the command.
func newCookie() string { return "BENCH" + strings.ToUpper(rand.Text()) }

// newWorld prepares what Erlang needs; reason tells why Erlang cannot take part.
func newWorld(quick bool) (w *world, reason string, err error) {
	w = &world{quick: quick, cookie: newCookie()}
	if w.self, err = os.Executable(); err != nil {
		return nil, "", err
	}
	if w.home, err = os.MkdirTemp("", "banyan-bench"); err != nil {
		return nil, "", err
	}
	if reason = missingErlang(); reason != "" {
		return w, reason, nil
	}
	return w, "", compileErlang(w.home)
}

// close removes the files.
func (w *world) close() { _ = os.RemoveAll(w.home) }
