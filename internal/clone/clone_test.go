// SPDX-License-Identifier: Apache-2.0

package clone

import (
	clist "container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unique"
	"unsafe"

	"github.com/banyan-go/banyan/internal/term"
)

func sample() order {
	return order{
		ID:    7,
		lines: []line{{"tea", 2, []string{"hot", "green"}}, {"cup", 1, nil}, {"pot", 1, []string{}}},
		by:    map[string]int{"a": 1, "b": 2},
		sets:  map[string]struct{}{"s": {}},
		deep:  map[string][]int{"d": {1, 2, 3}},
		keyed: map[point]*line{{1, 2, "p"}: {"k", 1, []string{"t"}}},
		next:  &point{3, 4, "n"},
		arr:   [2][]byte{[]byte("ab"), nil},
		note:  "note",
		flag:  true,
		any:   []any{1, "x", map[string]any{"k": []int{9}}, &point{5, 6, "q"}, point{7, 8, "r"}},
		err:   io.EOF,
	}
}

func TestCopyIsEqualAndSharesNothing(t *testing.T) {
	src := sample()
	dst := must(src)
	if !reflect.DeepEqual(src, dst) {
		t.Fatalf("copy differs:\n%#v\n%#v", src, dst)
	}
	if dst.err != io.EOF {
		t.Error("errors keep their identity")
	}
	// Write to everything in the copy that can be written.
	dst.lines[0].sku, dst.lines[0].tags[0] = "x", "x"
	dst.by["a"], dst.by["new"] = 9, 9
	dst.sets["new"] = struct{}{}
	dst.deep["d"][0] = 99
	dst.keyed[point{1, 2, "p"}].tags[0] = "x"
	dst.next.x = 99
	dst.arr[0][0] = 'x'
	dst.any.([]any)[2].(map[string]any)["k"].([]int)[0] = 99
	dst.any.([]any)[3].(*point).x = 99
	if want := sample(); !reflect.DeepEqual(src, want) {
		t.Fatalf("the original changed:\n%#v\n%#v", src, want)
	}
	if cap(dst.lines) != 3 {
		t.Error("capacity is the length")
	}
}

func TestNilAndEmptyStayApart(t *testing.T) {
	type all struct {
		s  []int
		d  [][]int
		st []string
		m  map[string]int
		r  map[point][]int
		p  *point
		a  any
		e  error
	}
	zero := must(all{})
	if !reflect.DeepEqual(zero, all{}) {
		t.Errorf("%#v", zero)
	}
	v := must(all{s: []int{}, d: [][]int{}, st: []string{}, m: map[string]int{}, r: map[point][]int{}})
	if v.s == nil || v.d == nil || v.st == nil || v.m == nil || v.r == nil {
		t.Errorf("empty became nil: %#v", v)
	}
	// A copy never shows what lies between length and capacity.
	long := make([]int, 2, 10)
	if c := must(long); cap(c) != 2 {
		t.Error(cap(c))
	}
	if c := must(long[:0]); c == nil || cap(c) != 0 {
		t.Error(c)
	}
}

func TestFlat(t *testing.T) {
	for _, tc := range []struct {
		plan           *Plan
		flat, pointers bool
	}{
		{of[int](), true, false},
		{of[uintptr](), true, false},
		{of[complex128](), true, false},
		{of[string](), true, true},
		{of[point](), true, true},
		{of[[3]point](), true, true},
		{of[struct{}](), true, false},
		{of[[0][]int](), true, false},
		{of[noCompare](), true, false},
		{of[struct {
			a int8
			b uint64
		}](), true, false},
		{of[error](), true, true},
		{of[frozen](), true, true},
		{of[*frozen](), true, true},
		{of[*frozenPtr](), true, true},
		{of[*locked](), true, true},
		{of[frozenPtr](), false, true},
		{of[promoted](), false, true},
		{of[*promoted](), false, true},
		{of[*myErr](), true, true},
		{of[*errEmbeds](), false, true},
		{of[time.Time](), true, true},
		{of[time.Duration](), true, false},
		{of[*time.Location](), true, true},
		{of[netip.AddrPort](), true, true},
		{of[unique.Handle[string]](), true, true},
		{of[reflect.Type](), true, true},
		{of[term.PID](), true, true},
		{of[term.Reference](), true, true},
		{of[interface{ Immutable() }](), true, true},
		{of[any](), false, true},
		{of[fmt.Stringer](), false, true},
		{of[[]int](), false, true},
		{of[map[string]int](), false, true},
		{of[*int](), false, true},
		{of[cloner](), false, true},
		{of[order](), false, true},
		{of[list](), false, true},
	} {
		if tc.plan.Flat() != tc.flat || tc.plan.Pointers() != tc.pointers {
			t.Errorf("%s: flat %v, pointers %v", tc.plan.Type(), tc.plan.Flat(), tc.plan.Pointers())
		}
	}
}

// Copy works on flat types as well: it is then an assignment that the garbage collector sees.
func TestCopyOfFlatTypes(t *testing.T) {
	type wide struct {
		a [40]string
		b int
		c error
	}
	w := wide{b: 3, c: io.EOF}
	for i := range w.a {
		w.a[i] = fmt.Sprint("s", i)
	}
	if must(w) != w {
		t.Error("wide")
	}
	p := point{1, 2, "n"}
	if must(p) != p || must(5) != 5 || must("x") != "x" || must([3]string{"a", "b"}) != [3]string{"a", "b"} {
		t.Error("flat")
	}
	if must(io.EOF) != io.EOF {
		t.Error("an error")
	}
	must(struct{}{})
	now := time.Now()
	if must(now) != now {
		t.Error("time")
	}
	if e := must(struct {
		s []wide
		n int
	}{[]wide{w}, 4}); e.s[0] != w || e.n != 4 {
		t.Error("a slice of flat structs with pointers")
	}
	if a := must([]any{int8(1), "s", nil, p, struct{}{}, io.EOF}); !reflect.DeepEqual(a, []any{int8(1), "s", nil, p, struct{}{}, io.EOF}) {
		t.Error(a)
	}
}

func TestRefused(t *testing.T) {
	for _, tc := range []struct {
		typ  reflect.Type
		want string // start of the error
		mend string
	}{
		{reflect.TypeFor[refusedOrder](), "clone: clone.refusedOrder.Lines[].done: chan struct {} cannot be copied", "make clone.refusedLine immutable with a method Immutable(), or give it Clone() clone.refusedLine, or leave it out"},
		{reflect.TypeFor[chan int](), "clone: chan int: chan int cannot be copied", "leave it out"},
		{reflect.TypeFor[*hook](), "clone: *clone.hook.f: func() cannot be copied", "give it Clone() clone.hook"},
		{reflect.TypeFor[map[string]hook](), "clone: map[string]clone.hook[].f: func()", ""},
		{reflect.TypeFor[map[chan int]int](), "clone: map[chan int]int[key]: chan int", ""},
		{reflect.TypeFor[[2]chan int](), "clone: [2]chan int[]: chan int", ""},
		{reflect.TypeFor[guarded](), "clone: clone.guarded.Mutex: sync.Mutex cannot be copied", "Clone() clone.guarded"},
		{reflect.TypeFor[*sync.WaitGroup](), "clone: *sync.WaitGroup: sync.WaitGroup cannot be copied", "leave it out"},
		{reflect.TypeFor[atomic.Int64](), "clone: atomic.Int64", ""},
		{reflect.TypeFor[struct{ s spin }](), "clone: struct { s clone.spin }.s: clone.spin cannot be copied (it has the methods Lock and Unlock)", "make clone.spin immutable"},
		{reflect.TypeFor[unsafe.Pointer](), "clone: unsafe.Pointer", ""},
		{reflect.TypeFor[strings.Builder](), "clone: strings.Builder", "String()"},
		{reflect.TypeFor[*os.File](), "clone: *os.File", ""},
		{reflect.TypeFor[*net.TCPConn](), "clone: *net.TCPConn", "open file or connection"},
		{reflect.TypeFor[*time.Timer](), "clone: *time.Timer: time.Timer cannot be copied", "leave it out"},
	} {
		for range 2 { // compiled, then from the cache
			_, err := Of(tc.typ)
			var refused *RefusedError
			if !errors.As(err, &refused) || refused.Root != tc.typ {
				t.Fatalf("%s: %v", tc.typ, err)
			}
			if got := err.Error(); !strings.HasPrefix(got, tc.want) || !strings.Contains(got, tc.mend) {
				t.Errorf("%s:\n got %s\nwant %s ... %s", tc.typ, got, tc.want, tc.mend)
			}
		}
	}
}

func TestRefusedInsideInterfaces(t *testing.T) {
	type box struct{ Meta any }
	type outer struct{ m map[string][]box }
	_, err := cp(outer{map[string][]box{"a": {{&hook{}}}}})
	want := "clone: clone.outer.m[][].Meta.(*clone.hook).f: func() cannot be copied"
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	// Also below an interface below an interface, and through every way a container is copied.
	for _, v := range []any{
		[]any{[]any{make(chan int)}}, map[point]any{{}: func() {}}, map[any]int{new(chan int): 1},
		[1]any{func() {}}, &box{func() {}}, map[int64]any{1: func() {}}, box{box{func() {}}},
	} {
		if _, err := Any(v); err == nil {
			t.Errorf("%T was copied", v)
		}
	}
	if _, err := Any(context.WithValue(t.Context(), "k", 1)); err == nil {
		t.Error("a context holds locks")
	}
	if _, err := Any(make(chan int)); err == nil {
		t.Error("a channel")
	}
}

func TestDeclaredTypes(t *testing.T) {
	f := frozen{[]int{1}}
	if c := must(f); &c.data[0] != &f.data[0] {
		t.Error("an immutable value was copied")
	}
	fp := &frozenPtr{[]int{1}}
	if must(fp) != fp {
		t.Error("an immutable pointer was copied")
	}
	if c := must(*fp); &c.data[0] == &fp.data[0] {
		t.Error("only the pointer is immutable, the value is not")
	}
	pr := promoted{f, []int{1}}
	if c := must(pr); &c.lines[0] == &pr.lines[0] || &c.data[0] != &f.data[0] {
		t.Error("Immutable of an embedded field speaks for that field only")
	}
	ee := &errEmbeds{io.EOF, []int{1}}
	if c := must(ee); &c.lines[0] == &ee.lines[0] || c.error != io.EOF {
		t.Error("Error of an embedded field speaks for that field only")
	}
	me := &myErr{}
	if a := must[any](me); a != any(me) {
		t.Error("an error lost its identity")
	}

	calls := 0
	c := must([]cloner{{[]int{1}, &calls}, {nil, &calls}})
	if calls != 4 || c[0].data[0] != 1 { // must copies twice
		t.Error("Clone", calls)
	}
	if c := must(&clonerPtr{[]int{1}}); c.data[0] != -1 {
		t.Error("(*T) Clone() *T for a pointer")
	}
	if c := must(clonerPtr{[]int{1}}); c.data[0] != -1 {
		t.Error("(*T) Clone() *T for a value")
	}
	if c := must(clonerAddr{[]int{1}}); c.data[0] != -2 {
		t.Error("(*T) Clone() T for a value")
	}
	if c := must((*clonerPtr)(nil)); c != nil {
		t.Error("nil stays nil")
	}
	if c := must(nilCloner{[]int{1}}); c.data != nil {
		t.Error("a Clone that returns nil gives the zero value")
	}
	if a := must[any](cloner{[]int{1}, &calls}); a.(cloner).data[0] != 1 || calls != 6 {
		t.Error("Clone in an interface")
	}
}

type nilCloner struct{ data []int }

func (*nilCloner) Clone() *nilCloner { return nil }

func TestBigInt(t *testing.T) {
	a := big.NewInt(0).Lsh(big.NewInt(1), 200)
	b := must(a)
	b.Add(b, big.NewInt(1))
	b.SetBit(b, 3, 1)
	if a.Cmp(big.NewInt(0).Lsh(big.NewInt(1), 200)) != 0 || b.Cmp(a) != 1 {
		t.Error(a, b)
	}
}

// A type that can reach itself keeps its shape.
func TestShape(t *testing.T) {
	a := &graph{name: "a", byKey: map[string]*graph{}}
	b := &graph{name: "b", edges: []*graph{a}}
	a.edges = []*graph{b, b, a}
	a.byKey["b"] = b
	c := must(a)
	if c == a || c.edges[0] == b || c.edges[0] != c.edges[1] || c.edges[2] != c || c.byKey["b"] != c.edges[0] || c.edges[0].edges[0] != c {
		t.Error("the shape of a graph was lost")
	}

	type m map[string]m
	x := m{}
	x["self"], x["twin"] = x, x
	y := must(x)
	y["self"]["new"] = nil
	if _, ok := y["new"]; !ok || len(x) != 2 {
		t.Error("a map that holds itself")
	}

	s := make([]any, 3)
	s[0], s[1] = s, &s
	d := must(s)
	if &d[0].([]any)[0] != &d[0] || (*d[1].(*[]any))[0] == nil || &d[0] == &s[0] {
		t.Error("a slice that holds itself")
	}

	// Without a way back to itself a type is a tree, and what was shared is shared no more.
	n := new(int)
	two := must([2]*int{n, n})
	if two[0] == two[1] {
		t.Error("two pointers became one")
	}

	l := list2(50)
	if got := must(l); got.Len() != 50 || got.Front() == l.Front() || got.Front().Value.(int) != 0 || got.Back().Value.(int) != 49 {
		t.Error("container/list")
	}
}

func list2(n int) *clist.List {
	l := clist.New()
	for i := range n {
		l.PushBack(i)
	}
	return l
}

// What is shared at every level doubles at every level if nobody remembers it.
func TestNoBlowUp(t *testing.T) {
	var v any = []int{1}
	for range 60 {
		v = []any{v, v}
	}
	c, err := Any(v)
	if err != nil || c.([]any)[0].([]any)[1] == nil {
		t.Fatal(err)
	}
	type pair struct{ l, r any }
	var p any = pair{}
	for range 60 {
		p = pair{p, p} // the boxes are shared, not the pairs
	}
	if _, err := Any(p); err != nil {
		t.Fatal(err)
	}
	of[any]().Size(unsafe.Pointer(&p))
	of[any]().Size(unsafe.Pointer(&v))
}

func TestDepth(t *testing.T) {
	chain := func(n int) *list {
		var l *list
		for i := range n {
			l = &list{i, l}
		}
		return l
	}
	l := chain(maxDepth - 1)
	c, err := cp(l)
	if err != nil || c.v != maxDepth-2 || c == l {
		t.Fatal(err)
	}
	if n, want := of[*list]().Size(unsafe.Pointer(&l)), (maxDepth-1)*int(unsafe.Sizeof(list{}))+int(word); n != want {
		t.Errorf("size %d, want %d", n, want)
	}
	l = chain(maxDepth + 1)
	if _, err := cp(l); !errors.Is(err, ErrTooDeep) {
		t.Fatal(err)
	}
	of[*list]().Size(unsafe.Pointer(&l)) // ends
	// The other ways down.
	type s []s
	type m map[string]m
	var vs s
	var vm m
	var va any
	type box struct{ a any }
	for range maxDepth + 1 {
		vs, vm, va = s{vs}, m{"": vm}, box{va}
	}
	if _, err := cp(vs); !errors.Is(err, ErrTooDeep) {
		t.Fatal(err)
	}
	if _, err := cp(vm); !errors.Is(err, ErrTooDeep) {
		t.Fatal(err)
	}
	if _, err := cp(va); !errors.Is(err, ErrTooDeep) {
		t.Fatal(err)
	}
}

func TestSize(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("the figures are for 64 bits")
	}
	check := func(name string, got, want int) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
	size := func(p *Plan, v unsafe.Pointer) int { return p.Size(v) }
	i, s, pt := 1, "hello", point{1, 2, "four"}
	check("int", size(of[int](), unsafe.Pointer(&i)), 8)
	check("string", size(of[string](), unsafe.Pointer(&s)), 16+5)
	check("point", size(of[point](), unsafe.Pointer(&pt)), 32+4)
	arr := [2]point{pt, pt}
	check("array", size(of[[2]point](), unsafe.Pointer(&arr)), 64+8)
	nums := [2]int{}
	check("array of numbers", size(of[[2]int](), unsafe.Pointer(&nums)), 16)
	ints := make([]int, 100)
	check("[]int", size(of[[]int](), unsafe.Pointer(&ints)), 24+800)
	strs := []string{"a", "bb"}
	check("[]string", size(of[[]string](), unsafe.Pointer(&strs)), 24+32+3)
	pp := &pt
	check("*point", size(of[*point](), unsafe.Pointer(&pp)), 8+32+4)
	pp = nil
	check("nil pointer", size(of[*point](), unsafe.Pointer(&pp)), 8)
	m := map[string]int{"a": 1, "bb": 2}
	check("map", size(of[map[string]int](), unsafe.Pointer(&m)), 8+mapOverhead+2*25+3)
	mi := map[int]int{1: 1}
	check("map of numbers", size(of[map[int]int](), unsafe.Pointer(&mi)), 8+mapOverhead+17)
	mr := map[point][]string{pt: strs}
	check("map by reflect", size(of[map[point][]string](), unsafe.Pointer(&mr)), 8+mapOverhead+(32+24+1)+4+32+3)
	mi = nil
	check("nil map", size(of[map[int]int](), unsafe.Pointer(&mi)), 8)
	ms := map[string][]int{"a": {1, 2}}
	check("map of slices", size(of[map[string][]int](), unsafe.Pointer(&ms)), 8+mapOverhead+41+1+16)
	var a any
	check("nil", size(of[any](), unsafe.Pointer(&a)), 16)
	a = ints
	check("slice in any", size(of[any](), unsafe.Pointer(&a)), 16+24+800)
	a = &pt
	check("pointer in any", size(of[any](), unsafe.Pointer(&a)), 16+32+4)
	a = &i
	check("flat pointer in any", size(of[any](), unsafe.Pointer(&a)), 16+8)
	a = fp
	check("immutable pointer in any", size(of[any](), unsafe.Pointer(&a)), 16)
	a = make(chan int)
	check("refused", size(of[any](), unsafe.Pointer(&a)), 16)
	var st fmt.Stringer = &big.Float{}
	if n := size(of[fmt.Stringer](), unsafe.Pointer(&st)); n < 32 {
		t.Error("an interface with methods", n)
	}
	g := &graph{name: "g"}
	g.edges = []*graph{g, g}
	one := int(unsafe.Sizeof(*g)) + 1 + 16
	check("a cycle counts once", size(of[*graph](), unsafe.Pointer(&g)), 8+one)
	o := sample()
	if n := size(of[order](), unsafe.Pointer(&o)); n < 300 || n > 2000 {
		t.Error("order", n)
	}
	f := frozen{ints}
	check("immutable", size(of[frozen](), unsafe.Pointer(&f)), 24)
	cl := clonerPtr{ints}
	check("by Clone", size(of[clonerPtr](), unsafe.Pointer(&cl)), 24)
}

var fp = &frozenPtr{}

func TestMaps(t *testing.T) {
	type id string
	type num int64
	type empty struct{}
	check := func(v any) {
		t.Helper()
		c, err := Any(v)
		if err != nil || !reflect.DeepEqual(c, v) {
			t.Errorf("%T: %v %v", v, c, err)
		}
		if reflect.ValueOf(c).Pointer() == reflect.ValueOf(v).Pointer() {
			t.Errorf("%T: shared", v)
		}
	}
	check(map[id]id{"a": "b"})
	check(map[id]bool{"a": true})
	check(map[id]num{"a": 1})
	check(map[id]float64{"a": 1})
	check(map[id]*int{"a": new(int)})
	check(map[id]map[num]string{"a": {1: "x"}})
	check(map[id]error{"a": io.EOF})
	check(map[id]fmt.Stringer{"a": big.NewInt(7)})
	check(map[id][]id{"a": {"b"}})
	check(map[id]empty{"a": {}})
	check(map[num]empty{5: {}})
	check(map[num]point{5: {1, 2, "x"}})
	check(map[int32]int32{5: 6})
	check(map[float64]string{5: "x"})
	check(map[id]int32{"a": 6})
	check(map[id]struct{ a, b int }{"a": {6, 7}})
	check(map[any]any{"a": 6, 7: []int{1}})
	check(map[[2]string]int{{"a", "b"}: 1})
	big := map[num]any{}
	for i := range num(5000) {
		big[i*i] = []int{int(i)}
	}
	check(big)
	// The copy is a whole map: it grows, shrinks and finds its keys through its own type.
	c := must(map[id]num{"a": 1, "b": 2})
	for i := range num(100) {
		c[id(fmt.Sprint(i))] = i
	}
	delete(c, "a")
	if len(c) != 101 || c["b"] != 2 || c["77"] != 77 {
		t.Error(c)
	}
	// A copied pointer key is a new key.
	k := must(map[*int]int{new(int): 5})
	for p, v := range k {
		if k[p] != 5 || v != 5 {
			t.Error("pointer key")
		}
	}
}

func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget")
	}
	check := func(name string, p *Plan, dst, src unsafe.Pointer, want float64) {
		t.Helper()
		if got := testing.AllocsPerRun(100, func() {
			if err := p.Copy(dst, src); err != nil {
				panic(err)
			}
		}); got != want {
			t.Errorf("%s: %v allocations, want %v", name, got, want)
		}
	}
	ints, ints2 := make([]int, 100), []int(nil)
	check("[]int", of[[]int](), unsafe.Pointer(&ints2), unsafe.Pointer(&ints), 1)
	bs, bs2 := make([]byte, 100), []byte(nil)
	check("[]byte", of[[]byte](), unsafe.Pointer(&bs2), unsafe.Pointer(&bs), 1)
	ss, ss2 := make([]string, 100), []string(nil)
	check("[]string", of[[]string](), unsafe.Pointer(&ss2), unsafe.Pointer(&ss), 1)
	ps, ps2 := make([]point, 100), []point(nil)
	check("[]point", of[[]point](), unsafe.Pointer(&ps2), unsafe.Pointer(&ps), 1)
	ls, ls2 := []line{{tags: []string{"a"}}, {tags: []string{"b"}}}, []line(nil)
	check("[]line", of[[]line](), unsafe.Pointer(&ls2), unsafe.Pointer(&ls), 3)
	pt, pt2 := &point{}, (*point)(nil)
	check("*point", of[*point](), unsafe.Pointer(&pt2), unsafe.Pointer(&pt), 1)
	l, l2 := &list{1, &list{2, nil}}, (*list)(nil)
	check("list of two", of[*list](), unsafe.Pointer(&l2), unsafe.Pointer(&l), 2)
	flat, flat2 := point{1, 2, "x"}, point{}
	check("flat", of[point](), unsafe.Pointer(&flat2), unsafe.Pointer(&flat), 0)
	var a, a2 any = []any{1, "x", &point{}}, nil
	check("[]any in any", of[any](), unsafe.Pointer(&a2), unsafe.Pointer(&a), 3) // box, slice, point
	if got := testing.AllocsPerRun(100, func() { _, _ = Of(reflect.TypeFor[order]()) }); got != 0 {
		t.Errorf("Of: %v allocations", got)
	}
	if got := testing.AllocsPerRun(100, func() { of[[]string]().Size(unsafe.Pointer(&ss)) }); got != 0 {
		t.Errorf("Size: %v allocations", got)
	}
	for v, want := range map[any]float64{flat: 0, "s": 0, io.EOF: 0} {
		if got := testing.AllocsPerRun(100, func() { _, _ = Any(v) }); got != want {
			t.Errorf("Any(%T): %v allocations", v, got)
		}
	}
}

// Many goroutines compile the same types and copy the same values.
func TestConcurrent(t *testing.T) {
	type fresh struct { // known to nobody else
		o  order
		g  *graph
		a  any
		ch []fresh2
	}
	src := fresh{o: sample(), g: &graph{name: "x"}, a: &list{1, nil}}
	src.g.edges = []*graph{src.g}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				c := must(src)
				c.o.lines[0].tags[0] = "mine"
				c.g.name = "mine"
				c.a.(*list).v++
				if c.g.edges[0] != c.g {
					panic("shape")
				}
				of[fresh]().Size(unsafe.Pointer(&c))
			}
		})
	}
	wg.Wait()
	if src.o.lines[0].tags[0] != "hot" || src.g.name != "x" {
		t.Error("the original changed")
	}
}

type fresh2 struct{ m map[int]fresh3 }
type fresh3 struct{ p *fresh2 }
