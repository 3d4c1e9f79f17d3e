package embedded

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestExplainExit(t *testing.T) {
	dir := dataDir(t.TempDir())
	if err := os.Mkdir(dir.store(), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir.store(), "status"), []byte("PID: 4711\nStarted at: 2026-01-02 03:04:05\nRevision: 54513\n"))
	status1 := errors.New("exit status 1")
	tests := map[string]struct {
		waitErr error
		lines   []string
		is      error
		want    string
	}{
		"locked": {nil, []string{"Code: 76. DB::Exception: Cannot lock file d/status. Another server instance in same directory is already running. (CANNOT_OPEN_FILE)"},
			ErrLocked, "(process 4711)"},
		"port taken": {nil, []string{"Code: 210. DB::Exception: Listen [127.0.0.1]:1 failed: Net Exception: Address already in use: 127.0.0.1:1"},
			errPortTaken, "port taken"},
		"disk full": {nil, []string{"Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space. (NOT_ENOUGH_SPACE)"},
			ErrDiskFull, "Cannot reserve 1.00 MiB"},
		"disk full, by the system": {nil, []string{"std::exception: filesystem error: No space left on device [d]"}, ErrDiskFull, "filesystem error"},
		"not allowed":              {nil, []string{"Code: 1001. DB::Exception: filesystem error: Permission denied [d/store]"}, ErrPermission, "d/store"},
		"killed":                   {errors.New("signal: killed"), []string{"Code: 60. Something long ago"}, nil, "memory ran out"},
		"crashed":                  {errors.New("signal: aborted"), nil, nil, "signal: aborted; its log is " + dir.log()},
		"said why": {status1, []string{"[host] <Error> Application: Code: 115. DB::Exception: Unknown setting x", "Code: 115. DB::Exception: Unknown setting x", "bye"}, status1,
			"the engine ended: exit status 1: Code: 115. DB::Exception: Unknown setting x"},
		"said something": {status1, []string{"one", "two"}, status1, "the engine ended: exit status 1: one; two"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := explainExit(tt.waitErr, tt.lines, dir)
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q, want %q in it", err, tt.want)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("error %q, want %v", err, tt.is)
			}
		})
	}
}

func TestExplainFileError(t *testing.T) {
	for errno, want := range map[syscall.Errno]error{
		syscall.ENOSPC: ErrDiskFull,
		syscall.EDQUOT: ErrDiskFull,
		syscall.EACCES: ErrPermission,
		syscall.EPERM:  ErrPermission,
		syscall.EROFS:  ErrPermission,
		syscall.EIO:    syscall.EIO,
	} {
		err := explainFileError(&fs.PathError{Op: "open", Path: "f", Err: errno})
		if !errors.Is(err, want) || !errors.Is(err, errno) {
			t.Errorf("%v became %v, want %v and the errno kept", errno, err, want)
		}
	}
}
