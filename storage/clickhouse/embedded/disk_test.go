package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestUnusableDisk(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		disk string
		want error
	}{
		"full":              {diskFull, ErrDiskFull},
		"read-only":         {diskReadOnly, ErrPermission},
		"filled up by then": {diskFillsUp, nil}, // what is stored must stay readable
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			skipWithoutNamespaces(t)
			dir := t.TempDir()
			_, says := startOwner(t, dir, func(cmd *exec.Cmd) {
				cmd.SysProcAttr = namespaces()
				cmd.Env = append(cmd.Env, diskEnv+"="+tt.disk)
			})
			if tt.want == nil {
				if says.Err != "" {
					t.Error(says.Err)
				} else if n := count(t, connect(t, says.Access), "faultline.calls"); n != 1000 {
					t.Errorf("%d rows, want 1000", n)
				}
				return
			}
			if !strings.Contains(says.Err, tt.want.Error()) || !strings.Contains(says.Err, dir) {
				t.Errorf("error %q, want %q and the directory", says.Err, tt.want)
			}
		})
	}
}

// namespaces lets a process mount what only it sees, without being root.
func namespaces() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
}

func skipWithoutNamespaces(t *testing.T) {
	t.Helper()
	cmd := exec.Command("/bin/true")
	cmd.SysProcAttr = namespaces()
	if err := cmd.Run(); err != nil {
		t.Skipf("no user namespaces here, so no disk to fill: %v", err)
	}
}

// diskEnv has an owner mount a disk of that kind over its directory first.
const diskEnv = "FAULTLINE_TEST_DISK"

const (
	diskFull     = "full"
	diskReadOnly = "read-only"
	diskFillsUp  = "fills up" // after an engine has left its data there
)

func mount(dir, kind string) error {
	flags := uintptr(0)
	if kind == diskReadOnly {
		flags = syscall.MS_RDONLY
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, "size=64M"); err != nil {
		return err
	}
	switch kind {
	case diskFull:
		return fill(dir)
	case diskFillsUp:
		return errors.Join(storeCalls(dir), fill(dir))
	}
	return nil
}

// fill writes until there is no space left.
func fill(dir string) error {
	file, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		return err
	}
	defer file.Close()
	for err == nil {
		_, err = file.Write(make([]byte, 4096))
	}
	if errors.Is(err, syscall.ENOSPC) {
		return nil
	}
	return err
}

func storeCalls(dir string) error {
	ctx := context.Background()
	engine, err := Start(ctx, testConfig(dir), slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		return err
	}
	conn, err := open(engine.Access())
	if err != nil {
		return err
	}
	for _, statement := range []string{
		"CREATE DATABASE faultline ENGINE = Atomic",
		"CREATE TABLE faultline.calls (n UInt64) ENGINE = MergeTree ORDER BY n",
		"INSERT INTO faultline.calls SELECT number FROM numbers(1000)",
	} {
		if err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return errors.Join(conn.Close(), engine.Close())
}
