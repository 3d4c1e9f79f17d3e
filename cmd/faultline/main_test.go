package main

import (
	"strings"
	"testing"
)

// A command that is not there is a mistake, also for who does not read what is printed.
func TestUnknownCommand(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"chek"}, `unknown command "chek" for "faultline"; did you mean check?`},
		{[]string{"nothing", "such"}, `unknown command "nothing" for "faultline"`},
		{[]string{"config", "prnt"}, `unknown command "prnt" for "faultline config"; did you mean print?`},
		{[]string{"export", "graph"}, `unknown command "graph" for "faultline export"`},
		{[]string{"engine", "remove"}, `unknown command "remove" for "faultline engine"`},
	} {
		if out, err := run(t, newRootCommand(), tt.args...); err == nil || err.Error() != tt.want {
			t.Errorf("faultline %s: %v, want %s\n%s", strings.Join(tt.args, " "), err, tt.want, out)
		}
	}
	for _, args := range [][]string{nil, {"help"}, {"--help"}, {"config"}, {"help", "config"}} {
		if out, err := run(t, newRootCommand(), args...); err != nil || !strings.Contains(out, "Available Commands:") {
			t.Errorf("faultline %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	if out, err := run(t, newRootCommand(), "--version"); err != nil || !strings.HasPrefix(out, "faultline ") {
		t.Errorf("faultline --version: %v\n%s", err, out)
	}
}
