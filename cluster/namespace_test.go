// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cluster_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/banyan-go/banyan/internal/needs"
)

// namespaces is some hosts on one switch, each a network namespace.
type namespaces struct {
	t    *testing.T
	name string
	n    int
}

func newNamespaces(t *testing.T, n int) *namespaces {
	t.Helper()
	needs.Root(t)
	needs.Program(t, "root", "ip")
	needs.Program(t, "root", "nft")
	s := &namespaces{t: t, name: fmt.Sprintf("bn%x", os.Getpid()&0xffff), n: n}
	t.Cleanup(func() {
		for i := range n + 1 {
			exec.Command("ip", "netns", "del", s.ns(i)).Run() // one that was not made is no matter
		}
	})
	s.ip("netns", "add", s.ns(0)) // the switch
	s.in(0, "ip", "link", "add", "br0", "type", "bridge")
	s.in(0, "ip", "link", "set", "br0", "up")
	for i := 1; i <= n; i++ {
		s.ip("netns", "add", s.ns(i))
		port := fmt.Sprintf("p%d", i)
		s.in(0, "ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", s.ns(i))
		s.in(0, "ip", "link", "set", port, "master", "br0", "up")
		s.in(i, "ip", "addr", "add", s.host(i)+"/24", "dev", "eth0")
		s.in(i, "ip", "link", "set", "eth0", "up")
		s.in(i, "ip", "link", "set", "lo", "up")
	}
	return s
}

func (s *namespaces) ns(i int) string   { return fmt.Sprintf("%s-%d", s.name, i) }
func (s *namespaces) host(i int) string { return fmt.Sprintf("10.77.0.%d", i) }
func (s *namespaces) node(i int) string { return fmt.Sprintf("n%d@%s", i, s.host(i)) }

func (s *namespaces) ip(args ...string) { s.run("", "ip", args...) }

func (s *namespaces) in(i int, args ...string) {
	s.ip(append([]string{"netns", "exec", s.ns(i)}, args...)...)
}

func (s *namespaces) run(stdin, name string, args ...string) {
	s.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

// cut lets a host do this (drop, reject with tcp reset...) to all that comes from others.
func (s *namespaces) cut(i int, verdict string, from ...int) {
	s.t.Helper()
	var rules strings.Builder
	for _, j := range from {
		if strings.HasPrefix(verdict, "reject") { // of TCP; the rest is dropped
			fmt.Fprintf(&rules, "ip saddr %s meta l4proto tcp %s\n", s.host(j), verdict)
		}
		fmt.Fprintf(&rules, "ip saddr %s drop\n", s.host(j))
	}
	s.run("table inet cut {\nchain in {\ntype filter hook input priority 0\n"+rules.String()+"}\n}\n", "ip", "netns", "exec", s.ns(i), "nft", "-f", "-")
}

func (s *namespaces) heal(i int) { s.in(i, "nft", "flush", "ruleset") }

// start starts a member on each host, and waits until all see each other.
func (s *namespaces) start() []*process {
	s.t.Helper()
	dir := s.t.TempDir()
	ps := []*process{nil}
	for i := 1; i <= s.n; i++ {
		ps = append(ps, startProcess(s.t, s.node(i), 4369, dir, "ip", "netns", "exec", s.ns(i)))
	}
	for i := 1; i <= s.n; i++ {
		for j := 1; j <= s.n; j++ {
			if i != j {
				ps[i].when(s.t, s.node(j), "reachable")
			}
		}
	}
	for i := 1; i < s.n; i++ { // linked, too
		if got := ps[i].ask(s.t, "call "+s.node(s.n)+" 1"); !strings.HasPrefix(got, "1 ") {
			s.t.Fatal(got)
		}
	}
	return ps
}

// when asks a node when it sees a member so.
func (p *process) when(t testing.TB, name, reach string) time.Time {
	t.Helper()
	p.tell(t, "await "+name+" "+reach)
	return p.whenTold(t)
}

func (p *process) whenTold(t testing.TB) time.Time {
	t.Helper()
	f := strings.Fields(p.answer(t))
	if len(f) != 3 || f[2] == "never" {
		t.Fatalf("within a minute a node does not see: %v", f)
	}
	n, err := strconv.ParseInt(f[2], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Unix(0, n)
}

// Real hosts: n1 and n2 are cut off from each other, by a filter that drops or one that refuses, and both reach n3. Then n3 is cut off
// from all, which is silence.
func TestCutInNamespaces(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	s := newNamespaces(t, 4)
	ps := s.start()
	for _, verdict := range []string{"drop", "reject with tcp reset"} {
		before := ps[3].ask(t, "seen")
		start := time.Now()
		s.cut(1, verdict, 2)
		s.cut(2, verdict, 1)
		made := time.Since(start)
		ps[1].tell(t, "await "+s.node(2)+" indirect")
		ps[2].tell(t, "await "+s.node(1)+" indirect")
		t.Logf("%s: reported by n1 after %v, by n2 after %v (making the cut took %v)", verdict,
			ps[1].whenTold(t).Sub(start), ps[2].whenTold(t).Sub(start), made)
		// One call may be lost with the link that is about to be given up, or be refused before there is another.
		if got := ps[1].ask(t, "call "+s.node(2)+" 100"); !strings.HasPrefix(got, "100 ") && !strings.HasPrefix(got, "99 ") {
			t.Errorf("%s: of 100 calls over the cut: %s", verdict, got)
		} else {
			t.Logf("%s: 100 calls over the cut: answered, the longest: %s", verdict, got)
		}
		if got := ps[2].ask(t, "call "+s.node(1)+" 100"); !strings.HasPrefix(got, "100 ") {
			t.Errorf("%s: of 100 calls the other way: %s", verdict, got)
		}
		if got := ps[3].ask(t, "seen"); got != before {
			t.Errorf("%s: n3 saw %s, and before %s", verdict, got, before)
		}
		start = time.Now()
		s.heal(1)
		s.heal(2)
		t.Logf("%s: straight again after %v", verdict, ps[2].when(t, s.node(1), "reachable").Sub(start))
		ps[1].when(t, s.node(2), "reachable")
	}
	start := time.Now()
	s.cut(3, "drop", 1, 2, 4)
	for i := 1; i <= 2; i++ {
		t.Logf("silence: n%d gives n3 up after %v", i, ps[i].when(t, s.node(3), "unreachable").Sub(start))
	}
	if got := ps[4].ask(t, "seen"); !strings.HasSuffix(got, "indirect 0") {
		t.Errorf("n4 takes silence for a cut: %s", got)
	}
	s.heal(3)
	ps[4].when(t, s.node(3), "reachable")
	for _, p := range ps[1:] {
		p.in.Close()
	}
}

// kill -9 is seen by all peers; a node with 64 busy processes is given up by nobody, and gives up nobody.
func TestBusyNodeIsNotGivenUp(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	epmd := l.Addr().(*net.TCPAddr).Port
	l.Close()
	dir := t.TempDir()
	var ps []*process
	names := []string{"busy@127.0.0.1", "p1@127.0.0.1", "p2@127.0.0.1", "killed@127.0.0.1"}
	for _, name := range names {
		ps = append(ps, startProcess(t, name, epmd, dir))
	}
	for i, p := range ps {
		for j, name := range names {
			if i != j {
				p.when(t, name, "reachable")
			}
		}
		if got := p.ask(t, "call busy@127.0.0.1 1"); !strings.HasPrefix(got, "1 ") {
			t.Fatal(got)
		}
	}
	for _, p := range ps[1:3] {
		p.tell(t, "await killed@127.0.0.1 suspect")
	}
	start := time.Now()
	ps[3].Process.Kill()
	for i, p := range ps[1:3] {
		t.Logf("SIGKILL: p%d sees it after %v", i+1, p.whenTold(t).Sub(start))
		p.when(t, "killed@127.0.0.1", "unreachable")
	}
	ps[0].when(t, "killed@127.0.0.1", "unreachable") // else that counts as what it gave up while it was busy
	before := []string{ps[0].ask(t, "seen"), ps[1].ask(t, "seen"), ps[2].ask(t, "seen")}
	ps[0].tell(t, "busy 64 8")
	if got := ps[0].answer(t); got != "busy" {
		t.Fatal(got)
	}
	for end := time.Now().Add(8 * time.Second); time.Now().Before(end); {
		got := ps[1].ask(t, "call busy@127.0.0.1 5")
		if !strings.HasPrefix(got, "5 ") {
			t.Errorf("calls to the busy node: %s", got)
		}
	}
	for i, p := range ps[:3] {
		got := p.ask(t, "seen")
		t.Logf("%s saw %s, and before %s", names[i], got, before[i])
		given := func(s string) string { _, s, _ = strings.Cut(s, "unreachable"); return s }
		if given(got) != given(before[i]) {
			t.Errorf("%s gave somebody up: %s, and before %s", names[i], got, before[i])
		}
	}
	for _, p := range ps[:3] {
		p.in.Close()
	}
}

// lossy lets a host lose so many of a hundred packets that come in; 0 ends it.
func (s *namespaces) lossy(i, percent int) {
	s.t.Helper()
	s.heal(i)
	if percent > 0 {
		s.run(fmt.Sprintf("table inet loss {\nchain in {\ntype filter hook input priority 0\niifname eth0 numgen random mod 100 < %d drop\n}\n}\n", percent),
			"ip", "netns", "exec", s.ns(i), "nft", "-f", "-")
	}
}

// late has what a host sends take longer, where the kernel can do that.
func (s *namespaces) late(i int, d, jitter time.Duration) (can bool) {
	return exec.Command("ip", "netns", "exec", s.ns(i), "tc", "qdisc", "replace", "dev", "eth0", "root", "netem", "delay", d.String(), jitter.String()).Run() == nil
}

// Real hosts on a bad network: every fiftieth packet is lost, and they are 40 ms from each other, give or take 15, where the kernel has netem. Nobody is
// given up, and all calls are answered. Then n3 hears nothing and the others lose half of what comes; when that ends, all see all again.
func TestBadNetwork(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	s := newNamespaces(t, 4)
	ps := s.start()
	given := func(i int) string {
		_, after, ok := strings.Cut(ps[i].ask(t, "seen"), "unreachable ")
		if !ok {
			t.Fatal("the node does not count what it gave up")
		}
		n, _, _ := strings.Cut(after, " ")
		return n
	}
	before := []string{"", given(1), given(2), given(3), given(4)}
	for i := 1; i <= s.n; i++ {
		s.lossy(i, 2)
		if !s.late(i, 20*time.Millisecond, 7*time.Millisecond) && i == 1 {
			t.Log("this kernel has no netem: packets are lost, not late; late ones are in TestNemesis, simulated")
		}
	}
	start := time.Now()
	for round := 0; time.Since(start) < 12*time.Second; round++ {
		from, to := 1+round%s.n, 1+(round+1)%s.n
		if got := ps[from].ask(t, "call "+s.node(to)+" 10"); !strings.HasPrefix(got, "10 ") {
			t.Errorf("n%d's calls to n%d: %s", from, to, got)
		}
	}
	for i := 1; i <= s.n; i++ {
		if got := given(i); got != before[i] {
			t.Errorf("n%d gave somebody up: %s times, and before %s", i, got, before[i])
		}
		s.lossy(i, 0)
	}
	start = time.Now()
	s.cut(3, "drop", 1, 2, 4)
	for _, i := range []int{1, 2, 4} {
		s.lossy(i, 50)
	}
	t.Logf("n3 is given up after %v", ps[1].when(t, s.node(3), "unreachable").Sub(start))
	start = time.Now()
	for i := 1; i <= s.n; i++ {
		s.lossy(i, 5)
	}
	for _, i := range []int{1, 2, 4} {
		if d := ps[i].when(t, s.node(3), "reachable").Sub(start); d > 30*time.Second {
			t.Errorf("n%d has n3 back after %v", i, d)
		}
	}
	t.Logf("n3 is back after %v", time.Since(start))
	for _, p := range ps[1:] {
		p.in.Close()
	}
}
