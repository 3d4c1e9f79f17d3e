package glob

import "testing"

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"cart", "cart", true}, {"cart", "carts", false}, {"cart*", "carts", true}, {"c?rt", "cart", true}, {"[a-c]art", "cart", true}, {"[a-c]art", "dart", false},
		{"*", "legacy/billing", true}, {"legacy*", "legacy/billing", true}, {"legacy/*", "legacy/billing/db", true}, {"legacy?billing", "legacy/billing", true},
		{"legacy/*", "legacy", false}, {"*/billing", "legacy/billing", true}, {"[", "[", false},
	} {
		if got := Match(tt.pattern, tt.name); got != tt.want {
			t.Errorf("%s matches %s: %v", tt.pattern, tt.name, got)
		}
	}
	if Valid("[a") || !Valid("[a]/*") {
		t.Error("a [ needs its ]")
	}
}
