package world

import (
	"time"

	"github.com/drover-project/drover/lab/region/network"
	"github.com/drover-project/drover/lab/region/store"
)

// NATGatewayChanged arranges for what follows from the state that a NAT
// gateway has come to.
func (w *World) NATGatewayChanged(tx *store.Tx, g network.NATGateway) {
	if _, takes, changes := g.Next(); changes {
		tx.OnCommit(func() { w.armNAT(g, takes) })
	}
}

// armNAT is arm for NAT gateways.
func (w *World) armNAT(g network.NATGateway, wait time.Duration) {
	w.timers.after(wait, func() {
		if w.natMoved(g) {
			return
		}
		w.settle()
		if _, takes, changes := g.Next(); changes && !w.natMoved(g) {
			w.armNAT(g, max(w.remaining(g.StateSince, takes), shortestWait))
		}
	})
}

func (w *World) natMoved(then network.NATGateway) (moved bool) {
	w.Store.View(func() {
		now, exists := w.Network.NATGateways.Get(then.ID)
		moved = !exists || now.State != then.State || !now.StateSince.Equal(then.StateSince)
	})
	return moved
}

// settleNAT moves on every NAT gateway whose time has come.
func (w *World) settleNAT(tx *store.Tx, now time.Time) error {
	for _, g := range w.Network.NATGateways.All() {
		_, takes, changes := g.Next()
		if !changes || now.Sub(g.StateSince) < w.Clock.Scaled(takes) {
			continue
		}
		forgotten, err := w.Network.MoveNATGateway(tx, g)
		if err != nil {
			return err
		}
		if forgotten {
			err = w.SetTags(tx, g.ID, nil)
		} else {
			after, _ := w.Network.NATGateways.Get(g.ID)
			w.NATGatewayChanged(tx, after)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *World) resumeNAT() {
	for _, g := range w.Network.NATGateways.All() {
		if _, takes, changes := g.Next(); changes {
			w.armNAT(g, w.remaining(g.StateSince, takes))
		}
	}
}
