package analysis

import (
	"context"
	"fmt"
	"slices"
	"time"

	"faultline/analysis/dependency"
)

// Memory is where the analysis keeps what it knows of minutes that it will not read again.
type Memory interface {
	Memories(ctx context.Context, tenant string) ([]dependency.Memory, error)
	WriteMemories(ctx context.Context, tenant string, memories []dependency.Memory) error
}

// rememberEvery is how often the judge's memories are stored. What came since the last time is read again after
// a restart.
const rememberEvery = 10 * time.Minute

// recall gives the judge what an earlier process remembered. Memories that this release cannot read are left:
// what is still stored by the minute is judged anew.
func (e *Engine) recall(ctx context.Context, now time.Time) error {
	memories, err := e.store.Memories(ctx, e.tenant)
	if err != nil {
		return fmt.Errorf("read what is remembered: %w", err)
	}
	if len(memories) == 0 || memories[0].Through.After(now) {
		return nil
	}
	if err := e.judge.Restore(slices.Values(memories)); err != nil {
		e.log.Warn("what was remembered of dependencies cannot be used; evidence is gathered anew", "err", err)
		e.judge = e.newJudge()
		return nil
	}
	e.since = memories[0].Through.Add(time.Minute)
	e.read, e.remembered = e.since, now
	if oldest := now.Add(-e.cfg.History); e.read.Before(oldest) {
		e.read = oldest
	}
	return nil
}

// remember stores what the judge knows of final minutes, now and then.
func (e *Engine) remember(ctx context.Context, now time.Time) error {
	if now.Sub(e.remembered) < rememberEvery || e.judge.Final().IsZero() {
		return nil
	}
	if err := e.store.WriteMemories(ctx, e.tenant, slices.Collect(e.judge.Memories())); err != nil {
		return fmt.Errorf("store what is remembered: %w", err)
	}
	e.remembered = now
	return nil
}

// evidenceSince is the minute of the oldest evidence, or when it was looked for first, if there is none.
func evidenceSince(sites []dependency.Judgement, otherwise time.Time) (since time.Time) {
	for i := range sites {
		if t := sites[i].FirstSeen; !t.IsZero() && (since.IsZero() || t.Before(since)) {
			since = t
		}
	}
	if since.IsZero() {
		return otherwise
	}
	return since
}
