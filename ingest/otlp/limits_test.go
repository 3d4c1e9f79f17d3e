package otlp

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
)

func TestReadAll(t *testing.T) {
	tests := map[string]struct {
		size, first, most, budget int64
		want                      error
	}{
		"empty":                  {0, 0, 10, 100, nil},
		"declared":               {50, 50, 100, 51, nil}, // no second buffer is needed to see the end
		"not declared":           {50, 4, 100, 200, nil},
		"at the limit":           {100, 4, 100, 300, nil},
		"declared, at the limit": {100, 100, 100, 101, nil},
		"over the limit":         {101, 4, 100, 300, &refusal{}},
		"over, guess too large":  {101, 500, 100, 300, &refusal{}},
		"over the budget":        {90, 10, 100, 60, &refusal{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			in := bytes.Repeat([]byte("x"), int(tt.size))
			for what, r := range map[string]io.Reader{"at once": bytes.NewReader(in), "by bytes": iotest.OneByteReader(bytes.NewReader(in)), "error with data": iotest.DataErrReader(bytes.NewReader(in))} {
				b := &budget{size: tt.budget}
				l := &lease{budget: b}
				got, err := readAll(r, tt.first, tt.most, 2, l)
				if tt.want != nil {
					if refused, ok := errors.AsType[*refusal](err); !ok || refused.code != codes.ResourceExhausted {
						t.Errorf("%s: got %v", what, err)
					}
				} else if err != nil || !bytes.Equal(got, in) {
					t.Errorf("%s: %d bytes, %v", what, len(got), err)
				} else if b.used.Load() != int64(cap(got)) {
					t.Errorf("%s: holds %d for a capacity of %d", what, b.used.Load(), cap(got))
				}
				if l.close(); b.used.Load() != 0 {
					t.Errorf("%s: %d not returned", what, b.used.Load())
				}
			}
		})
	}
	broken := errors.New("broken")
	if _, err := readAll(iotest.ErrReader(broken), 1, 10, 2, &lease{budget: &budget{size: 100}}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// However many take from it at once, a budget is never exceeded and never leaks.
func TestBudgetIsExact(t *testing.T) {
	b := &budget{size: 1000}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 2000 {
				l := &lease{budget: b}
				for range 3 {
					if err := l.take(rand.Int64N(400)); err == nil && b.used.Load() > b.size {
						t.Error("more is used than there is")
					}
				}
				l.close()
			}
		})
	}
	wg.Wait()
	if b.used.Load() != 0 {
		t.Errorf("%d left", b.used.Load())
	}
}

func TestPace(t *testing.T) {
	var p pace
	now := time.Now()
	longest := func(at time.Time) (most time.Duration) {
		for range 1000 {
			w := p.wait(at)
			if w < time.Second || w > maxWait*time.Second || w%time.Second != 0 {
				t.Fatalf("told to wait %s", w)
			}
			most = max(most, w)
		}
		return most
	}
	if got := longest(now); got != firstWait*time.Second {
		t.Errorf("at first up to %s", got)
	}
	if got := longest(now.Add(10 * time.Second)); got != (firstWait+10)*time.Second {
		t.Errorf("after 10 s up to %s", got)
	}
	for i := range 100 {
		p.wait(now.Add(time.Duration(10+i) * time.Second))
	}
	if got := longest(now.Add(110 * time.Second)); got != maxWait*time.Second {
		t.Errorf("after 110 s up to %s", got)
	}
	if got := longest(now.Add(10 * time.Minute)); got != firstWait*time.Second {
		t.Errorf("in a new episode up to %s", got)
	}
}

func TestPartialMessage(t *testing.T) {
	got := partialOf(&Batch{Rejected: map[Reason]int{NoTimestamp: 2, InvalidID: 2, OutOfWindow: 70}})
	want := "74 spans rejected: 70 out_of_window (the time is in the future or older than retention: check the sender's clock), " +
		"2 invalid_id (trace ids must be 16 bytes, span ids 8, and neither all zero), 2 no_timestamp (set the start or the end time)"
	if got.rejected != 74 || got.message != want {
		t.Errorf("got %+v", got)
	}
	many := map[Reason]int{}
	for i := range 50 {
		many[Reason(strings.Repeat("r", i+1))] = 1
	}
	if n := len(partialOf(&Batch{Rejected: many}).message); n > maxMessage {
		t.Errorf("a message of %d bytes", n)
	}
}

// A message that quotes what is not UTF-8 is still sent.
func TestStatusOfOddBytes(t *testing.T) {
	var st rpcstatus.Status
	if err := proto.Unmarshal(marshalStatus(badData("unexpected \xff"), 0, Protobuf), &st); err != nil || st.Message != `"unexpected \xff"` {
		t.Errorf("got %v, %v", st.Message, err)
	}
	if got := percentEncode("50 % of \xff\n£"); got != "50 %25 of %FF%0A%C2%A3" {
		t.Errorf("got %s", got)
	}
}
