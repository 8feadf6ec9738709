// SPDX-License-Identifier: Apache-2.0

// Package typereg records which Go struct has which name on the wire.
//
// It stands apart from etf so that the root package can register types and etf can look them up while neither
// imports the other. Smallest use:
//
//	err := typereg.Register(reflect.TypeFor[Take](), "take") // the tuple {take, F1, F2...}
//	err = typereg.Register(reflect.TypeFor[Address](), "")   // a map with '__struct__' => 'shop.Address'
//
// [Parse] lists the names and the forms that they stand for. The package also passes on how errors travel, by [SetErrors],
// for the same reason.
//
// Concurrency: every function may be called from any goroutine at any time. Lookups take no lock: they read a table that
// a registration replaces as a whole. A registration costs a copy of the table, which is right for a few hundred types
// registered while a program starts and looked up for ever.
//
// Guarantees: a type keeps the name it was first given for the life of the process, so what a reader derived from a
// lookup (a compiled plan) stays valid. A '__struct__' name belongs to one type. A tuple name may belong to many, as
// the first element of a tuple only has a meaning together with whom it is sent to.
package typereg
