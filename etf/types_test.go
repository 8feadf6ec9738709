// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"errors"
	"fmt"
	"math/big"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/banyan-go/banyan/internal/typereg"
)

// The types of the tests. All are registered by TestMain.
type (
	flat struct {
		ID   int
		Name string
		Data []byte
	}
	take   struct{ SKU, N any }
	refill struct{}
	line   struct {
		SKU string
		Qty int8
	}
	order struct {
		OrderID  uint64
		Lines    []line
		Note     *string
		Tags     map[string]Atom
		Grid     [2][]float32
		Sum      [4]byte
		Extra    any
		Local    chan int `etf:"-"`
		Renamed  bool     `etf:"other name"`
		Deadline time.Time
		Wait     time.Duration
		Big      *big.Int
		Who      PID
		Items    List
		Named    level
	}
	level string
	tree  struct {
		Value int
		Kids  []tree
		Next  *tree
		ByKey map[int]tree
	}
	small struct {
		A int
		B string
	}
	empty struct{}
	ints  struct {
		I8  int8
		I16 int16
		I32 int32
		I64 int64
		U8  uint8
		U16 uint16
		U32 uint32
		U64 uint64
		U   uint
		F32 float32
		F64 float64
		B   bool
	}
	anyKeys struct{ M map[any]int }
	// halfHook -> failing -> linked -> failing: linked must not outlive failing.
	failing struct {
		L *linked
		C chan int
	}
	linked   struct{ F *failing }
	hidden   struct{ a int }
	channels struct{ Deep []map[string]chan int }
	stranger struct{ X int }
	knows    struct{ S []stranger }
	clash    struct {
		URL string
		Url string
	}
	late struct{ N int }
	asks struct{ L *late }
)

// celsius travels as {celsius, Tenths}.
type celsius struct{ tenths int }

func (c celsius) MarshalTerm() (any, error) {
	if c.tenths < -2731 {
		return nil, errCold
	}
	return Tuple{Atom("celsius"), c.tenths}, nil
}

func (c *celsius) UnmarshalTerm(t, env any) error {
	if f, ok := env.(func(any) error); ok {
		return f(t)
	}
	tup, ok := t.(Tuple)
	if !ok || len(tup) != 2 {
		return fmt.Errorf("%v is no temperature", t)
	}
	if c.tenths, _ = tup[1].(int); c.tenths < -2731 {
		return errCold
	}
	return nil
}

var errCold = errors.New("colder than possible")

// oneWay can be sent and not received.
type oneWay struct{ private int }

func (o oneWay) MarshalTerm() (any, error) { return Atom("one_way"), nil }

// halfHook can be sent; what it holds could not be received.
type halfHook struct{ F failing }

func (h halfHook) MarshalTerm() (any, error) { return 1, nil }

// ouroboros marshals to itself.
type ouroboros struct{}

func (o ouroboros) MarshalTerm() (any, error) { return o, nil }

func (o *ouroboros) UnmarshalTerm(t, env any) error { return nil }

func register[T any](name string) {
	if err := typereg.Register(reflect.TypeFor[T](), name); err != nil {
		panic(err)
	}
}

func TestMain(m *testing.M) {
	register[flat]("flat")
	register[take]("take")
	register[refill]("refill")
	register[line]("")
	register[order]("")
	register[tree]("tree")
	register[small]("")
	register[empty]("")
	register[ints]("ints")
	register[anyKeys]("any_keys")
	register[failing]("failing")
	register[linked]("linked")
	register[halfHook]("half")
	register[hidden]("hidden")
	register[channels]("channels")
	register[knows]("knows")
	register[clash]("")
	register[asks]("asks")
	os.Exit(m.Run())
}
