// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"reflect"
	"unsafe"
)

type signed interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64
}

type unsigned interface {
	~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// intPlan fills the plan of an integer kind.
func intPlan(p *plan) {
	switch p.typ.Kind() {
	case reflect.Int:
		signedPlan[int](p)
	case reflect.Int8:
		signedPlan[int8](p)
	case reflect.Int16:
		signedPlan[int16](p)
	case reflect.Int32:
		signedPlan[int32](p)
	case reflect.Int64:
		signedPlan[int64](p)
	case reflect.Uint:
		unsignedPlan[uint](p)
	case reflect.Uint8:
		unsignedPlan[uint8](p)
	case reflect.Uint16:
		unsignedPlan[uint16](p)
	case reflect.Uint32:
		unsignedPlan[uint32](p)
	case reflect.Uint64:
		unsignedPlan[uint64](p)
	}
}

func signedPlan[T signed](p *plan) {
	kind := p.typ.Kind()
	p.enc = func(e *Encoder, p unsafe.Pointer) error {
		e.Int(int64(*(*T)(p)))
		return nil
	}
	p.dec = func(d *Decoder, p unsafe.Pointer) error {
		start := d.pos
		i, err := d.Int()
		if err != nil {
			return err
		}
		if int64(T(i)) != i {
			return d.fail(start, "%d is out of range for %s", i, kind)
		}
		*(*T)(p) = T(i)
		return nil
	}
	p.smallInt = func(p unsafe.Pointer) (byte, bool) {
		i := *(*T)(p)
		return byte(i), i >= 0 && uint64(i) <= 255
	}
}

func unsignedPlan[T unsigned](p *plan) {
	kind := p.typ.Kind()
	p.enc = func(e *Encoder, p unsafe.Pointer) error {
		e.Uint(uint64(*(*T)(p)))
		return nil
	}
	p.dec = func(d *Decoder, p unsafe.Pointer) error {
		start := d.pos
		if d.Peek() == KindInt {
			if i, err := d.Int(); err == nil && i < 0 {
				return d.fail(start, "%d is out of range for %s", i, kind)
			}
			d.pos = start
		}
		u, err := d.Uint()
		if err != nil {
			return err
		}
		if uint64(T(u)) != u {
			return d.fail(start, "%d is out of range for %s", u, kind)
		}
		*(*T)(p) = T(u)
		return nil
	}
	p.smallInt = func(p unsafe.Pointer) (byte, bool) {
		u := *(*T)(p)
		return byte(u), uint64(u) <= 255
	}
}
