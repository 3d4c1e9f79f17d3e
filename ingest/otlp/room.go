package otlp

import (
	"math/bits"
	"sync"

	"faultline/graph"
)

// shelves keep slices that are no longer used for those who need one of about that length: the runtime
// would clear each new one and collect it soon after. What lies there unused is collected all the same.
type shelves[T any] struct {
	least, most int // lengths worth keeping
	pools       [4 * 32]sync.Pool
}

// size returns the capacity of the slice that get returns for n, at most a quarter more. There are four
// sizes between each power of two and the next.
func (s *shelves[T]) size(n int) int {
	if n < s.least || n > s.most {
		return n
	}
	_, size := shelf(n)
	return size
}

func shelf(n int) (index, size int) {
	shift := bits.Len(uint(n-1)) - 3
	top := (n - 1) >> shift // 4 to 7
	return 4*shift + top - 4, (top + 1) << shift
}

// get returns an empty slice with room for n. What is in that room is none of the caller's business.
func (s *shelves[T]) get(n int) []T {
	if n < s.least || n > s.most {
		return make([]T, 0, n)
	}
	index, size := shelf(n)
	if kept, ok := s.pools[index].Get().(*[]T); ok {
		return (*kept)[:0]
	}
	return make([]T, 0, size)
}

// put takes a slice back that came from get. Nobody may use it from then on.
func (s *shelves[T]) put(v []T) {
	if n := cap(v); n >= s.least && n <= s.most {
		if index, size := shelf(n); size == n {
			s.pools[index].Put(&v)
		}
	}
}

// bodies are for what is read from a connection and what becomes of it.
var bodies = shelves[byte]{least: firstRead + 2, most: 1 << 20}

// room is memory for the spans of one batch.
type room struct {
	spans  []graph.Span
	shapes []graph.Shape // those that do not last
	links  []graph.Link
	viewed bool // a shape holds views of the request
}

// shape returns an empty shape. Those returned before stay where they are.
func (r *room) shape() *graph.Shape {
	if len(r.shapes) == cap(r.shapes) {
		r.shapes = shapeRooms.get(max(2*len(r.shapes), shapeRooms.least))
	}
	r.shapes = append(r.shapes, graph.Shape{})
	return &r.shapes[len(r.shapes)-1]
}

// dropShape takes the shape that was returned last back.
func (r *room) dropShape() { r.shapes = r.shapes[:len(r.shapes)-1] }

var (
	spanRooms  = shelves[graph.Span]{least: 32, most: 16 << 10}
	shapeRooms = shelves[graph.Shape]{least: 16, most: 16 << 10}
	linkRooms  = shelves[graph.Link]{least: 8, most: 16 << 10}
)

// free gives the memory to whoever needs it next.
func (r *room) free() {
	clear(r.spans) // or they would keep what they refer to
	spanRooms.put(r.spans)
	clear(r.shapes)
	shapeRooms.put(r.shapes)
	linkRooms.put(r.links)
	*r = room{}
}
