package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"syscall"
)

// errPortTaken reports that something else listens on the port chosen for the engine.
var errPortTaken = errors.New("port taken")

// explainFileError gives the errors a person can mend the sentinel that says how.
func explainFileError(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w (%w)", ErrDiskFull, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w (%w)", ErrPermission, err)
	}
	return err
}

// explainExit turns how a child ended and what it said last into an error. waitErr is that of
// [os/exec.Cmd.Wait]: the engine exits with 0 even when it could not start.
func explainExit(waitErr error, lines []string, dir dataDir) error {
	said := strings.Join(lines, "\n")
	switch {
	case strings.Contains(said, "Cannot lock file"):
		return fmt.Errorf("%s: %w%s", dir, ErrLocked, holder(dir))
	case strings.Contains(said, "Address already in use"):
		return errPortTaken
	case strings.Contains(said, "No space left on device"), strings.Contains(said, "NOT_ENOUGH_SPACE"):
		return fmt.Errorf("%s: %w (%s)", dir, ErrDiskFull, cause(lines))
	case strings.Contains(said, "Permission denied"), strings.Contains(said, "Read-only file system"):
		return fmt.Errorf("%s: %w (%s)", dir, ErrPermission, cause(lines))
	case waitErr != nil && waitErr.Error() == "signal: killed":
		return fmt.Errorf("the engine was killed (%w): unless somebody did, memory ran out; "+
			"give the machine more or lower engine.memory_limit", waitErr)
	case said == "" && waitErr != nil:
		return fmt.Errorf("the engine ended: %w; its log is %s", waitErr, dir.log())
	case waitErr != nil:
		return fmt.Errorf("the engine ended: %w: %s", waitErr, cause(lines))
	}
	return fmt.Errorf("the engine ended: %s", cause(lines))
}

var exception = regexp.MustCompile(`Code: \d+\. .*`)

// cause is the part of what the engine said that a person wants to see: its last exception, else all.
func cause(lines []string) string {
	for i := len(lines) - 1; i >= 0; i-- {
		if found := exception.FindString(lines[i]); found != "" {
			return found
		}
	}
	return strings.Join(lines, "; ")
}

// holder names the process that has the data directory, as the engine there wrote it down.
func holder(dir dataDir) string {
	status, err := os.ReadFile(dir.store() + "/status")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(status)) {
		if pid, ok := strings.CutPrefix(line, "PID: "); ok {
			return " (process " + strings.TrimSpace(pid) + ")"
		}
	}
	return ""
}
