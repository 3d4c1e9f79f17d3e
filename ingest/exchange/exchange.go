// Package exchange lets several ingest processes count as one. The halves of a call, and the spans of a
// trace, come in wherever a load balancer sends them; so each process publishes the records of its journal
// in a log that all share, and one of them, the leader, matches all of it.
//
// The shared log is cut into epochs by the clock of the store that keeps it. Every member says with each
// beat up to which epoch it will publish nothing more. When all living members have said so of an epoch it is
// closed: its records never change again, and whoever matches the closed epochs in their order finds the
// same. So a leader needs no lock. When two take themselves for it, or one takes over, they write the same
// blocks under the same tokens, and each block counts once.
//
// That an epoch does not change once it is closed rests on three rules:
//
//   - A member publishes only into epochs behind the last that it has said, and says nothing of an epoch
//     while an insert into it, of which it got no answer, may go through.
//   - A member is dead when its lease has run out by the store's clock, and then its word does not count any
//     more. A block carries the time until which it may be published, which lies well before the end of the
//     lease, and the store refuses it later.
//   - A leader puts down which epoch it closes and then looks again for new members before it reads. A new
//     member says its first word, then looks for what is being closed, and says that it stays behind it. So
//     at least one of the two sees the other.
package exchange

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"faultline/ingest/journal"
)

// Epoch numbers a step of Length since the Unix epoch, by the clock of the store.
type Epoch int64

// Length is how long an epoch lasts.
const Length = 2 * time.Second

// never is the word of a member that leaves: it publishes nothing more at all.
const never Epoch = math.MaxInt64

// lease is how long a member lives on after a beat. From margin before its end nothing is published any
// more: an insert that was begun before that has ended by then.
const (
	lease  = 30 * time.Second
	margin = 15 * time.Second
)

// PublishTimeout is how long a block may take to be published; a store must keep it.
const PublishTimeout = 10 * time.Second

// settling is how much longer an insert may go on that was given up: the time it takes to reach the store.
const settling = 3 * time.Second

func epochOf(t time.Time) Epoch { return Epoch(t.UnixNano() / int64(Length)) }

// End is the time at which e ends.
func (e Epoch) End() time.Time { return time.Unix(0, (int64(e)+1)*int64(Length)) }

// Record is a record of the journal of a replica.
type Record struct {
	Replica string
	journal.Record
}

// Block is what is published at once. Two blocks with one token are the same block sent twice.
type Block struct {
	Replica string
	Token   string
	Epoch   Epoch
	Until   time.Time // by the store's clock; after it the block is refused
	Records []journal.Record
}

// Member is a living member and its word.
type Member struct {
	Name string
	Said Epoch
}

// State is what the store knows of the exchange.
type State struct {
	Now     time.Time
	Members []Member // living, by name
	Closing Epoch    // last epoch that a leader has put down as closed
	Stored  Epoch    // last epoch whose rows are stored
}

// ErrStale is returned by Store.Publish for a block whose time is over.
var ErrStale = errors.New("the member's lease has run out")

// Store keeps the shared log. Its answers may get lost.
type Store interface {
	// Beat puts down a member's word and renews its lease. It returns the store's time.
	Beat(ctx context.Context, member string, said Epoch, lease time.Duration) (now time.Time, err error)
	// Publish stores a block within PublishTimeout, once for each token. After Block.Until it is ErrStale.
	Publish(ctx context.Context, b Block) error
	State(ctx context.Context) (State, error)
	// SetClosing and SetStored put an epoch down; the latest ever put down counts.
	SetClosing(ctx context.Context, e Epoch) error
	SetStored(ctx context.Context, e Epoch) error
	// Epochs lists the epochs with records, after one and up to another.
	Epochs(ctx context.Context, after, upTo Epoch) ([]Epoch, error)
	// Records returns the records of an epoch by replica and position.
	Records(ctx context.Context, e Epoch) ([]Record, error)
}

// Publisher publishes for one process. It is not safe for concurrent use.
type Publisher struct {
	store   Store
	member  string // this run of the process
	replica string // its journal

	joined bool
	said   Epoch
	until  time.Time // end of the lease by the store's clock
	server time.Time // the store's clock at local
	local  time.Time

	doubtful Epoch     // of the first block that may still be on its way although its sender has given up
	doubt    time.Time // by this process's clock: then it is there or never will be
}

// NewPublisher returns a Publisher of the journal named replica. The name of the member must be new with
// every run.
func NewPublisher(s Store, member, replica string) *Publisher {
	return &Publisher{store: s, member: member, replica: replica, said: math.MinInt64}
}

// now is the store's time, as far as it can be told from here.
func (p *Publisher) now() time.Time { return p.server.Add(time.Since(p.local)) }

// Publish publishes records under a token. After an error the block may be published or not: publish the
// same records under the same token again.
func (p *Publisher) Publish(ctx context.Context, token string, records []journal.Record) error {
	if !p.joined || p.now().After(p.until.Add(-margin)) {
		if err := p.join(ctx); err != nil {
			return err
		}
	}
	b := Block{
		Replica: p.replica, Token: token, Epoch: max(epochOf(p.now()), p.said+1), Until: p.until.Add(-margin), Records: records,
	}
	start := time.Now()
	err := p.store.Publish(ctx, b)
	switch {
	case err == nil:
		p.doubt = time.Time{} // whatever was sent before under this token counts as a repetition
		return nil
	case errors.Is(err, ErrStale):
		p.joined = false
	default:
		if !p.inDoubt() {
			p.doubtful = b.Epoch
		}
		p.doubt = start.Add(PublishTimeout + settling)
	}
	return fmt.Errorf("publish %d records: %w", len(records), err)
}

// inDoubt reports whether a block may be on its way that was given up.
func (p *Publisher) inDoubt() bool { return time.Now().Before(p.doubt) }

// Beat says that this process lives, and publishes nothing more into the epochs that are over. It is due
// once in every epoch.
func (p *Publisher) Beat(ctx context.Context) error {
	if !p.joined || p.now().After(p.until.Add(-margin)) {
		return p.join(ctx)
	}
	over := epochOf(p.now()) - 1
	if p.inDoubt() {
		over = min(over, p.doubtful-1)
	}
	return p.say(ctx, over)
}

// Leave says that this process publishes nothing more.
func (p *Publisher) Leave(ctx context.Context) error {
	if !p.joined {
		return nil
	}
	p.joined = false
	_, err := p.store.Beat(ctx, p.member, never, 0)
	return err
}

// say gives the member's word. It counts from the moment at which the store has it, but the member keeps it
// from now on.
func (p *Publisher) say(ctx context.Context, e Epoch) error {
	p.said = max(p.said, e)
	asked := time.Now()
	now, err := p.store.Beat(ctx, p.member, p.said, lease)
	if err != nil {
		return fmt.Errorf("renew the lease: %w", err)
	}
	p.server, p.local = now, asked // at the latest then
	p.until = now.Add(lease)
	return nil
}

// join makes this process a member, or one again whose lease has run out. What is being closed meanwhile
// may not know it: it stays behind that.
func (p *Publisher) join(ctx context.Context) error {
	p.joined = false
	if p.inDoubt() {
		return errors.New("a block that was given up may still be on its way: nothing is published before that is over")
	}
	if p.local.IsZero() {
		s, err := p.store.State(ctx)
		if err != nil {
			return fmt.Errorf("look at the exchange: %w", err)
		}
		p.server, p.local = s.Now, time.Now()
	}
	if err := p.say(ctx, max(p.said, epochOf(p.now()))); err != nil {
		return err
	}
	s, err := p.store.State(ctx)
	if err != nil {
		return fmt.Errorf("look at the exchange: %w", err)
	}
	if s.Closing > p.said {
		if err := p.say(ctx, s.Closing); err != nil {
			return err
		}
	}
	p.joined = true
	return nil
}
