// SPDX-License-Identifier: Apache-2.0

package tenure

import (
	"context"
	"fmt"
	"time"

	"github.com/banyan-go/banyan/db/internal/lease"
)

// watch is the goroutine that reads the book.
func (k *Keeper) watch() {
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	for {
		k.look()
		select {
		case <-k.ctx.Done():
			return
		case <-t.C:
		}
	}
}

func (k *Keeper) look() {
	known := uint64(0)
	before := k.page.Load()
	if before != nil {
		known = before.At
	}
	page, err := k.cfg.Book.Read(k.ctx, known)
	if err != nil {
		return // no replica is here yet, or the store is dead, which ends everything else too
	}
	leading, voters := k.cfg.Book.Led()
	k.do(func(now lease.Time) {
		k.core.Lead(leading)
		if leading && voters != nil {
			k.core.Want(voters)
		}
		if page != nil {
			k.core.Learn(now, page.view())
		}
	})
	if page != nil {
		k.page.Store(page)
		k.buried(page)
		if list := page.since(before); len(list) > 0 && k.cfg.Tell != nil {
			k.cfg.Tell(list)
		}
	}
	k.prove()
}

// buried looks whether this node's own life is over, and gives it up then: live begins another one.
func (k *Keeper) buried(page *Page) {
	mine := k.life.Load()
	if mine == nil || !page.Over(*mine) {
		return
	}
	k.cfg.Log.Error("db: the database has declared this node down: what it held by lease is void", "incarnation", mine.Inc, "why", page.Rows[mine.Node].Why)
	k.life.Store(nil)
	k.do(func(now lease.Time) { k.core.Hold(now, lease.Life{}) })
}

// prove looks whether processes of this machine have ended.
func (k *Keeper) prove() {
	page := k.page.Load()
	if page == nil || k.proof.row.Machine == "" {
		return
	}
	for n, r := range page.Rows {
		if n == k.cfg.Node || r.State != Up || r.Lock.Machine != k.proof.row.Machine || !r.Lock.dead() {
			continue
		}
		k.cfg.Book.Ended(n)
		k.writes.begin(fmt.Sprint("proof ", n, " ", r.Inc), func(ctx context.Context) error {
			return k.cfg.Book.End(ctx, lease.Life{Node: n, Inc: r.Inc}, Down, "its process has ended")
		})
	}
}

// propose carries a proposal to the book. If that fails the core makes it again.
func (k *Keeper) propose(p lease.Proposal) {
	k.writes.begin(fmt.Sprintf("%+v", p), func(ctx context.Context) error { return k.cfg.Book.CarryOut(ctx, p) })
}

// live is the goroutine that has this node admitted, again when its life was declared over.
func (k *Keeper) live() {
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	for said := ""; ; {
		if k.life.Load() == nil && !k.page.Load().gone(k.cfg.Node) {
			life, err := k.cfg.Book.Admit(k.ctx, k.cfg.Node, k.cfg.Name, k.proof.row)
			switch {
			case err == nil:
				said = ""
				k.life.Store(&life)
				k.do(func(now lease.Time) { k.core.Hold(now, life) })
			case k.ctx.Err() == nil && err.Error() != said:
				said = err.Error()
				k.cfg.Log.Warn("db: this node has no lease yet; it goes on trying", "error", err)
			}
		}
		select {
		case <-k.ctx.Done():
			return
		case <-t.C:
		}
	}
}
