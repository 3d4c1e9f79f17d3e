package exchange

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Machine turns records into rows. What it finds is a function of the records it was given and of the ends
// of epochs between them.
type Machine interface {
	// Take takes the records of an epoch, in their order, and then the time at which it ends.
	Take(records []Record, end time.Time)
	// Speak says that from here on what is found is to be stored; before, it is stored already.
	Speak()
	// Store stores what was found since the last time, once for each token. It tries until ctx ends.
	Store(ctx context.Context, token string) error
}

// Leader matches the shared log when it is the turn of this process: of the living members the one with the
// least name leads. It is not safe for concurrent use.
type Leader struct {
	store  Store
	member string
	window Epoch // epochs that a machine has to remember
	begin  func() Machine

	machine Machine // nil: does not lead
	at      Epoch   // last epoch that the machine has taken
	noted   Epoch   // last epoch noted as stored
	behind  time.Duration
	looked  bool // behind is known
}

// NewLeader returns the Leader for a member. Machines that begin makes have to be given what came in the
// window before they speak.
func NewLeader(s Store, member string, window time.Duration, begin func() Machine) *Leader {
	return &Leader{store: s, member: member, window: Epoch(window / Length), begin: begin}
}

// Leads reports whether this process leads, as far as it knows.
func (l *Leader) Leads() bool { return l.machine != nil }

// At is the end of the last epoch that was matched; zero if this process does not lead.
func (l *Leader) At() time.Time {
	if l.machine == nil {
		return time.Time{}
	}
	return l.at.End()
}

// Behind is by how much what is stored was behind the store's clock at the last Step, whoever leads; false if that is not
// known, or nothing was ever stored.
func (l *Leader) Behind() (time.Duration, bool) { return l.behind, l.looked }

// Step matches the epochs that can be closed now. After an error the next Step begins anew from what is
// stored.
func (l *Leader) Step(ctx context.Context) error {
	err := l.step(ctx)
	if err != nil {
		l.machine = nil
	}
	return err
}

func (l *Leader) step(ctx context.Context) error {
	s, err := l.store.State(ctx)
	if err != nil {
		return fmt.Errorf("look at the exchange: %w", err)
	}
	if l.looked = s.Stored > 0; l.looked {
		l.behind = s.Now.Sub(s.Stored.End())
	}
	if len(s.Members) == 0 || s.Members[0].Name != l.member {
		l.machine = nil
		return nil
	}
	if l.machine == nil {
		if err := l.remember(ctx, s.Stored); err != nil {
			return err
		}
	}
	upTo := min(s.closable(), epochOf(s.Now))
	if upTo <= l.at {
		return nil
	}
	if err := l.store.SetClosing(ctx, upTo); err != nil {
		return fmt.Errorf("close epoch %d: %w", upTo, err)
	}
	// Whoever joins from here on stays behind what was just put down; whoever has joined before is seen now.
	if s, err = l.store.State(ctx); err != nil {
		return fmt.Errorf("look at the exchange: %w", err)
	}
	if s.closable() < upTo {
		return nil
	}
	return l.follow(ctx, upTo)
}

// closable is the last epoch into which no living member will publish any more.
func (s State) closable() Epoch {
	e := never
	for _, m := range s.Members {
		e = min(e, m.Said)
	}
	return e
}

// remember begins a machine and gives it, silently, what came in the window up to the last stored epoch.
func (l *Leader) remember(ctx context.Context, stored Epoch) error {
	machine := l.begin()
	if stored > 0 {
		from := stored - l.window
		epochs, err := l.store.Epochs(ctx, from, stored)
		if err != nil {
			return fmt.Errorf("list what is stored: %w", err)
		}
		if err := l.take(ctx, machine, from, stored, epochs, nil); err != nil {
			return err
		}
	}
	machine.Speak()
	l.machine, l.at, l.noted = machine, stored, stored
	return nil
}

// follow matches and stores up to an epoch that is closed.
func (l *Leader) follow(ctx context.Context, upTo Epoch) error {
	epochs, err := l.store.Epochs(ctx, l.at, upTo)
	if err != nil {
		return fmt.Errorf("list what was published: %w", err)
	}
	if l.at == 0 && len(epochs) > 0 { // the first epoch ever
		l.at = epochs[0] - 1
	} else if l.at == 0 {
		l.at = upTo
		return nil
	}
	return l.take(ctx, l.machine, l.at, upTo, epochs, func(e Epoch) error {
		if err := l.machine.Store(ctx, fmt.Sprintf("exchange-%d", e)); err != nil {
			return err
		}
		l.at = e
		if e == upTo || e-l.noted >= l.window/10 || slices.Contains(epochs, e) {
			if err := l.store.SetStored(ctx, e); err != nil {
				return fmt.Errorf("note that epoch %d is stored: %w", e, err)
			}
			l.noted = e
		}
		return nil
	})
}

// take gives a machine the epochs after one and up to another, of which those listed have records, and calls
// done after each.
func (l *Leader) take(ctx context.Context, m Machine, after, upTo Epoch, epochs []Epoch, done func(Epoch) error) error {
	for e := after + 1; e <= upTo; e++ {
		var records []Record
		if _, has := slices.BinarySearch(epochs, e); has {
			var err error
			if records, err = l.store.Records(ctx, e); err != nil {
				return fmt.Errorf("read epoch %d: %w", e, err)
			}
		}
		m.Take(records, e.End())
		if done != nil {
			if err := done(e); err != nil {
				return err
			}
		}
	}
	return nil
}
