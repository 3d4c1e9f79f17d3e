package analysis

import (
	"context"
	"fmt"
	"slices"
	"time"

	"faultline/analysis/cascade"
	"faultline/analysis/finding"
)

// Keeper is where findings outlive a process, and what people say about them is shared.
type Keeper interface {
	Findings(ctx context.Context, tenant string) ([]finding.Finding, error)
	WriteFindings(ctx context.Context, tenant string, at time.Time, findings []finding.Finding, events []finding.Event) error
	FindingEvents(ctx context.Context, tenant, id string) ([]finding.Event, error)
	FindingMarks(ctx context.Context, tenant string) ([]finding.Mark, error)
	MarkFinding(ctx context.Context, tenant string, m finding.Mark) error
	Incidents(ctx context.Context, tenant string, limit int) ([]cascade.Incident, error)
	WriteIncidents(ctx context.Context, tenant string, at time.Time, incidents []cascade.Incident) error
}

// shelf holds the findings between looks.
type shelf struct {
	book    *finding.Book
	loaded  bool
	written time.Time       // when all open findings were written last
	unsaved []finding.Event // not yet stored

	told map[string]bool // incidents that are stored, by whether it is as over; nil: those of earlier processes were not read yet
}

// writeEvery is how often open findings are written although nothing but the time has changed.
const writeEvery = time.Minute

// keep takes in what is claimed, stores what that changes, and puts the findings into r.
func (e *Engine) keep(ctx context.Context, r *Report, claims []finding.Claim) error {
	s := &e.shelf
	if !s.loaded {
		known, err := e.store.Findings(ctx, e.tenant)
		if err != nil {
			return fmt.Errorf("read the findings: %w", err)
		}
		s.book.Restore(known)
		s.loaded = true
	}
	s.unsaved = append(s.unsaved, s.book.Update(r.At, claims)...)
	r.Findings = slices.Collect(s.book.Findings())
	if err := e.save(ctx, r); err != nil {
		return err
	}
	if err := e.saveIncidents(ctx, r); err != nil {
		return err
	}
	marks, err := e.Marks(ctx)
	if err != nil {
		return fmt.Errorf("read what was said about findings: %w", err)
	}
	r.Marks = marks
	return nil
}

// save stores the findings with new events at once, and all open ones now and then.
func (e *Engine) save(ctx context.Context, r *Report) error {
	s := &e.shelf
	all := r.At.Sub(s.written) >= writeEvery
	changed := map[string]bool{}
	for _, event := range s.unsaved {
		changed[event.ID] = true
	}
	var write []finding.Finding
	for i := range r.Findings {
		if f := &r.Findings[i]; all && f.State == finding.Open || changed[f.ID()] {
			write = append(write, *f)
		}
	}
	if err := e.store.WriteFindings(ctx, e.tenant, r.At, write, s.unsaved); err != nil {
		return fmt.Errorf("write the findings: %w", err)
	}
	s.unsaved = s.unsaved[:0]
	if all {
		s.written = r.At
	}
	return nil
}

// Mark notes what a person says about a finding.
func (e *Engine) Mark(ctx context.Context, m finding.Mark) error {
	m.At = e.now().UTC()
	return e.store.MarkFinding(ctx, e.tenant, m)
}

// Events returns how a finding changed, oldest first.
func (e *Engine) Events(ctx context.Context, id string) ([]finding.Event, error) {
	return e.store.FindingEvents(ctx, e.tenant, id)
}

// Marks returns what people said last about findings, by id, as of now.
func (e *Engine) Marks(ctx context.Context) (map[string]finding.Mark, error) {
	marks, err := e.store.FindingMarks(ctx, e.tenant)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]finding.Mark, len(marks))
	for _, m := range marks {
		byID[m.ID] = m
	}
	return byID, nil
}

// loadIncidents reads what earlier processes knew of. An incident that was under way when its process ended lasts, until nothing of it
// was ill for long enough.
func (e *Engine) loadIncidents(ctx context.Context) error {
	if e.shelf.told != nil {
		return nil
	}
	incidents, err := e.store.Incidents(ctx, e.tenant, e.cfg.Cascade.Keep)
	if err != nil {
		return fmt.Errorf("read the incidents: %w", err)
	}
	e.shelf.told = map[string]bool{}
	for i := range incidents {
		e.shelf.told[incidents[i].ID] = !incidents[i].Open()
	}
	e.tracker.Restore(incidents)
	return nil
}

// saveIncidents stores the incidents under way, and once each that are over.
func (e *Engine) saveIncidents(ctx context.Context, r *Report) error {
	told := e.shelf.told
	var write []cascade.Incident
	for i := range r.Incidents {
		if !told[r.Incidents[i].ID] {
			write = append(write, r.Incidents[i])
		}
	}
	if err := e.store.WriteIncidents(ctx, e.tenant, r.At, write); err != nil {
		return fmt.Errorf("write the incidents: %w", err)
	}
	for i := range write {
		told[write[i].ID] = !write[i].Open()
	}
	return nil
}
