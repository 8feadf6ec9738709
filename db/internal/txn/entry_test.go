// SPDX-License-Identifier: Apache-2.0

package txn

import (
	"bytes"
	"reflect"
	"testing"
)

var sample = Entry{
	Kind: KindPrepare, Session: Session{1, 2, 15: 9}, Seq: 300, Low: 7, At: 1 << 40, Record: 3, Start: 1 << 60, Commit: true,
	Reads:  []Read{{[]byte("\x10\x00\x01\x00\x00\x00\x02rkey"), 5}, {[]byte("\x10\x00\x01\x00\x00\x00\x02r"), 0}},
	Scans:  []Scan{{From: []byte("\x10\x00\x01\x00\x00\x00\x02ra"), To: []byte("\x10\x00\x01\x00\x00\x00\x02rb"), Rows: 8}},
	Writes: []Write{{Key: []byte("\x10\x00\x01\x00\x00\x00\x02rk"), Value: []byte("v")}, {Key: []byte("\x10\x00\x01\x00\x00\x00\x02rd"), Delete: true}, {Key: []byte("\x10\x00\x01\x00\x00\x00\x02r"), Clear: true, More: 3}, {Key: []byte("\x10\x00\x01\x00\x00\x00\x02rn"), Add: true, By: -5}},
}

func TestEntryComesBack(t *testing.T) {
	for _, e := range []Entry{sample, {Kind: KindClose, Seq: 1}, {Kind: KindExpire}} {
		if back, err := Decode(e.Append(nil)); err != nil || !reflect.DeepEqual(*back, e) {
			t.Errorf("%+v came back as %+v, %v", e, back, err)
		}
	}
}

// TestEntryCutOff: a part of an entry is none, nor is one with something behind it.
func TestEntryCutOff(t *testing.T) {
	whole := sample.Append(nil)
	for n := range len(whole) {
		if e, err := Decode(whole[:n]); err == nil {
			t.Errorf("the first %d of %d bytes are %+v", n, len(whole), e)
		}
	}
	if e, err := Decode(append(whole, 0)); err == nil {
		t.Errorf("with a byte more it is %+v", e)
	}
}

// FuzzDecode: bytes from a log are refused, or are an entry that is written as one that is the same.
func FuzzDecode(f *testing.F) {
	f.Add(sample.Append(nil))
	f.Add((&Entry{Kind: KindClose, Seq: 1}).Append(nil))
	f.Add([]byte{format, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := Decode(b)
		if err != nil {
			return
		}
		again := e.Append(nil)
		back, err := Decode(again)
		if err != nil || !bytes.Equal(back.Append(nil), again) {
			t.Errorf("%x is %+v, and then %+v, %v", b, e, back, err)
		}
	})
}

// FuzzRow: a stored row is refused or comes back.
func FuzzRow(f *testing.F) {
	f.Add(row(7, []byte("value")))
	f.Add([]byte{format})
	f.Fuzz(func(t *testing.T, b []byte) {
		if version, value, err := CutRow(b); err == nil && !bytes.Equal(row(version, value), b) {
			t.Errorf("%x is version %d of %x", b, version, value)
		}
	})
}

// FuzzHolders: what another node says of who holds locks is read, or not, and never more than that.
func FuzzHolders(f *testing.F) {
	f.Add(AppendHolders(nil, []Holder{{Session{1}, 2, 3, 4}, {Session{5}, 6, 7, 8}}))
	f.Add([]byte{0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		list := DecodeHolders(b)
		if back := DecodeHolders(AppendHolders(nil, list)); !reflect.DeepEqual(back, list) {
			t.Errorf("%+v came back as %+v", list, back)
		}
	})
}
