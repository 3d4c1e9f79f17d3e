package clickhouse

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"faultline/analysis/finding"
	"faultline/graph"
)

// WriteFindings stores findings as they are at a time, in place of what was stored of them before, and the
// events that led there. All times are kept in milliseconds. Writing the same again changes nothing.
func (s *Store) WriteFindings(ctx context.Context, tenant string, at time.Time, findings []finding.Finding, events []finding.Event) (err error) {
	defer func() {
		if err != nil {
			s.metrics.errors.WithLabelValues("write_findings").Inc()
		}
	}()
	if len(findings) > 0 {
		err := s.insert(ctx, insert{
			table: "findings", statement: insertFindings, rows: len(findings),
			appendRow: func(batch driver.Batch, i int) error { return appendFinding(batch, tenant, at, &findings[i]) },
		})
		if err != nil {
			return fmt.Errorf("insert %d findings: %w", len(findings), err)
		}
	}
	if len(events) > 0 {
		err := s.insert(ctx, insert{
			table: "finding_events", statement: insertFindingEvents, rows: len(events),
			appendRow: func(batch driver.Batch, i int) error {
				e := &events[i]
				return batch.Append(tenant, e.ID, e.At, e.What, string(e.Severity), e.Title)
			},
		})
		if err != nil {
			return fmt.Errorf("insert %d events of findings: %w", len(events), err)
		}
	}
	return nil
}

func appendFinding(batch driver.Batch, tenant string, at time.Time, f *finding.Finding) error {
	facts := make([]map[string]any, len(f.Facts))
	for i, x := range f.Facts {
		facts[i] = map[string]any{"name": x.Name, "value": x.Value, "unit": x.Unit, "text": x.Text}
	}
	traces := make([]string, len(f.Traces))
	for i, t := range f.Traces {
		traces[i] = hex.EncodeToString(t[:])
	}
	return batch.Append(
		tenant, f.ID(), at, f.Kind, uint64(f.Subject.Node), uint64(f.Subject.Callee), f.Subject.Operation, f.Key,
		string(f.State), string(f.Severity), f.Confidence, f.Title, f.Detail, facts, traces,
		unix(f.Since), f.Sudden, unix(f.First), unix(f.Opened), unix(f.Last), unix(f.Changed), uint32(f.Openings), f.Incident,
	)
}

// unix turns the zero time into 1970, which a column can hold, and known turns it back.
func unix(t time.Time) time.Time {
	if t.IsZero() {
		return time.Unix(0, 0)
	}
	return t
}

func known(t time.Time) time.Time {
	if t.Unix() == 0 {
		return time.Time{}
	}
	return t.UTC()
}

// Findings returns all findings of a tenant, by id.
func (s *Store) Findings(ctx context.Context, tenant string) (findings []finding.Finding, err error) {
	defer func(start time.Time) { s.metrics.asked("findings", start, err) }(time.Now())
	err = s.query(ctx, selectFindings, clickhouse.Parameters{"tenant": escape(tenant)}, func(rows driver.Rows) error {
		var (
			f                                  finding.Finding
			names, units, texts, traces        []string
			values                             []float64
			openings                           uint32
			since, first, opened, last, change time.Time
		)
		err := rows.Scan(
			&f.Kind, (*uint64)(&f.Subject.Node), (*uint64)(&f.Subject.Callee), &f.Subject.Operation, &f.Key,
			(*string)(&f.State), (*string)(&f.Severity), &f.Confidence, &f.Title, &f.Detail,
			&names, &values, &units, &texts, &traces, &since, &f.Sudden, &first, &opened, &last, &change, &openings, &f.Incident,
		)
		if err != nil {
			return err
		}
		for i := range names {
			f.Facts = append(f.Facts, finding.Fact{Name: names[i], Value: values[i], Unit: units[i], Text: texts[i]})
		}
		for _, text := range traces {
			var t graph.TraceID
			if _, err := hex.Decode(t[:], []byte(text)); err != nil {
				return fmt.Errorf("trace id %q: %w", text, err)
			}
			f.Traces = append(f.Traces, t)
		}
		f.Since, f.First, f.Opened, f.Last, f.Changed = known(since), known(first), known(opened), known(last), known(change)
		f.Openings = int(openings)
		findings = append(findings, f)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("select findings: %w", err)
	}
	return findings, nil
}

// FindingEvents returns how a finding changed, oldest first.
func (s *Store) FindingEvents(ctx context.Context, tenant, id string) (events []finding.Event, err error) {
	defer func(start time.Time) { s.metrics.asked("finding_events", start, err) }(time.Now())
	params := clickhouse.Parameters{"tenant": escape(tenant), "id": escape(id)}
	err = s.query(ctx, selectFindingEvents, params, func(rows driver.Rows) error {
		var e finding.Event
		if err := rows.Scan(&e.ID, &e.At, &e.What, (*string)(&e.Severity), &e.Title); err != nil {
			return err
		}
		e.At = e.At.UTC()
		events = append(events, e)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("select events of finding %s: %w", id, err)
	}
	return events, nil
}

// MarkFinding stores what a person said about a finding.
func (s *Store) MarkFinding(ctx context.Context, tenant string, m finding.Mark) (err error) {
	defer func() {
		if err != nil {
			s.metrics.errors.WithLabelValues("mark_finding").Inc()
		}
	}()
	err = s.insert(ctx, insert{
		table: "finding_marks", statement: insertFindingMarks, rows: 1,
		appendRow: func(batch driver.Batch, _ int) error {
			return batch.Append(tenant, m.ID, m.At, m.What, m.By, m.Reason, unix(m.Until))
		},
	})
	if err != nil {
		return fmt.Errorf("mark finding %s: %w", m.ID, err)
	}
	return nil
}

// FindingMarks returns what was said last about each finding, by its id.
func (s *Store) FindingMarks(ctx context.Context, tenant string) (marks []finding.Mark, err error) {
	defer func(start time.Time) { s.metrics.asked("finding_marks", start, err) }(time.Now())
	err = s.query(ctx, selectFindingMarks, clickhouse.Parameters{"tenant": escape(tenant)}, func(rows driver.Rows) error {
		var m finding.Mark
		if err := rows.Scan(&m.ID, &m.At, &m.What, &m.By, &m.Reason, &m.Until); err != nil {
			return err
		}
		m.At, m.Until = m.At.UTC(), known(m.Until)
		marks = append(marks, m)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("select what was said about findings: %w", err)
	}
	return marks, nil
}
