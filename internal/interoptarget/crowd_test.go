// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/banyan-go/banyan/internal/erltest"
	"github.com/banyan-go/banyan/internal/needs"
)

// alone are the scenarios that need the target for themselves: they count on the counter's total or the members of a group,
// end the exiter that others are watching, suspend a server, or cut the link.
var alone = []string{"call", "cast then call", "call by pid", "multi_call", "abcast", "send_request",
	"monitor by name, exit reason", "back under its name", "monitor by pid, normal", "demonitor", "link", "unlink", "exit/2 ends it",
	"exit/2 normal does not", "kill", "sys:suspend and resume", "pg over rpc", "pg over rpc, with scope",
	"disconnect, and come again", "monitor_node from here", "monitors end with the link", "the target sees nodes go"}

// sharedNames are the names that scenarios give; when many use them at once each needs its own.
var sharedNames = regexp.MustCompile(`\b(mine|theirs|drivers|res|here|watched)\b`)

// driveBoth runs all scenarios that can share a target, on both targets at once, and gives how many were run and what failed.
func driveBoth(t *testing.T, e *erltest.Node, one, two, other string) (n int, failures []string) {
	own := func(expr, target, place string) string {
		suffix := "_" + strings.NewReplacer("@", "_", ".", "_").Replace(e.Name) + place
		return strconv.Quote(expand(sharedNames.ReplaceAllString(expr, "${1}"+suffix), target, other))
	}
	for _, c := range scenarios {
		if slices.Contains(alone, c.name) {
			continue
		}
		n += 2
		got := e.Eval(t, "interop:both("+own(c.expr, one, "_one")+", "+own(c.expr, two, "_two")+")")
		if want := "{" + c.want + "," + c.want + "}"; got != want {
			failures = append(failures, fmt.Sprintf("%s, %s: got %s, want %s", e.Name, c.name, got, want))
		}
	}
	return n, failures
}

// erlang evaluates an Erlang expression on the Elixir node.
func (e *elixirNode) erlang(t *testing.T, expr string) string {
	t.Helper()
	got := e.result(t, ":interop.text(String.to_charlist("+strconv.Quote(expr)+"))")
	text, err := strconv.Unquote(got)
	if err != nil {
		t.Fatal(got, err)
	}
	return text
}

// Two Erlang nodes, an Elixir node and two Banyan nodes are one cluster. Each of the first three drives both targets at once, at
// the same time as the others; then all five agree on the nodes, on who is in a group and who has which global name. They
// agree again after one target is killed and one Erlang node has left, and go on.
func TestCrowd(t *testing.T) {
	needs.Elixir(t)
	port := erltest.FreePort(t)
	t1, t2 := startTarget(t, "crt1", port), startTarget(t, "crt2", port)
	e1, e2 := peer(t, "cre1", port), peer(t, "cre2", port)
	ex := startElixir(t, "crex", port, true, []*target{t1, t2})

	// Each meets one node, and global makes it a full mesh.
	for _, ping := range []string{e1.Eval(t, "net_adm:ping('"+t1.name+"')"), e2.Eval(t, "net_adm:ping('"+t1.name+"')"),
		e1.Eval(t, "net_adm:ping('"+t2.name+"')"), ex.erlang(t, "net_adm:ping('"+t2.name+"')")} {
		if ping != "pong" {
			t.Fatal(ping)
		}
	}
	all := []string{e1.Name, e2.Name, ex.name, t1.name, t2.name}
	// agree wants the same view on all that are left; the Erlang nodes ask the targets too.
	agree := func(when string, nodes, names []string, targets string, erl ...func(expr string) string) {
		t.Helper()
		var quoted, places []string
		for _, n := range nodes {
			quoted = append(quoted, "'"+n+"'")
		}
		for _, n := range names {
			place := "nowhere"
			if slices.Contains(nodes, n) {
				place = "'" + n + "'"
			}
			places = append(places, place)
		}
		slices.Sort(quoted)
		list := "[" + strings.Join(quoted, ",") + "]"
		want := "{" + list + "," + list + ",[" + strings.Join(places, ",") + "]}"
		asked := "['" + strings.Join(names, "','") + "']"
		for _, eval := range erl {
			if got := eval("interop:agree(" + want + "," + targets + "," + asked + ")"); got != want {
				t.Errorf("%s\n got %s\nwant %s", when, got, want)
			}
		}
	}
	onE1 := func(expr string) string { return e1.Eval(t, expr) }
	onE2 := func(expr string) string { return e2.Eval(t, expr) }
	onEx := func(expr string) string { return ex.erlang(t, expr) }
	mesh := "interop:wait(fun() -> length(nodes()) =:= 4 end)"
	for _, eval := range []func(string) string{onE1, onE2, onEx} {
		if got := eval(mesh); got != "true" {
			t.Fatal("no full mesh: ", eval("nodes()"))
		}
	}

	// Everybody at once.
	var (
		wg          sync.WaitGroup
		n1, n2      int
		bad1, bad2  []string
		fromElixir  []ran
		checkedBoth = func(n int, bad []string) {
			for _, b := range bad {
				t.Error(b)
			}
			if n == 0 {
				t.Error("no scenario was run")
			}
		}
	)
	wg.Go(func() { n1, bad1 = driveBoth(t, e1, t1.name, t2.name, e2.Name) })
	wg.Go(func() { n2, bad2 = driveBoth(t, e2, t2.name, t1.name, e1.Name) })
	fromElixir = ex.run(t)
	wg.Wait()
	checkedBoth(n1, bad1)
	checkedBoth(n2, bad2)
	report(t, fromElixir)
	t.Logf("%d scenarios at once", n1+n2+len(fromElixir))

	// All agree.
	for name, eval := range map[string]func(string) string{e1.Name: onE1, e2.Name: onE2, ex.name: onEx} {
		if got := eval("P = spawn(timer, sleep, [infinity]), {pg:join(everybody, P), global:register_name('" + name + "', P)}"); got != "{ok,yes}" {
			t.Error(name, got)
		}
	}
	for _, tg := range []*target{t1, t2} {
		for _, request := range []string{"{pg_join, everybody}", "{global_register, '" + tg.name + "'}"} {
			if got := onE1("element(1, gen_server:call({driver, '" + tg.name + "'}, " + request + "))"); got != "ok" {
				t.Error(tg.name, request, got)
			}
		}
	}
	agree("when all have met", all, all, "['"+t1.name+"','"+t2.name+"']", onE1, onE2, onEx)

	// One target is killed, one Erlang node leaves, and the others agree on that.
	t1.kill(t)
	if got := onE2("init:stop()"); got != "ok" {
		t.Error(got)
	}
	left := []string{e1.Name, ex.name, t2.name}
	agree("when two have gone", left, all, "['"+t2.name+"']", onE1, onEx)
	for _, free := range []string{t1.name, e2.Name} {
		if got := onEx("global:register_name('" + free + "', self())"); got != "yes" {
			t.Errorf("the name of %s, which has gone, is not free: %s", free, got)
		}
		onEx("global:unregister_name('" + free + "')")
	}

	// And it goes on.
	wg.Go(func() { n1, bad1 = driveBoth(t, e1, t2.name, t2.name, ex.name) })
	fromElixir = ex.run(t, 1)
	wg.Wait()
	checkedBoth(n1, bad1)
	report(t, fromElixir)
	t.Logf("%d scenarios after that", n1+len(fromElixir))
	agree("at the end", left, all, "['"+t2.name+"']", onE1, onEx)
}
