package match

import (
	"testing"

	"faultline/graph"
)

// Every shape keeps its terms, also beside others, until there are too many.
func TestKnownTerms(t *testing.T) {
	k := newKnownTerms()
	shapes := make([]graph.Shape, mostTerms*3/4)
	for i := range shapes {
		if of := k.of(&shapes[i]); of != nil {
			t.Fatalf("terms of shape %d, which has none: %+v", i, of)
		}
		k.put(&shapes[i], terms{hour: int64(i)})
	}
	for i := range shapes {
		if of := k.of(&shapes[i]); of == nil || of.hour != int64(i) {
			t.Fatalf("terms of shape %d of %d: %+v", i, len(shapes), of)
		}
	}
	k.put(&shapes[0], terms{hour: -1})
	if of := k.of(&shapes[0]); of.hour != -1 {
		t.Errorf("terms found anew are %+v", of)
	}
	more := new(graph.Shape)
	k.put(more, terms{hour: 7})
	if of := k.of(more); of == nil || of.hour != 7 || len(k.places) > mostTerms {
		t.Errorf("with too many: %+v, %d places", of, len(k.places))
	}
}
