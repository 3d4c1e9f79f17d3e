// Package proc is what Faultline's processes have in common: how they start, log, tell how they are, trace
// themselves and stop.
package proc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"faultline/cmd/internal/config"
)

// Execute runs a command until it ends or the process is told to stop, and returns the exit code. The
// first SIGINT or SIGTERM ends the command's context, so that it can drain; the second ends the process.
func Execute(cmd *cobra.Command) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		s := <-signals
		slog.Info("stopping; a second signal exits at once", "component", "proc", "signal", s.String())
		cancel()
		<-signals
		os.Exit(1)
	}()

	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetFlagErrorFunc(hint)
	switch executed, err := cmd.ExecuteContextC(ctx); {
	case err == nil:
		return 0
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return 130 // ended in the middle by the one who asked for it, as shells say it
	default:
		fmt.Fprintf(os.Stderr, "%s: %v\n", cmd.Name(), err)
		if answer := new(AnswerError); executed.Annotations[Answers] != "" && !errors.As(err, answer) {
			return 2
		}
		return 1
	}
}

// hint says which flag was probably meant by one that is not known.
func hint(cmd *cobra.Command, err error) error {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return err
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := config.Nearest(unknown.GetSpecifiedName(), names); near != "" {
		return fmt.Errorf("%w; did you mean --%s?", err, near)
	}
	return fmt.Errorf("%w; %s --help lists them", err, cmd.CommandPath())
}

// Answers is the annotation of commands that answer yes or no: they exit with 1 for an AnswerError, and with 2 if there is none.
const Answers = "answers"

// AnswerError ends a command that did all it should; the answer is no.
type AnswerError string

func (a AnswerError) Error() string { return string(a) }
