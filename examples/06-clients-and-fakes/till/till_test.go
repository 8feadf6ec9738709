// SPDX-License-Identifier: Apache-2.0

package till_test

import (
	"errors"
	"testing"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
	"github.com/banyan-go/banyan/examples/06-clients-and-fakes/stock"
	"github.com/banyan-go/banyan/examples/06-clients-and-fakes/till"
)

// fake is a stock that answers as it is told, behind the same messages.
type fake struct {
	left int
	err  error
}

func (f *fake) Take(string, int) (int, error) { return f.left, f.err }

func TestSell(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name string
		fake fake
		want string
		err  error
	}{
		{"enough", fake{left: 7}, "one tea", nil},
		{"the last", fake{left: 0}, "one tea, the last", nil},
		{"none", fake{err: stock.ErrOut}, "sorry, no tea", nil},
		{"broken", fake{err: broken}, "", broken},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := banyantest.Node(t)
			ref, err := banyan.SpawnState[stock.API](n, &c.fake)
			if err != nil {
				t.Fatal(err)
			}
			got, err := till.Sell(n.Context(t.Context()), ref, "tea")
			if got != c.want || !errors.Is(err, c.err) {
				t.Fatalf("got %q, %v; want %q, %v", got, err, c.want, c.err)
			}
		})
	}
}
