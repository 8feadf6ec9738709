// SPDX-License-Identifier: Apache-2.0

package iolib

import (
	"errors"
	"strings"
	"testing"

	"github.com/banyan-go/banyan/etf"
)

func TestLimit(t *testing.T) {
	deep := any(etf.List{})
	for range 20_000 {
		deep = etf.List{deep, 1}
	}
	wide := make(etf.List, 100_000)
	for i := range wide {
		wide[i] = 1 << 30
	}
	for _, c := range []struct {
		format string
		args   etf.List
	}{
		{"~1000000000c", etf.List{65}}, {"~1000000000s", etf.List{[]byte("x")}}, {"~1000000000.999999999s", etf.List{[]byte("x")}}, {"~1000000000n", nil},
		{"~1000000000b", etf.List{1}}, {"~.1000000000f", etf.List{1.0}}, {"~-1000000000w", etf.List{1}}, {"~p", etf.List{deep}}, {"~p", etf.List{wide}}, {"~w", etf.List{wide}},
		{"~W", etf.List{wide, 200_000}}, {"~p", etf.List{make([]byte, 100_000)}}, {"~s", etf.List{make([]byte, 100_001)}}, {strings.Repeat("~1000c", 101), nil},
		{"~999999999.1p", etf.List{wide}},
	} {
		args := c.args
		if args == nil {
			for range strings.Count(c.format, "c") {
				args = append(args, 65)
			}
		}
		if s, err := Format(c.format, args, Options{Limit: 100_000}); !errors.Is(err, ErrTooLong) || s != "" {
			t.Errorf("%.40s: %d bytes, %v", c.format, len(s), err)
		}
	}
	if s, err := Format("~1000c", etf.List{65}, Options{Limit: 1000}); err != nil || len(s) != 1000 {
		t.Error(len(s), err)
	}
	if _, err := Format("~10000000000c", etf.List{65}, Options{}); !errors.Is(err, ErrFormat) {
		t.Error(err)
	}
}

func TestErrorsName(t *testing.T) {
	for _, c := range []struct {
		format string
		args   etf.List
		want   string
	}{
		{"~p", nil, "too few arguments"}, {"x", etf.List{1}, "1 arguments too many"}, {"~f", etf.List{1}, "~f wants a float, not 1"}, {"~q", etf.List{1}, "there is no directive ~q"},
		{"~s", etf.List{etf.Tuple{}}, "{} is no text"}, {"~10", nil, "ends within a directive"},
	} {
		if _, err := Format(c.format, c.args, Options{}); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.format, err)
		}
	}
}

// Modifiers of later versions are read.
func TestLaterModifiers(t *testing.T) {
	m := etf.Map{{Key: etf.Atom("b"), Value: 1}, {Key: etf.Atom("a"), Value: 2}}
	if s, err := Format("~kp ~tkw ~Kp", etf.List{m, m, etf.Atom("reversed"), m}, Options{}); s != "#{a => 2,b => 1} #{a => 2,b => 1} #{a => 2,b => 1}" || err != nil {
		t.Error(s, err)
	}
}

// No format and no arguments make it panic.
func FuzzFormat(f *testing.F) {
	for _, s := range []string{"~p~n", "~-10.3.*ts", "~P", "~*.*.*c", "~10.16.0x", "~K", "~.2g~e~f"} {
		f.Add(s, []byte{131, 108, 0, 0, 0, 1, 97, 1, 106})
	}
	f.Fuzz(func(t *testing.T, format string, data []byte) {
		v, _, err := etf.DecodeTerm(data, etf.Limits{})
		if err != nil {
			return
		}
		l, _ := v.(etf.List)
		if s, err := Format(format, append(l, v, 3, v), Options{Limit: 10_000}); len(s) > 10_000 || err != nil && s != "" {
			t.Error(len(s), err)
		}
	})
}
