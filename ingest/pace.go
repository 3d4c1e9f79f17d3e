package ingest

import "time"

// pace keeps what is read again from the journal to a multiple of the speed at which it came in, so that a
// database that is back after an outage is not overrun. However long nothing was read, paceSlack is all that
// may be made up for at once. Time in which nothing came, such as that in which the process was down, costs nothing.
type pace struct {
	factor float64
	now    time.Time // of the last record
	due    time.Time // by the clock: when as much as was read may be read
}

// paceSlack is the time of records that may be read at once.
const paceSlack = time.Minute

// paceGap is the most that counts of the time between two records.
const paceGap = 5 * time.Second

func (p *pace) took(record time.Time) {
	if p.now.IsZero() {
		p.now = record
	}
	least := time.Now().Add(-p.real(paceSlack))
	if p.due.Before(least) {
		p.due = least
	}
	if record.After(p.now) {
		p.due = p.due.Add(p.real(min(record.Sub(p.now), paceGap)))
		p.now = record
	}
}

// real is the time by the clock that reading records of a time should take.
func (p *pace) real(records time.Duration) time.Duration {
	return time.Duration(float64(records) / p.factor)
}

// wait is how long to wait before the next record.
func (p *pace) wait() time.Duration { return max(time.Until(p.due), 0) }
