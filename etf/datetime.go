// SPDX-License-Identifier: Apache-2.0

package etf

import "time"

// Elixir's DateTime, NaiveDateTime and calendar.
const (
	dateTimeModule = "Elixir.DateTime"
	naiveModule    = "Elixir.NaiveDateTime"
	isoCalendar    = "Elixir.Calendar.ISO"
)

// encDateTime writes Elixir's %DateTime{} in UTC with all its fields. Elixir counts in microseconds: what is beyond them
// goes in a key of its own, which Elixir carries along, so that a time between Go nodes loses nothing.
func encDateTime(e *Encoder, t time.Time) error {
	us, ns := t.Nanosecond()/1000, t.Nanosecond()%1000
	n := 13
	if ns != 0 {
		n++
	}
	e.Map(n)
	pair := func(key Atom, i int) { e.Atom(key); e.Int(int64(i)) }
	e.Atom(structKey)
	e.Atom(dateTimeModule)
	e.Atom("calendar")
	e.Atom(isoCalendar)
	pair("day", t.Day())
	pair("hour", t.Hour())
	e.Atom("microsecond")
	e.Tuple(2)
	e.Int(int64(us))
	if us == 0 {
		e.Int(0)
	} else {
		e.Int(6)
	}
	pair("minute", t.Minute())
	pair("month", int(t.Month()))
	if ns != 0 {
		pair("nanosecond", ns)
	}
	pair("second", t.Second())
	pair("std_offset", 0)
	e.Atom("time_zone")
	e.String("Etc/UTC")
	pair("utc_offset", 0)
	pair("year", t.Year())
	e.Atom("zone_abbr")
	e.String("UTC")
	return nil
}

// civil is a date and time before it is known to be one.
type civil struct{ year, month, day, hour, minute, second, micro, nano, utcOffset, stdOffset int }

// time returns the moment, in UTC.
func (c *civil) time() (t time.Time, ok bool) {
	t = time.Date(c.year, time.Month(c.month), c.day, c.hour, c.minute, c.second, c.micro*1000+c.nano, time.UTC)
	in := func(i, low, high int) bool { return i >= low && i <= high }
	ok = in(c.year, 0, 9999) && in(c.month, 1, 12) && in(c.day, 1, 31) && t.Day() == c.day && in(c.hour, 0, 23) && in(c.minute, 0, 59) &&
		in(c.second, 0, 59) && in(c.micro, 0, 999999) && in(c.nano, 0, 999) && in(c.utcOffset, -86400, 86400) && in(c.stdOffset, -86400, 86400)
	if !ok {
		return t, false
	}
	t = t.Add(-time.Duration(c.utcOffset+c.stdOffset) * time.Second)
	return t, validYear(t)
}

// small reads an int that is small enough to calculate with.
func (d *Decoder) small(to *int) error {
	start := d.pos
	i, err := d.Int()
	if err == nil && (i > 1e6 || i < -1e6) {
		return d.fail(start, "%d is out of range", i)
	}
	*to = int(i)
	return err
}

// dateTime reads a map with the fields of Elixir's DateTime or, for one in UTC, NaiveDateTime.
func (d *Decoder) dateTime(to *time.Time) error {
	start := d.pos
	n, err := d.MapHeader()
	if err != nil {
		return err
	}
	if err := d.owe(start, 2*n); err != nil {
		return err
	}
	if err := d.enter(); err != nil {
		return err
	}
	var c civil
	for range n {
		d.owed -= 2
		if d.Peek() != KindAtom {
			if err := d.skipPair(); err != nil {
				return err
			}
			continue
		}
		key, _, err := d.atomText()
		if err != nil {
			return err
		}
		if err := d.dateTimeField(&c, key); err != nil {
			return at("["+key+"]", err)
		}
	}
	d.depth--
	t, ok := c.time()
	if !ok {
		d.pos = start
		return d.fail(start, "a map that is no valid DateTime")
	}
	*to = t
	return nil
}

func (d *Decoder) dateTimeField(c *civil, key string) error {
	switch key {
	case structKey:
		return d.oneOf("a DateTime", dateTimeModule, naiveModule)
	case "calendar":
		return d.oneOf("a date of the calendar Calendar.ISO", isoCalendar)
	case "year":
		return d.small(&c.year)
	case "month":
		return d.small(&c.month)
	case "day":
		return d.small(&c.day)
	case "hour":
		return d.small(&c.hour)
	case "minute":
		return d.small(&c.minute)
	case "second":
		return d.small(&c.second)
	case "nanosecond":
		return d.small(&c.nano)
	case "utc_offset":
		return d.small(&c.utcOffset)
	case "std_offset":
		return d.small(&c.stdOffset)
	case "microsecond":
		var precision int
		return d.ints("{Microsecond, Precision}", &c.micro, &precision)
	}
	return d.Skip()
}

// oneOf reads an atom that must be one of these.
func (d *Decoder) oneOf(what string, names ...string) error {
	start := d.pos
	if d.Peek() == KindAtom {
		name, _, err := d.atomText()
		if err != nil {
			return err
		}
		for _, n := range names {
			if name == n {
				return nil
			}
		}
	}
	d.pos = start
	return d.want(what)
}

// ints reads a tuple of small integers.
func (d *Decoder) ints(what string, to ...*int) error {
	start := d.pos
	n, err := d.TupleHeader()
	if err != nil || n != len(to) {
		d.pos = start
		return d.want(what)
	}
	for _, i := range to {
		if err := d.small(i); err != nil {
			return err
		}
	}
	return nil
}

// encCalendar writes Erlang's calendar:datetime(), whole seconds in UTC.
func encCalendar(e *Encoder, t time.Time) error {
	e.Tuple(2)
	e.Tuple(3)
	e.Int(int64(t.Year()))
	e.Int(int64(t.Month()))
	e.Int(int64(t.Day()))
	e.Tuple(3)
	e.Int(int64(t.Hour()))
	e.Int(int64(t.Minute()))
	e.Int(int64(t.Second()))
	return nil
}

// calendar reads what encCalendar writes.
func (d *Decoder) calendar(to *time.Time) error {
	const what = "{{Year,Month,Day},{Hour,Minute,Second}}"
	start := d.pos
	n, err := d.TupleHeader()
	if err != nil || n != 2 {
		d.pos = start
		return d.want(what)
	}
	var c civil
	if err := d.ints("{Year,Month,Day}", &c.year, &c.month, &c.day); err != nil {
		return err
	}
	if err := d.ints("{Hour,Minute,Second}", &c.hour, &c.minute, &c.second); err != nil {
		return err
	}
	t, ok := c.time()
	if !ok {
		return d.fail(start, "%04d-%02d-%02d %02d:%02d:%02d is no date and time", c.year, c.month, c.day, c.hour, c.minute, c.second)
	}
	*to = t
	return nil
}
