// SPDX-License-Identifier: Apache-2.0

package etf_test

import (
	"fmt"
	"reflect"

	"github.com/banyan-go/banyan/etf"
	"github.com/banyan-go/banyan/internal/typereg"
)

func ExampleMarshal() {
	data, err := etf.Marshal(etf.Tuple{etf.Atom("ok"), 42, "bin"})
	fmt.Printf("%v %v\n", data, err)
	// Output: [131 104 3 119 2 111 107 97 42 109 0 0 0 3 98 105 110] <nil>
}

func ExampleUnmarshal() {
	data := []byte{131, 104, 2, 119, 2, 'o', 'k', 107, 0, 3, 1, 2, 3} // {ok, [1,2,3]}
	var v any
	err := etf.Unmarshal(data, &v)
	fmt.Println(v, err)
	// Output: [ok [1 2 3]] <nil>
}

// Take is {take, SKU, N} in Erlang. A program registers it with banyan.RegisterCall or banyan.RegisterType.
type Take struct {
	SKU string
	N   uint8
}

func ExampleDecoder_Into() {
	if err := typereg.Register(reflect.TypeFor[Take](), "take"); err != nil {
		fmt.Println(err)
	}
	var e etf.Encoder
	_ = e.Pointer(&Take{"apple", 3})

	var d etf.Decoder
	var t Take
	d.Reset(e.Bytes(), nil, etf.DefaultLimits())
	fmt.Println(d.Into(&t), t)

	_ = e.Term(etf.Tuple{etf.Atom("take"), "pear", 300})
	d.Reset(e.Bytes()[d.Pos():], nil, etf.DefaultLimits())
	fmt.Println(d.Into(&t))
	// Output:
	// <nil> {apple 3}
	// etf: etf_test.Take.N: 300 is out of range for uint8
}

func ExampleDecodeTerm() {
	data := []byte{131, 97, 7, 'r', 'e', 's', 't'}
	v, n, err := etf.DecodeTerm(data, etf.DefaultLimits())
	fmt.Println(v, string(data[n:]), err)
	// Output: 7 rest <nil>
}

func ExampleEncoder() {
	var table etf.AtomTable
	var e etf.Encoder
	e.Reset(nil, &table)
	e.Tuple(2)
	e.Atom("hello")
	e.List(1)
	e.Atom("hello")
	e.Nil()
	fmt.Println(e.Bytes(), table.Atoms(), e.Err())
	// Output: [104 2 82 0 108 0 0 0 1 82 0 106] [hello] <nil>
}

func ExampleAtomTable() {
	var table etf.AtomTable
	for _, a := range []etf.Atom{"ok", "error", "ok"} {
		i, _ := table.Index(a)
		fmt.Print(i, " ")
	}
	fmt.Println(table.Atoms())
	// Output: 0 1 0 [ok error]
}

func ExampleMap_Get() {
	m := etf.Map{{Key: etf.Tuple{1, 2}, Value: "found"}}
	fmt.Println(m.Get(etf.Tuple{1, 2}))
	// Output: found true
}

func ExampleCompare() {
	fmt.Println(etf.Compare(1, 1.0), etf.Compare(1, etf.Atom("a")), etf.Compare([]byte("b"), []byte("a")))
	fmt.Println(etf.Equal(1, 1.0))
	// Output:
	// 0 -1 1
	// false
}

func ExampleFromTerm() {
	var sizes map[etf.Atom]int
	err := etf.FromTerm(etf.Map{{Key: etf.Atom("apples"), Value: 3}}, &sizes, nil)
	fmt.Println(sizes, err)
	err = etf.FromTerm(etf.Map{{Key: etf.Atom("apples"), Value: etf.Atom("many")}}, &sizes, nil)
	fmt.Println(err)
	// Output:
	// map[apples:3] <nil>
	// etf: map[term.Atom]int[apples]: want integer, got atom many
}

func ExampleTermOf() {
	t, err := etf.TermOf(map[string][]int{"primes": {2, 3, 500}})
	fmt.Println(etf.Format(t), err)
	// Output: #{<<"primes">> => [2,3,500]} <nil>
}

func ExampleFormat() {
	t := etf.Tuple{etf.Atom("ok"), []byte("tea"), etf.List{104, 105}, etf.Atom("Hello world")}
	fmt.Println(etf.Format(t))
	fmt.Println(etf.Style(0).Format(t))
	// Output:
	// {ok,<<"tea">>,"hi",'Hello world'}
	// {ok,<<116,101,97>>,[104,105],'Hello world'}
}
