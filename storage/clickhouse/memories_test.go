package clickhouse

import (
	"testing"
	"time"

	"faultline/analysis/dependency"
)

func TestMemories(t *testing.T) {
	s := open(t)
	memory := func(caller int, operation string, after time.Duration, data string) dependency.Memory {
		m := dependency.Memory{Through: t0.Add(after).Truncate(time.Minute), Data: []byte(data)}
		m.Caller, m.Operation, m.Callee = web.ID(), operation, cart.ID()
		if caller == 2 {
			m.Callee = 0
		}
		return m
	}
	first := []dependency.Memory{memory(1, "a", 0, "1"), memory(1, hostile, 0, hostile), memory(2, "a", 0, "3")}
	second := []dependency.Memory{memory(2, "a", 10*time.Minute, "5"), memory(1, "a", 10*time.Minute, "4")}
	for _, save := range [][]dependency.Memory{nil, first, second, second} {
		if err := s.WriteMemories(t.Context(), "a", save); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Memories(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	mustEqual(t, "the last save", second, got)
	if others, err := s.Memories(t.Context(), "b"); err != nil || len(others) != 0 {
		t.Errorf("memories of another tenant: %v, %v", others, err)
	}
}
