package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// InstallOptions says where an installation takes the engine from.
type InstallOptions struct {
	// Package is the path of a package that is already on this machine, as `npm pack` leaves it, for
	// machines without network. Empty: npm fetches it.
	Package string

	Log *slog.Logger
}

// Install brings the engine library to this machine's cache and returns its path. If it is there already
// that is all; of several installers at once one installs and the others wait for it. The package must have
// the integrity this binary was built with, wherever it came from.
//
// It needs some 800 MB of disk, and npm unless opts.Package is set.
func Install(ctx context.Context, opts InstallOptions) (library string, err error) {
	if err := checkPlatform(); err != nil {
		return "", err
	}
	return pinned.install(ctx, opts)
}

func (r release) install(ctx context.Context, opts InstallOptions) (string, error) {
	library, err := r.path()
	if err != nil {
		return "", err
	}
	if r.check(library) == nil {
		return library, nil
	}
	if err := r.installAt(ctx, library, opts); err != nil {
		return "", fmt.Errorf("install the engine in %s: %w", filepath.Dir(library), explainFileError(err))
	}
	return library, nil
}

// installAt works in a directory beside the final one, so that the last step is a rename and half a library
// is never found at its place.
func (r release) installAt(ctx context.Context, library string, opts InstallOptions) error {
	log := opts.Log.With("component", "engine", "version", r.version)
	home := filepath.Dir(library)
	if err := os.MkdirAll(home, 0o755); err != nil {
		return err
	}
	unlock, err := lockDir(ctx, home, log)
	if err != nil {
		return err
	}
	defer unlock()
	if r.check(library) == nil {
		return nil // installed by the one waited for
	}
	if err := sweep(home); err != nil {
		return err
	}
	if err := r.checkSpace(home); err != nil {
		return err
	}
	work, err := os.MkdirTemp(home, workPattern)
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }() // if that fails, the next installation sweeps it

	begin := time.Now()
	archive := opts.Package
	if archive == "" {
		log.Info("fetching the engine with npm", "package", r.spec)
		if archive, err = npmPack(ctx, r.spec, work); err != nil {
			return err
		}
	}
	log.Info("verifying and unpacking the engine", "archive", archive)
	if err := r.verify(ctx, archive); err != nil {
		return err
	}
	unpacked := filepath.Join(work, filepath.Base(library))
	if err := r.unpack(ctx, archive, unpacked); err != nil {
		return err
	}
	if err := os.Rename(unpacked, library); err != nil {
		return err
	}
	log.Info("engine installed", "library", library, "took", time.Since(begin).Round(time.Millisecond))
	return nil
}

// workPattern names the directories that installations work in.
const workPattern = "install-*"

// sweep removes what installations that were killed have left. The caller holds the lock, so none is alive.
func sweep(home string) error {
	left, err := filepath.Glob(filepath.Join(home, workPattern))
	if err != nil {
		return err
	}
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("remove what an earlier installation left: %w", err)
		}
	}
	return nil
}

// lockDir waits until no other process installs in dir. The lock goes with the process that holds it.
func lockDir(ctx context.Context, dir string, log *slog.Logger) (unlock func(), err error) {
	file, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for waiting := false; ; waiting = true {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("lock: %w", err), file.Close())
		}
		if !waiting {
			log.Info("waiting for another installation of the engine to finish")
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), file.Close())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// checkSpace reports ErrDiskFull before anything is fetched rather than after minutes.
func (r release) checkSpace(dir string) error {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return fmt.Errorf("free space of %s: %w", dir, err)
	}
	need := uint64(r.size + r.size/2) // the library and, compressed, the package
	if free := fs.Bavail * uint64(fs.Bsize); free < need {
		return fmt.Errorf("%w (%d MB needed, %d MB free)", ErrDiskFull, need>>20, free>>20)
	}
	return nil
}
