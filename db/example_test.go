// SPDX-License-Identifier: Apache-2.0

package db_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/banyan-go/banyan/db"
)

func Example() {
	ctx := context.Background()
	d, err := db.Open("") // in memory; a folder's name makes it last
	if err != nil {
		fmt.Println(err)
		return
	}
	defer d.Close()
	accounts, err := db.NewTable[string, int](ctx, d, "accounts")
	if err != nil {
		fmt.Println(err)
		return
	}
	err = d.Update(ctx, func(tx *db.Tx) error {
		return errors.Join(accounts.Create(tx, "alice", 10), accounts.Create(tx, "bob", 0))
	})
	fmt.Println(err)

	errPoor := errors.New("not enough money")
	transfer := func(from, to string, n int) error {
		return d.Update(ctx, func(tx *db.Tx) error {
			a, err := accounts.Get(tx, from)
			if err != nil {
				return err
			}
			if a < n {
				return errPoor
			}
			b, err := accounts.Get(tx, to)
			return errors.Join(err, accounts.Put(tx, from, a-n), accounts.Put(tx, to, b+n))
		})
	}
	fmt.Println(transfer("alice", "bob", 7), transfer("alice", "bob", 7))

	err = d.View(ctx, func(tx *db.Tx) error {
		for row, err := range accounts.All(tx, db.Range[string]{}) {
			if err != nil {
				return err
			}
			fmt.Println(row.Key, row.Value)
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// <nil>
	// <nil> not enough money
	// alice 3
	// bob 7
	// <nil>
}
