// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"math"
	"reflect"
	"time"
	"unsafe"
)

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
)

// unixUnit is a way to count the time since 1970.
type unixUnit struct {
	of   func(time.Time) int64
	time func(int64) time.Time
	max  int64 // the largest magnitude of which time is right
}

var unixUnits = map[string]unixUnit{
	"unix":    {time.Time.Unix, func(n int64) time.Time { return time.Unix(n, 0) }, 1 << 40},
	"unix_ms": {time.Time.UnixMilli, time.UnixMilli, math.MaxInt64},
	"unix_us": {time.Time.UnixMicro, time.UnixMicro, math.MaxInt64},
	"unix_ns": {time.Time.UnixNano, func(n int64) time.Time { return time.Unix(0, n) }, math.MaxInt64},
}

// The times that fit an int64 of nanoseconds.
var (
	minNano = time.Unix(0, math.MinInt64)
	maxNano = time.Unix(0, math.MaxInt64)
)

// timePlan is the plan of time.Time. It is read in any form; an integer says nothing without its unit, so that one is
// only read where an option names it.
func timePlan(p *plan, as string) bool {
	unit, isUnix := unixUnits[as]
	write := encDateTime
	switch {
	case isUnix:
		write = func(e *Encoder, t time.Time) error {
			if as == "unix_ns" && (t.Before(minNano) || t.After(maxNano)) {
				return encodeErr("the year %d is out of range: nanoseconds since 1970 must fit 64 bits", t.Year())
			}
			e.Int(unit.of(t))
			return nil
		}
	case as == "datetime":
		write = encCalendar
	case as != "":
		return false
	}
	p.enc = func(e *Encoder, p unsafe.Pointer) error {
		t := *(*time.Time)(p)
		if t.IsZero() {
			return e.atom("nil")
		}
		if t = t.UTC(); !validYear(t) {
			return encodeErr("the year %d is out of range: want 0 to 9999", t.Year())
		}
		return write(e, t)
	}
	p.dec = func(d *Decoder, p unsafe.Pointer) error {
		start, to := d.pos, (*time.Time)(p)
		if d.skipNil() {
			*to = time.Time{}
			return nil
		}
		switch kind := d.Peek(); {
		case kind == KindMap:
			return d.dateTime(to)
		case kind == KindTuple:
			return d.calendar(to)
		case kind == KindInt && isUnix:
			n, err := d.Int()
			if err != nil {
				return err
			}
			t := unit.time(n).UTC()
			if n > unit.max || n < -unit.max || !validYear(t) {
				return d.fail(start, "the time %d is out of range", n)
			}
			*to = t
			return nil
		case kind == KindInt:
			return d.fail(start, "want a DateTime or {{Year,Month,Day},{Hour,Minute,Second}}, got %s: the tag must name its unit, as `etf:\",unix_ms\"`", d.describe())
		}
		return d.want("a DateTime, {{Year,Month,Day},{Hour,Minute,Second}} or nil")
	}
	return true
}

// validYear is true for what Elixir's and Erlang's calendars take.
func validYear(t time.Time) bool { return t.Year() >= 0 && t.Year() <= 9999 }

var durationUnits = map[string]time.Duration{"s": time.Second, "ms": time.Millisecond, "us": time.Microsecond}

// durationPlan is the plan of a time.Duration counted in an option's unit. What is less than a unit is cut off.
func durationPlan(p *plan, as string) bool {
	unit, ok := durationUnits[as]
	if !ok {
		return false
	}
	p.enc = func(e *Encoder, p unsafe.Pointer) error {
		e.Int(int64(*(*time.Duration)(p) / unit))
		return nil
	}
	p.dec = func(d *Decoder, p unsafe.Pointer) error {
		start := d.pos
		n, err := d.Int()
		if err != nil {
			return err
		}
		if n > int64(math.MaxInt64/unit) || n < int64(math.MinInt64/unit) {
			return d.fail(start, "%d%s is out of range for a time.Duration", n, as)
		}
		*(*time.Duration)(p) = time.Duration(n) * unit
		return nil
	}
	return true
}
