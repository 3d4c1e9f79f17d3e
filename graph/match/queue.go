package match

// queue is a ring of slot numbers with the times at which they were put in, oldest first.
type queue struct {
	items []queued // as many as a power of two
	head  uint32
	n     uint32
}

// queued is short, because every span is in two queues for a while.
type queued struct {
	at    seq
	ticks uint32 // of tickBits; they last for two years
}

const tickBits = 4 // a tick is so many ms, as a power of two

func (q *queue) len() int { return int(q.n) }

func (q *queue) push(at seq, ms int64) {
	if int(q.n) == len(q.items) {
		grown := make([]queued, max(64, 2*len(q.items)))
		for i := range q.n {
			grown[i] = *q.item(i)
		}
		q.items, q.head = grown, 0
	}
	q.n++
	*q.item(q.n - 1) = queued{at, uint32(ms >> tickBits)}
}

// item is the i-th oldest.
func (q *queue) item(i uint32) *queued { return &q.items[(q.head+i)&uint32(len(q.items)-1)] }

// pop returns the oldest number if it was put in at or before ms, to the tick.
func (q *queue) pop(ms int64) (seq, bool) {
	if q.n == 0 || int64(q.item(0).ticks) > ms>>tickBits {
		return 0, false
	}
	at := q.item(0).at
	q.drop()
	return at, true
}

// drop forgets the oldest number.
func (q *queue) drop() {
	q.head++
	q.n--
}
