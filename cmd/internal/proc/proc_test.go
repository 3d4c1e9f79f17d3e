package proc

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// TestMain runs the test binary as the program under test when asked to by the environment.
func TestMain(m *testing.M) {
	if behaviour := os.Getenv("PROC_TEST_BEHAVIOUR"); behaviour != "" {
		var annotations map[string]string
		if behaviour == "answers no" || behaviour == "cannot answer" {
			annotations = map[string]string{Answers: "whether all is well"}
		}
		os.Exit(Execute(&cobra.Command{Use: "test", Annotations: annotations, RunE: func(cmd *cobra.Command, _ []string) error {
			switch behaviour {
			case "fails", "cannot answer":
				return fmt.Errorf("open the store: %w", os.ErrPermission)
			case "answers no":
				return AnswerError("it is not")
			}
			fmt.Println("ready")
			<-cmd.Context().Done()
			fmt.Println("draining")
			if behaviour == "is interrupted" {
				return fmt.Errorf("send the file: %w", cmd.Context().Err())
			}
			if behaviour == "hangs" {
				select {}
			}
			return nil
		}}))
	}
	os.Exit(m.Run())
}

func TestExecuteSignals(t *testing.T) {
	tests := map[string]struct {
		behaviour string
		signals   []syscall.Signal
		want      int
	}{
		"interrupt drains":               {"drains", []syscall.Signal{syscall.SIGINT}, 0},
		"terminate drains":               {"drains", []syscall.Signal{syscall.SIGTERM}, 0},
		"the second signal ends a drain": {"hangs", []syscall.Signal{syscall.SIGTERM, syscall.SIGINT}, 1},
		"a command cut short":            {"is interrupted", []syscall.Signal{syscall.SIGINT}, 130},
		"an error is exit code 1":        {"fails", nil, 1},
		"so is the answer no":            {"answers no", nil, 1},
		"no answer is exit code 2":       {"cannot answer", nil, 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, os.Args[0])
			cmd.Env = append(os.Environ(), "PROC_TEST_BEHAVIOUR="+tt.behaviour)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			for _, s := range tt.signals {
				lines.Scan() // "ready" before the first signal, "draining" before the second
				if err := cmd.Process.Signal(s); err != nil {
					t.Fatal(err)
				}
			}
			for lines.Scan() {
				continue // Wait may be called only when all is read
			}
			_ = cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != tt.want {
				t.Errorf("exit code %d, want %d", got, tt.want)
			}
		})
	}
}

// Who misspells a flag is told which one is there.
func TestUnknownFlag(t *testing.T) {
	for args, want := range map[string]string{
		"--lisen=:80": "unknown flag: --lisen; did you mean --listen?",
		"--verbosity": "unknown flag: --verbosity; test --help lists them",
		"-x":          "unknown shorthand flag: 'x' in -x; test --help lists them",
		"--listen":    "flag needs an argument: --listen",
	} {
		cmd := &cobra.Command{Use: "test", SilenceErrors: true, SilenceUsage: true, RunE: func(*cobra.Command, []string) error { return nil }}
		cmd.Flags().String("listen", "", "")
		cmd.SetFlagErrorFunc(hint)
		cmd.SetArgs([]string{args})
		if err := cmd.Execute(); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", args, err, want)
		}
	}
}
