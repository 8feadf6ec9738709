// SPDX-License-Identifier: Apache-2.0

package erlterm

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/banyan-go/banyan/etf"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]any{
		`ok.`:                          etf.Atom("ok"),
		` 'a b\'c' . `:                 etf.Atom("a b'c"),
		`node@host_1.`:                 etf.Atom("node@host_1"),
		`[].`:                          etf.List{},
		`{}.`:                          etf.Tuple{},
		`-17.`:                         int64(-17),
		`1_000.`:                       int64(1000),
		`"".`:                          "",
		`"a" "b".`:                     "ab",
		`"\x41\x{263A}\101\n\s\^A\q".`: "A\u263aA\n \x01q",
		`<<>>.`:                        []byte{},
		`<<"abc">>.`:                   []byte("abc"),
		"<<\"\u00e9\">>.":              []byte{0xE9},
		"<<\"\u00e9\"/utf8>>.":         []byte("\u00e9"),
		"% a comment\n[{server, % another\n  [{certfile, \"/etc/n.pem\"}, {verify,verify_peer}]},\n {client,[]}].\n%end": etf.List{
			etf.Tuple{etf.Atom("server"), etf.List{etf.Tuple{etf.Atom("certfile"), "/etc/n.pem"}, etf.Tuple{etf.Atom("verify"), etf.Atom("verify_peer")}}},
			etf.Tuple{etf.Atom("client"), etf.List{}}},
	} {
		if got, err := Parse([]byte(text)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s\n got %#v %v\nwant %#v", text, got, err, want)
		}
	}
}

// What is not read is refused with the line it stands in.
func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "missing at the end",
		"ok":                                  `"." is missing`,
		"[\n1,\n2":                            "line 3",
		"[1 2].":                              `"," is missing before "2]."`,
		"a. b.":                               "behind the full stop",
		"1.5.":                                "floats",
		"16#ff.":                              "floats",
		"123456789012345678901.":              "64 bits",
		"-.":                                  "no integer",
		"#{}.":                                "cannot begin",
		"Var.":                                "cannot begin",
		`"abc.`:                               "not closed",
		`"\x{110000}".`:                       "escape",
		`"\xZZ".`:                             "escape",
		`"\`:                                  "escape",
		"<<1,2>>.":                            "binaries",
		"<<\"\u263a\">>.":                     "does not fit a byte",
		"[a|b].":                              `"," is missing`,
		"\xff.":                               "UTF-8",
		strings.Repeat("[", 100):              "deeper",
		strings.Repeat("{", 100_000):          "more than 65536",
		"'" + strings.Repeat("x", 256) + "'.": "255",
	} {
		if _, err := Parse([]byte(text)); !errors.Is(err, ErrSyntax) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`[{server,[{certfile,"a\x{41}"},{n,-1_0}]},{client,['q r',<<"x"/utf8>>]}]. % c`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, err := Parse(b); (v == nil) != (err != nil) {
			t.Fatal(v, err)
		}
	})
}
