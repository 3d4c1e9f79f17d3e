package match

// queue is a ring of slot numbers with the times at which they were put in, oldest first.
type queue struct {
	items []queued
	head  int
	n     int
}

type queued struct {
	at seq
	ms int64
}

func (q *queue) len() int { return q.n }

func (q *queue) push(at seq, ms int64) {
	if q.n == len(q.items) {
		grown := make([]queued, max(64, 2*len(q.items)))
		for i := range q.n {
			grown[i] = q.items[(q.head+i)%len(q.items)]
		}
		q.items, q.head = grown, 0
	}
	q.items[(q.head+q.n)%len(q.items)] = queued{at, ms}
	q.n++
}

// pop returns the oldest number if it was put in at or before ms.
func (q *queue) pop(ms int64) (seq, bool) {
	if q.n == 0 || q.items[q.head].ms > ms {
		return 0, false
	}
	at := q.items[q.head].at
	q.head = (q.head + 1) % len(q.items)
	q.n--
	return at, true
}
