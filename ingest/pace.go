package ingest

import "time"

// pace keeps what is read again from the journal to a multiple of the speed at which it came in, so that a
// database that is back after an outage is not overrun.
type pace struct {
	factor     float64
	begun      time.Time // when reading began
	first, now time.Time // times of the first record and of the last
}

// paceSlack is the time of records that may be read at once.
const paceSlack = time.Minute

func (p *pace) took(record time.Time) {
	if p.begun.IsZero() {
		p.begun, p.first = time.Now(), record
	}
	p.now = record
}

// wait is how long to wait before the next record.
func (p *pace) wait() time.Duration {
	if p.begun.IsZero() {
		return 0
	}
	ahead := p.now.Sub(p.first) - paceSlack - time.Duration(p.factor*float64(time.Since(p.begun)))
	return max(time.Duration(float64(ahead)/p.factor), 0)
}
