// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist/epmd"
	"github.com/banyan-go/banyan/etf"
	"github.com/banyan-go/banyan/internal/erltest"
)

// needErlang skips the test, loudly, where there is no Erlang; with BANYAN_REQUIRE=all it fails instead.
func needErlang(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("erl"); err != nil {
		if os.Getenv("BANYAN_REQUIRE") == "all" {
			t.Fatal("BANYAN_REQUIRE=all, but there is no erl:", err)
		}
		t.Skip("SKIPPED: no erl on this machine, so NOTHING was tried with a real Erlang node")
	}
}

// freePort finds a TCP port that nobody uses, and nobody will until the test ends.
func freePort(t testing.TB) int {
	t.Helper()
	return erltest.FreePort(t)
}

// erlang is a real node that evaluates what it is told.
type erlang struct {
	name  banyan.Atom
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string
	errs  *erltest.Output
}

// startErlang starts a node with its own home and the epmd port given.
func startErlang(t testing.TB, alive string, epmdPort int, cookie string, args ...string) *erlang {
	t.Helper()
	needErlang(t)
	src, err := filepath.Abs("testdata/banyan_peer.erl")
	if err != nil {
		t.Fatal(err)
	}
	e := &erlang{name: banyan.Atom(alive + "@127.0.0.1"), lines: make(chan string, 100), errs: new(erltest.Output)}
	e.cmd = exec.Command("erl", "-noshell", "-name", string(e.name), "-setcookie", cookie,
		"-kernel", "logger_level", "error", "-eval",
		fmt.Sprintf(`{ok, M, B} = compile:file("%s", [binary]), code:load_binary(M, "banyan_peer", B), banyan_peer:main().`, src))
	e.cmd.Args = append(e.cmd.Args, args...)
	e.cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "ERL_EPMD_PORT="+strconv.Itoa(epmdPort), "ERL_EPMD_ADDRESS=127.0.0.1", "ERL_CRASH_DUMP_SECONDS=0")
	e.cmd.Stderr = e.errs
	out, err := e.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if e.in, err = e.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(e.lines)
		s := bufio.NewScanner(out)
		s.Buffer(nil, 1<<20)
		for s.Scan() {
			e.lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		e.in.Close()
		timer := time.AfterFunc(5*time.Second, func() { e.cmd.Process.Kill() })
		for range e.lines {
		}
		e.cmd.Wait()
		timer.Stop()
	})
	if got := e.eval(t, "1 + 1"); got != "2" {
		t.Fatalf("the node says %q", got)
	}
	return e
}

// tell starts an evaluation.
func (e *erlang) tell(t testing.TB, expr string) {
	t.Helper()
	if _, err := io.WriteString(e.in, expr+".\n"); err != nil {
		t.Fatal(err, e.errs)
	}
}

// answer waits for its result.
func (e *erlang) answer(t testing.TB) string {
	t.Helper()
	for {
		select {
		case line, ok := <-e.lines:
			if !ok {
				t.Fatal("the node has ended: ", e.errs)
			}
			if r, ok := strings.CutPrefix(line, "=> "); ok {
				return r
			}
			t.Log("erlang:", line)
		case <-time.After(40 * time.Second):
			t.Fatal("no answer: ", e.errs)
		}
	}
}

func (e *erlang) eval(t testing.TB, expr string) string {
	t.Helper()
	e.tell(t, expr)
	return e.answer(t)
}

// until evaluates again until the result is want.
func (e *erlang) until(t testing.TB, expr, want string) {
	t.Helper()
	var got string
	for range 200 {
		if got = e.eval(t, expr); got == want {
			return
		}
		e.eval(t, "timer:sleep(20)")
	}
	t.Fatalf("%s stays %s, want %s", expr, got, want)
}

// goNode starts a transport over TCP and an epmd of its own port.
func goNode(t testing.TB, alive string, epmdPort int, change func(*Config)) (*Transport, *fakePort) {
	t.Helper()
	return begin(t, nil, banyan.Atom(alive+"@127.0.0.1"), func(c *Config) {
		c.Names = &EPMD{Port: epmdPort, Retry: 50 * time.Millisecond}
		if change != nil {
			change(c)
		}
	})
}

// echoing makes the port answer {From, M} with {echo, M}.
func (f *fakePort) echoing(t testing.TB) {
	f.deliver = func(p banyan.Peer, s *banyan.Signal) {
		v, ok := s.Body.Value.(etf.Tuple)
		if !ok || len(v) != 2 {
			f.events <- &event{what: "signal", peer: p, signal: *s}
			return
		}
		from := v[0].(banyan.PID)
		reply := text(f.pid(from.ID), from, etf.Tuple{etf.Atom("echo"), v[1]})
		for {
			err := p.Send(reply)
			if err == nil {
				return
			}
			if err != banyan.ErrLinkFull {
				t.Error("echo:", err)
				return
			}
			room := make(chan struct{})
			p.OnRoom(func() { close(room) })
			<-room
		}
	}
}

func TestErlangPing(t *testing.T) {
	port := freePort(t)
	tg, g := goNode(t, "go1", port, nil)
	e := startErlang(t, "er1", port, "monster")
	if got := e.eval(t, "net_adm:ping('go1@127.0.0.1')"); got != "pong" {
		t.Fatal(got)
	}
	g.next(t, "up")
	if got := e.eval(t, "{nodes(), nodes(hidden)}"); got != "{[],['go1@127.0.0.1']}" {
		t.Error("not hidden:", got)
	}
	if got := e.eval(t, "erlang:disconnect_node('go1@127.0.0.1')"); got != "true" {
		t.Error(got)
	}
	g.next(t, "down")

	// The other way round: what net_adm:ping sends, sent by us.
	p, err := tg.Peer(t.Context(), e.name)
	if err != nil {
		t.Fatal(err)
	}
	g.next(t, "up")
	pingErlang(t, g, p)
	e.eval(t, "erlang:disconnect_node('go1@127.0.0.1')")
	g.next(t, "down")
	g.quiet(t)
	if got := e.eval(t, "net_adm:ping('nobody@127.0.0.1')"); got != "pang" {
		t.Error(got)
	}
	if _, err := tg.Peer(t.Context(), "nobody@127.0.0.1"); !errors.Is(err, epmd.ErrNotFound) {
		t.Error(err)
	}
}

// An Erlang node with a tick time of a second keeps its link to a node of ours with a minute's, and the reverse.
func TestErlangTicks(t *testing.T) {
	port := freePort(t)
	for name, own := range map[string]time.Duration{"slow8": time.Minute, "fast8": time.Second} {
		tg, g := goNode(t, name, port, func(c *Config) { c.TickTime = own })
		e := startErlang(t, "er8"+name, port, "monster", "-kernel", "net_ticktime", "1")
		if _, err := tg.Peer(t.Context(), e.name); err != nil {
			t.Fatal(err)
		}
		g.next(t, "up")
		e.eval(t, "timer:sleep(4000)")
		if got := e.eval(t, "nodes(connected)"); got != fmt.Sprintf("['%s@127.0.0.1']", name) {
			t.Error(name, got)
		}
		g.quiet(t)
	}
}

// pingErlang pings as net_adm does.
func pingErlang(t testing.TB, g *fakePort, p banyan.Peer) {
	t.Helper()
	me, tag := g.pid(3), g.ref(77)
	g.mu.Lock()
	g.pending[tag] = reflect.TypeFor[any]()
	g.mu.Unlock()
	for _, s := range []banyan.Signal{
		{Op: banyan.OpMonitor, From: me, Name: "net_kernel", Ref: tag},
		{Op: banyan.OpSendName, From: me, Name: "net_kernel", Body: banyan.Body{Kind: banyan.BodyCall, From: me, Tag: tag, Value: etf.Tuple{etf.Atom("is_auth"), g.name}}},
		{Op: banyan.OpDemonitor, From: me, Name: "net_kernel", Ref: tag},
	} {
		if err := p.Send(&s); err != nil {
			t.Fatal(err)
		}
	}
	if r := g.next(t, "complete"); r.err != nil || *r.value.(*any) != etf.Atom("yes") {
		t.Fatalf("%+v", r)
	}
}

func TestErlangWrongCookie(t *testing.T) {
	port := freePort(t)
	tg, g := goNode(t, "go2", port, func(c *Config) { c.Cookie = "another" })
	e := startErlang(t, "er2", port, "monster")
	if _, err := tg.Peer(t.Context(), e.name); !errors.Is(err, ErrCookie) || !strings.Contains(err.Error(), "er2@127.0.0.1") {
		t.Error(err)
	}
	if got := e.eval(t, "net_adm:ping('go2@127.0.0.1')"); got != "pang" {
		t.Error(got)
	}
	g.quiet(t)
	// Erlang has per-node cookies: with the right one it gets through.
	if got := e.eval(t, "erlang:set_cookie('go2@127.0.0.1', another), net_adm:ping('go2@127.0.0.1')"); got != "pong" {
		t.Error(got)
	}
}

// 300 kB and small messages of several senders, echoed by the other side, in both directions.
func TestErlangLargeMessages(t *testing.T) {
	port := freePort(t)
	tg, g := goNode(t, "go3", port, nil)
	g.echoing(t)
	e := startErlang(t, "er3", port, "monster")
	if got := e.eval(t, "banyan_peer:burst('go3@127.0.0.1', 6, 300000)"); got != "[true]" {
		t.Fatal(got)
	}
	g.next(t, "up")
	p, err := tg.Peer(t.Context(), e.name)
	if err != nil {
		t.Fatal(err)
	}
	// Now ours: the pid of the echo process answers with three elements.
	big := bytes.Repeat([]byte("0123456789"), 30000)
	const senders, rounds = 6, 4
	for k := range rounds {
		for i := range uint32(senders) {
			for j, body := range []any{big, etf.Atom("small")} {
				s := &banyan.Signal{Op: banyan.OpSendName, From: g.pid(i), Name: "echo", Body: banyan.Body{Value: etf.Tuple{g.pid(i), etf.Tuple{int(i), 2*k + j, body}}}}
				for {
					err := p.Send(s)
					if err == nil {
						break
					}
					wait(t, p, err)
				}
			}
		}
	}
	var next [senders]int
	for range senders * rounds * 2 {
		s := g.next(t, "signal").signal
		v := s.Body.Value.(etf.Tuple)[2].(etf.Tuple)
		i := v[0].(int)
		if v[1] != next[i] || s.To != g.pid(uint32(i)) {
			t.Fatalf("sender %d: %v where %d was due", i, v[1], next[i])
		}
		next[i]++
		if b, ok := v[2].([]byte); ok && !bytes.Equal(b, big) {
			t.Fatal("changed on the way")
		}
	}
}

// More atoms than the caches hold, both ways, each message echoed.
func TestErlangManyAtoms(t *testing.T) {
	port := freePort(t)
	tg, g := goNode(t, "go4", port, nil)
	e := startErlang(t, "er4", port, "monster")
	p, err := tg.Peer(t.Context(), e.name)
	if err != nil {
		t.Fatal(err)
	}
	g.next(t, "up")
	pingErlang(t, g, p)
	for i := range 600 {
		v := etf.List{}
		for j := range 1 + i%300 {
			v = append(v, etf.Atom(fmt.Sprintf("atom_%d", (i*37+j*13)%7000)))
		}
		v = append(v, etf.Atom("gr\u00fc\u00df \u4e16"), i)
		s := &banyan.Signal{Op: banyan.OpSendName, From: g.pid(1), Name: "echo", Body: banyan.Body{Value: etf.Tuple{g.pid(1), v}}}
		if err := p.Send(s); err != nil {
			t.Fatal(err)
		}
		if got := g.next(t, "signal").signal.Body.Value.(etf.Tuple)[2]; !etf.Equal(got, v) {
			t.Fatalf("message %d: %v", i, got)
		}
	}
}

// Both dial at once: the link that results works, every time.
func TestErlangSimultaneousConnects(t *testing.T) {
	for _, name := range []string{"aa5", "zz5"} { // one smaller and one greater than the Erlang node's
		port := freePort(t)
		tg, g := goNode(t, name, port, nil)
		e := startErlang(t, "er5", port, "monster")
		for i := range 40 {
			e.tell(t, fmt.Sprintf("banyan_peer:late('%s@127.0.0.1', %d)", name, i%3))
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			p, err := tg.Peer(ctx, e.name)
			cancel()
			if err != nil {
				t.Fatal(name, i, err)
			}
			if got := e.answer(t); got != "true" {
				t.Fatal(name, i, got)
			}
			if u := g.next(t, "up"); u.peer != p {
				t.Fatal("not the link that came up")
			}
			pingErlang(t, g, p)
			p.Disconnect(nil)
			g.next(t, "down")
			e.until(t, "nodes(connected)", "[]")
		}
		g.quiet(t)
	}
}

// Exits, links and monitors as Erlang's processes see them.
func TestErlangLinksAndMonitors(t *testing.T) {
	port := freePort(t)
	tg, g := goNode(t, "go6", port, nil)
	e := startErlang(t, "er6", port, "monster")
	p, err := tg.Peer(t.Context(), e.name)
	if err != nil {
		t.Fatal(err)
	}
	g.next(t, "up")
	send := func(s banyan.Signal) {
		t.Helper()
		if err := p.Send(&s); err != nil {
			t.Fatal(err)
		}
	}
	// Ours monitors theirs, by name; theirs dies of a term that Go has no word for.
	send(banyan.Signal{Op: banyan.OpMonitor, From: g.pid(1), Name: "counter", Ref: g.ref(1)})
	send(banyan.Signal{Op: banyan.OpSendName, From: g.pid(1), Name: "counter", Body: banyan.Body{Kind: banyan.BodyCast, Value: etf.Tuple{etf.Atom("add"), 5}}})
	send(banyan.Signal{Op: banyan.OpSendName, From: g.pid(1), Name: "counter", Body: banyan.Body{Value: etf.Atom("stop")}})
	d := g.next(t, "signal").signal
	var term *banyan.TermError
	if d.Op != banyan.OpDown || d.Name != "counter" || d.Ref != g.ref(1) || !errors.As(d.Reason, &term) || !etf.Equal(term.Term, etf.Tuple{etf.Atom("stopped"), 5}) {
		t.Fatalf("%+v", d)
	}
	send(banyan.Signal{Op: banyan.OpMonitor, From: g.pid(1), Name: "nobody", Ref: g.ref(2)})
	if d := g.next(t, "signal").signal; d.Op != banyan.OpDown || d.Reason != banyan.ErrNoProcess {
		t.Fatalf("%+v", d)
	}
	// Theirs links to ours, unlinks, links again; ours dies of a Go error.
	e.eval(t, "P = self(), L = spawn(fun() -> process_flag(trap_exit, true), receive {go, Pid} -> link(Pid) end, unlink(Pid), link(Pid), receive X -> register(last, spawn(fun() -> receive {F, ask} -> F ! X end end)) end end), register(linker, L)")
	send(banyan.Signal{Op: banyan.OpSendName, From: g.pid(9), Name: "linker", Body: banyan.Body{Value: etf.Tuple{etf.Atom("go"), g.pid(9)}}})
	l := g.next(t, "signal").signal
	if l.Op != banyan.OpLink || l.To != g.pid(9) {
		t.Fatalf("%+v", l)
	}
	u := g.next(t, "signal").signal
	if u.Op != banyan.OpUnlink || u.ID == 0 || u.From != l.From {
		t.Fatalf("%+v", u)
	}
	send(banyan.Signal{Op: banyan.OpUnlinkAck, From: u.To, To: u.From, ID: u.ID})
	if l := g.next(t, "signal").signal; l.Op != banyan.OpLink {
		t.Fatalf("%+v", l)
	}
	send(banyan.Signal{Op: banyan.OpExit, From: g.pid(9), To: l.From, Reason: fmt.Errorf("disk: %w", errors.New("full"))})
	e.until(t, "is_pid(whereis(last))", "true")
	if got := e.eval(t, "last ! {self(), ask}, receive {'EXIT', _, R} -> R end"); got != `{go_error,<<"disk: full">>}` {
		t.Error(got)
	}
	// A spawn request, with an option that is none.
	if got := e.eval(t, "Q = spawn_request('go6@127.0.0.1', m, f, [1], [{reply, yes}, link, monitor]), receive {spawn_reply, Q, _, W} -> W after 100 -> none end"); got != "none" {
		t.Error(got)
	}
	s := g.next(t, "signal").signal
	if s.Op != banyan.OpSpawn || !s.Spawn.Link || !s.Spawn.Monitor || s.Spawn.Module != "m" || len(s.Spawn.Args) != 1 || s.Spawn.GroupLeader.Node != e.name {
		t.Errorf("%+v %+v", s, s.Spawn)
	}
}

// The daemon dies; whoever is left takes its place, and all are known to it again.
func TestEpmdTakeOver(t *testing.T) {
	needErlang(t)
	if _, err := exec.LookPath("epmd"); err != nil {
		t.Skip("SKIPPED: no epmd on this machine")
	}
	port := freePort(t)
	real := exec.Command("epmd", "-port", strconv.Itoa(port), "-address", "127.0.0.1")
	real.Stdout, real.Stderr = nil, nil
	if err := real.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func() {
		real.Process.Kill()
		real.Wait()
	}
	defer kill()
	c := &epmd.Client{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	names := func() string {
		entries, err := c.Names(t.Context())
		if err != nil {
			return err.Error()
		}
		var s []string
		for _, e := range entries {
			s = append(s, e.Name)
		}
		return strings.Join(s, " ")
	}
	untilNames := func(want func(string) bool) {
		t.Helper()
		for start := time.Now(); !want(names()); {
			if time.Since(start) > 15*time.Second {
				t.Fatal(names())
			}
		}
	}
	untilNames(func(s string) bool { return s == "" })
	goNode(t, "go7", port, nil)
	_, g8 := goNode(t, "go8", port, nil)
	e := startErlang(t, "er7", port, "monster")
	all := func(s string) bool {
		return strings.Contains(s, "go7") && strings.Contains(s, "go8") && strings.Contains(s, "er7")
	}
	untilNames(all)
	if out, err := exec.Command("epmd", "-port", strconv.Itoa(port), "-names").CombinedOutput(); err != nil || !strings.Contains(string(out), "name go7 at port ") {
		t.Error(string(out), err)
	}
	kill()
	untilNames(all) // at ours, and a real node's 2 s are over
	if got := e.eval(t, "net_adm:ping('go8@127.0.0.1')"); got != "pong" {
		t.Error(got)
	}
	g8.next(t, "up")
	if got := e.eval(t, "{ok, L} = net_adm:names(\"127.0.0.1\"), length(L)"); got != "3" {
		t.Error(got)
	}
	if out, err := exec.Command("epmd", "-port", strconv.Itoa(port), "-names").CombinedOutput(); err != nil || !strings.Contains(string(out), "name er7 at port ") {
		t.Error(string(out), err)
	}
	bad := New(Config{Cookie: "x", Names: &EPMD{Port: port}})
	if err := bad.start(t.Context(), newFakePort("go7@127.0.0.1")); !errors.Is(err, epmd.ErrNameTaken) {
		t.Error("a second go7:", err)
	}
}
