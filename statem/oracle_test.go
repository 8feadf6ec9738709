// SPDX-License-Identifier: Apache-2.0

package statem

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/banyan-go/banyan/internal/needs"
)

// erlang is the act as a term.
func (a act) erlang() string {
	switch a.do {
	case "repeat", "postpone":
		return a.do
	case "next", "insert":
		return fmt.Sprintf("{%s,%s}", a.do, a.arg)
	case "set":
		return fmt.Sprintf("{set,%s,%d,%s}", a.key, a.after, a.arg)
	case "update":
		return fmt.Sprintf("{update,%s,%s}", a.key, a.arg)
	}
	return fmt.Sprintf("{%s,%s}", a.do, a.key)
}

func (p program) erlang() string {
	var rules []string
	for head, acts := range p {
		var terms []string
		for _, a := range acts {
			terms = append(terms, a.erlang())
		}
		state, ev, _ := strings.Cut(head, " ")
		rules = append(rules, fmt.Sprintf("{%s,%s}=>[%s]", state, ev, strings.Join(terms, ",")))
	}
	return "#{" + strings.Join(rules, ",") + "}"
}

func pick(r *rand.Rand, words ...string) string { return words[r.IntN(len(words))] }

// randomProgram is one in which things happen.
func randomProgram(r *rand.Rand) program {
	states, timeouts := []string{"a", "b", "c"}, []string{"t", "u"}
	events := []string{"x", "y", "z", "i", "j"}
	clock := func() act {
		key, ev := pick(r, "state", "event", "n", "m"), pick(r, timeouts...)
		switch r.IntN(6) {
		case 0:
			return act{do: "cancel", key: key}
		case 1:
			return act{do: "update", key: key, arg: ev}
		}
		return act{do: "set", key: key, after: r.IntN(3) / 2, arg: ev}
	}
	p := program{}
	for _, s := range states {
		for range r.IntN(3) {
			p[s+" enter"] = append(p[s+" enter"], clock())
		}
		for _, e := range append(timeouts, events...) {
			var acts []act
			for range r.IntN(4) {
				switch r.IntN(8) {
				case 0, 1:
					acts = append(acts, act{do: "next", arg: pick(r, states...)})
				case 2:
					acts = append(acts, act{do: "repeat"})
				case 3, 4:
					acts = append(acts, act{do: "postpone"})
				case 5:
					acts = append(acts, act{do: "insert", arg: pick(r, "i", "j")})
				default:
					acts = append(acts, clock())
				}
			}
			if slices.ContainsFunc(acts, func(a act) bool { return a.do == "next" }) { // Erlang knows one or the other
				acts = slices.DeleteFunc(acts, func(a act) bool { return a.do == "repeat" })
			}
			p[s+" "+e] = acts
		}
	}
	return p
}

// The core does what gen_statem itself does, event for event, on random programs.
func TestAgainstErlang(t *testing.T) {
	erl := needs.Erlang(t)
	seed := uint64(1)
	if s := os.Getenv("BANYAN_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Log("seed", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	const stories = 2000
	var ours, texts []string
	for range stories {
		p := randomProgram(r)
		var events []string
		for range 1 + r.IntN(8) {
			events = append(events, pick(r, "x", "y", "z"))
		}
		w := newWorld("a", p)
		for _, e := range events {
			w.send(e)
		}
		w.check(t, p.erlang())
		ours = append(ours, strings.Join(w.trace, " "))
		texts = append(texts, fmt.Sprintf("{%d,%s,[%s]}.\n", mostSteps, p.erlang(), strings.Join(events, ",")))
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "stories")
	if err := os.WriteFile(file, []byte(strings.Join(texts, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	src, err := filepath.Abs("testdata/statem_oracle.erl")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), erl, "-noshell", "-kernel", "logger_level", "none", "-eval", fmt.Sprintf(
		`{ok, M, B} = compile:file("%s", [binary]), code:load_binary(M, "oracle", B), M:run("%s"), halt().`, src, file))
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatal(err, string(out))
	}
	theirs := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(theirs) != stories {
		t.Fatalf("%d answers, want %d: %s", len(theirs), stories, theirs[0])
	}
	wrong, length := 0, 0
	for i := range ours {
		length += len(strings.Fields(theirs[i]))
		if ours[i] != theirs[i] && wrong < 5 {
			wrong++
			t.Errorf("%s got  %s\n want %s", texts[i], ours[i], theirs[i])
		}
	}
	t.Logf("%d programs, %d events handled", stories, length)
	if slices.Max(ours) == "" {
		t.Error("nothing happened")
	}
}
