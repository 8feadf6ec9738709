// SPDX-License-Identifier: Apache-2.0

package restart

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// The scenarios below are OTP's rules as small stories. A story has a supervisor, its children in order as
// "name:type[:significant]", all of them started, and steps "what happens -> what the supervisor does":
//
//	crash a        a ends with a crash              normal a     a ends with normal, shutdown or {shutdown, _}
//	retry a        the failed restart of a is tried again
//	terminate a    terminate_child                  restart a    restart_child: whether it may, then it is started
//	delete a       delete_child                     add a:type   a child is added, and started
//	fail a         from now on starts of a fail     mend a       they work again
//	ignore a       from now on a chooses not to run
//	at 5s          the clock                        stop         the order in which all are stopped
//
// The answer of a decision is its outcome, then "stop ...", "drop ..." and "start ..." with the names in order; "list" at
// the end of a story is the list of children, with * for running and ~ for being restarted.
type story struct {
	name     string
	opts     Options
	children string
	steps    []string
	list     string
}

var easy = Options{Intensity: 100, Period: time.Second}

func with(s Strategy) Options { o := easy; o.Strategy = s; return o }

func auto(s Strategy, a AutoShutdown) Options { o := with(s); o.AutoShutdown = a; return o }

var stories = []story{
	{"one_for_one: a crash restarts the child alone", with(OneForOne), "a:permanent b:permanent c:permanent", []string{
		"crash b -> restart start b",
	}, "a* b* c*"},
	{"permanent: restarted however it ended", with(OneForOne), "a:permanent", []string{
		"normal a -> restart start a",
		"crash a -> restart start a",
	}, "a*"},
	{"transient: an orderly end is the end, a crash is not", with(OneForOne), "a:transient b:transient", []string{
		"crash a -> restart start a",
		"normal a -> stays",
		"normal a -> nothing",
		"crash nobody -> nothing",
	}, "a b*"},
	{"temporary: never restarted, and forgotten", with(OneForOne), "a:temporary b:temporary c:permanent", []string{
		"crash a -> removed drop a",
		"normal b -> removed drop b",
		"crash a -> nothing",
	}, "c*"},
	{"one_for_all: all others are stopped in reverse, then all start in order", with(OneForAll), "a:permanent b:permanent c:permanent d:permanent", []string{
		"crash b -> restart stop d c a start a b c d",
		"stop -> d c b a",
	}, "a b c d"},
	{"one_for_all: a transient child that had ended starts again with the group", with(OneForAll), "a:permanent b:transient c:permanent", []string{
		"normal b -> stays",
		"crash c -> restart stop a start a b c",
	}, "a* b* c*"},
	{"one_for_all: temporary siblings are stopped and forgotten", with(OneForAll), "t:temporary a:permanent u:temporary b:permanent v:temporary", []string{
		"crash a -> restart stop v b u t drop v u t start a b",
		"crash u -> nothing",
	}, "a* b*"},
	{"one_for_all: the end of a temporary child concerns nobody", with(OneForAll), "a:permanent t:temporary", []string{
		"crash t -> removed drop t",
	}, "a*"},
	{"one_for_all: only temporary children left beside it", with(OneForAll), "t:temporary a:permanent", []string{
		"crash a -> restart stop t drop t start a",
	}, "a*"},
	{"rest_for_one: those after it, in reverse, and those before it stay", with(RestForOne), "a:permanent b:permanent c:permanent d:permanent", []string{
		"crash b -> restart stop d c start b c d",
		"crash d -> restart start d",
		"crash a -> restart stop d c b start a b c d",
	}, "a* b* c* d*"},
	{"rest_for_one: temporary children after it are forgotten, before it kept", with(RestForOne), "t:temporary a:permanent u:temporary b:transient", []string{
		"normal b -> stays",
		"crash a -> restart stop u drop u start a b",
	}, "t* a* b*"},
	{"dynamic: children leave as they end, unless they are restarted", with(Dynamic), "a:transient b:transient c:permanent d:temporary", []string{
		"crash a -> restart start a",
		"normal b -> removed drop b",
		"normal c -> restart start c",
		"crash d -> removed drop d",
		"terminate c -> gone",
	}, "a*"},

	{"intensity: one restart more than allowed within the period ends the supervisor", Options{Intensity: 2, Period: 5 * time.Second}, "a:permanent b:permanent c:permanent", []string{
		"crash b -> restart start b",
		"at 2s",
		"crash c -> restart start c",
		"at 5s",
		"crash b -> give up stop c a",
	}, "a b c"},
	{"intensity: restarts older than the period do not count", Options{Intensity: 2, Period: 5 * time.Second}, "a:permanent", []string{
		"crash a -> restart start a",
		"at 2s",
		"crash a -> restart start a",
		"at 5001ms",
		"crash a -> restart start a",
		"at 7s",
		"crash a -> give up",
	}, "a"},
	{"intensity 0: the first crash ends the supervisor", Options{}, "a:permanent b:transient t:temporary", []string{
		"crash t -> removed drop t",
		"normal b -> stays",
		"crash a -> give up",
	}, "a b"},
	{"intensity: a group restart counts once", Options{Strategy: OneForAll, Intensity: 1, Period: time.Second}, "a:permanent b:permanent", []string{
		"crash a -> restart stop b start a b",
		"crash b -> give up stop a",
	}, "a b"},

	{"a restart that fails to start is tried again, each try is a restart", Options{Intensity: 3, Period: time.Second}, "a:permanent b:permanent", []string{
		"fail a",
		"crash a -> restart start a!",
		"retry a -> restart start a!",
		"mend a",
		"retry a -> restart start a",
		"retry a -> nothing",
		"crash b -> give up stop a",
	}, "a b"},
	{"a restart that never works reaches the intensity", Options{Intensity: 2, Period: time.Second}, "a:permanent b:permanent", []string{
		"fail a",
		"crash a -> restart start a!",
		"retry a -> restart start a!",
		"retry a -> give up stop b",
	}, "a b"},
	{"one_for_all: those behind the failed one wait for the next try, those before it are stopped again", with(OneForAll), "a:permanent b:permanent c:permanent", []string{
		"fail b",
		"crash c -> restart stop b a start a b!",
		"retry b -> restart stop a start a b!",
		"mend b",
		"retry b -> restart stop a start a b c",
	}, "a* b* c*"},
	{"rest_for_one: the next try begins with the failed one", with(RestForOne), "a:permanent b:permanent c:permanent d:permanent", []string{
		"fail c",
		"crash b -> restart stop d c start b c!",
		"mend c",
		"retry c -> restart start c d",
	}, "a* b* c* d*"},
	{"a sibling's restart takes over a pending try", with(OneForAll), "a:permanent b:permanent", []string{
		"fail a",
		"crash a -> restart stop b start a!",
		"retry b -> nothing",
		"mend a",
		"retry a -> restart start a b",
		"retry a -> nothing",
	}, "a* b*"},
	{"terminate_child calls a pending try off", with(OneForOne), "a:permanent", []string{
		"fail a",
		"crash a -> restart start a!",
		"restart a -> the child is being restarted",
		"delete a -> the child is being restarted",
		"terminate a",
		"retry a -> nothing",
		"delete a",
	}, ""},
	{"a dynamic child whose restart fails stays until a try works", with(Dynamic), "a:permanent b:permanent", []string{
		"fail a",
		"crash a -> restart start a!",
		"crash b -> restart start b",
		"mend a",
		"retry a -> restart start a",
	}, "a* b*"},
	{"a child may choose not to run when it is restarted", with(RestForOne), "a:permanent b:permanent c:permanent", []string{
		"ignore b",
		"crash a -> restart stop c b start a b- c",
		"crash b -> nothing",
	}, "a* b c*"},
	{"a dynamic child that chooses not to run is gone", with(Dynamic), "a:permanent", []string{
		"ignore a",
		"crash a -> restart start a-",
	}, ""},

	{"terminate, restart and delete of a child", with(OneForOne), "a:permanent t:temporary", []string{
		"restart a -> the child is running",
		"delete a -> the child is running",
		"terminate a",
		"restart a",
		"terminate a",
		"delete a",
		"delete a -> no such child",
		"restart a -> no such child",
		"terminate t -> gone",
		"terminate t -> gone",
		"delete t -> no such child",
	}, ""},
	{"children can be added at the end at any time", with(RestForOne), "a:permanent", []string{
		"add b:permanent",
		"add b:permanent -> child b: a child with this id exists",
		"crash a -> restart stop b start a b",
		"terminate a",
		"delete a",
		"add a:permanent",
		"crash b -> restart stop a start b a",
	}, "b* a*"},

	{"any_significant: the first significant child that ends takes the supervisor along", auto(OneForOne, AnySignificant), "a:permanent s:transient:significant t:temporary:significant b:transient", []string{
		"normal b -> stays",
		"crash s -> restart start s",
		"normal s -> shut down stop t a",
	}, "a s t b"},
	{"any_significant: a temporary child ends for good also by a crash", auto(OneForOne, AnySignificant), "a:permanent t:temporary:significant b:permanent", []string{
		"crash t -> shut down stop b a drop t",
	}, "a b"},
	{"all_significant: only the last one does", auto(OneForAll, AllSignificant), "s:transient:significant a:transient t:temporary:significant u:transient:significant", []string{
		"normal a -> stays",
		"crash t -> removed drop t",
		"normal s -> stays",
		"normal u -> shut down",
	}, "s a u"},
	{"all_significant: a child that is being restarted still counts", auto(OneForOne, AllSignificant), "s:transient:significant u:transient:significant", []string{
		"fail s",
		"crash s -> restart start s!",
		"normal u -> stays",
		"mend s",
		"retry s -> restart start s",
		"normal s -> shut down",
	}, "s u"},
	{"a significant child that somebody stops does not count as ended", auto(OneForOne, AnySignificant), "s:transient:significant a:permanent", []string{
		"terminate s",
		"crash a -> restart start a",
	}, "s a*"},
	{"a significant child stopped with its group does not count either", auto(OneForAll, AnySignificant), "t:temporary:significant a:permanent", []string{
		"crash a -> restart stop t drop t start a",
	}, "a*"},
	{"all_significant: a significant child stopped by hand is not waited for", auto(OneForOne, AllSignificant), "s:transient:significant u:transient:significant", []string{
		"terminate s",
		"normal u -> shut down",
	}, "s u"},
	{"dynamic children can be significant", auto(Dynamic, AllSignificant), "s:transient:significant u:temporary:significant", []string{
		"normal s -> removed drop s",
		"crash u -> shut down drop u",
	}, ""},
}

func TestStories(t *testing.T) {
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) { s.run(t) })
	}
}

// teller plays a story.
type teller struct {
	t       *testing.T
	core    *Core[string]
	now     time.Duration
	fails   map[string]bool
	ignores map[string]bool
}

func (s story) run(t *testing.T) {
	core, err := New[string](s.opts)
	if err != nil {
		t.Fatal(err)
	}
	if core.Options() != s.opts {
		t.Fatal("options")
	}
	p := &teller{t, core, 0, map[string]bool{}, map[string]bool{}}
	for _, c := range strings.Fields(s.children) {
		if got := p.add(c); got != "" {
			t.Fatal(got)
		}
	}
	for _, step := range s.steps {
		what, want, _ := strings.Cut(step, " -> ")
		verb, arg, _ := strings.Cut(what, " ")
		if got := p.do(verb, arg); got != want {
			t.Fatalf("%s:\n got %q\nwant %q", what, got, want)
		}
		p.check()
	}
	var list []string
	for id, st := range core.All() {
		list = append(list, id+[]string{"", "*", "~"}[st])
	}
	if got := strings.Join(list, " "); got != s.list {
		t.Fatalf("list at the end: got %q, want %q", got, s.list)
	}
}

func (p *teller) do(verb, arg string) string {
	c := p.core
	switch verb {
	case "crash":
		return p.follow(c.Exited(arg, Crash, p.now))
	case "normal":
		return p.follow(c.Exited(arg, Normal, p.now))
	case "retry":
		return p.follow(c.Retry(arg, p.now))
	case "terminate":
		if c.Terminated(arg) {
			return "gone"
		}
	case "restart":
		if err := c.CanStart(arg); err != nil {
			return err.Error()
		}
		c.Started(arg)
	case "delete":
		if err := c.Delete(arg); err != nil {
			return err.Error()
		}
	case "add":
		return p.add(arg)
	case "fail", "mend":
		p.fails[arg] = verb == "fail"
	case "ignore":
		p.ignores[arg] = true
	case "at":
		p.now, _ = time.ParseDuration(arg)
	case "stop":
		return strings.Join(c.StopAll(), " ")
	default:
		p.t.Fatalf("unknown step %q", verb)
	}
	return ""
}

func (p *teller) add(s string) string {
	f := strings.Split(s, ":")
	typ := map[string]Type{"permanent": Permanent, "transient": Transient, "temporary": Temporary}[f[1]]
	if err := p.core.Add(f[0], Spec{typ, len(f) > 2}); err != nil {
		return err.Error()
	}
	p.core.Started(f[0])
	return ""
}

// follow does what the supervisor would, and writes it down.
func (p *teller) follow(d Decision[string]) string {
	words := []string{d.Outcome.String()}
	for _, l := range []struct {
		verb string
		ids  []string
	}{{"stop", d.Stop}, {"drop", d.Drop}} {
		if len(l.ids) > 0 {
			words = append(append(words, l.verb), l.ids...)
		}
	}
	if len(d.Start) > 0 {
		words = append(words, "start")
	}
	for _, id := range d.Start {
		if p.fails[id] {
			p.core.StartFailed(id)
			words = append(words, id+"!")
			break
		}
		if p.ignores[id] {
			p.core.Ignored(id)
			words = append(words, id+"-")
			continue
		}
		if !p.core.Started(id) {
			p.t.Fatal("told to start a child that has left the list: ", id)
		}
		words = append(words, id)
	}
	return strings.Join(words, " ")
}

// check compares the counters and links with a plain count.
func (p *teller) check() {
	var ids []string
	running := 0
	for id, st := range p.core.All() {
		ids = append(ids, id)
		if st == Running {
			running++
		}
		if got, ok := p.core.Status(id); !ok || got != st {
			p.t.Fatal("status of ", id)
		}
	}
	if running != p.core.Running() || len(ids) != p.core.Len() {
		p.t.Fatalf("counts %d of %d, list has %d of %d", p.core.Running(), p.core.Len(), running, len(ids))
	}
	var back []string
	for c := p.core.last; c != nil; c = c.prev {
		back = append(back, c.id)
	}
	slices.Reverse(back)
	if !slices.Equal(ids, back) {
		p.t.Fatal("the list backwards is ", fmt.Sprint(back))
	}
}
