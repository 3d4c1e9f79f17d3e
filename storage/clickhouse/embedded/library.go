package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Environment variables that say where the engine library is, for machines where the defaults do not do.
const (
	libraryEnv = "FAULTLINE_ENGINE_LIBRARY" // path of libchdb.so
	cacheEnv   = "FAULTLINE_ENGINE_CACHE"   // directory that holds a directory per installed version
)

// release is one version of the engine, as the registry has it.
type release struct {
	spec      string // what npm is asked for
	version   string
	integrity string // of the package: sha512, in base64
	file      string // of the library inside the package
	size      int64  // of the library, in bytes
}

// pinned is the release Faultline is tested with. It is not npm's "latest": that one has no listener.
var pinned = release{
	spec:      "@chdb/lib-linux-x64-gnu@26.7.3-stable.1",
	version:   "26.7.3-stable.1",
	integrity: "XP97mMqnc5tZpKQywR8N7cLTsHNiTmHr30pC5mzo3jWmukjKn2IBa60c2B/gWUNcuFjOMjWoorQICCqBVj5wpw==",
	file:      "package/libchdb.so",
	size:      566_330_096,
}

// Version is the version of the engine that Install installs.
func Version() string { return pinned.version }

// Library returns the path of the engine library: that in FAULTLINE_ENGINE_LIBRARY, else the installed one.
// The error is ErrNotInstalled if there is none.
func Library() (string, error) { return resolveLibrary("") }

// resolveLibrary is Library with a choice that goes before all others, if it is not empty.
func resolveLibrary(chosen string) (string, error) {
	if chosen == "" {
		chosen = os.Getenv(libraryEnv)
	}
	if chosen != "" {
		if _, err := os.Stat(chosen); err != nil {
			return "", fmt.Errorf("engine library: %w", err)
		}
		return filepath.Abs(chosen)
	}
	path, err := pinned.path()
	if err != nil {
		return "", err
	}
	return path, pinned.check(path)
}

// path is where the library of r is, once installed.
func (r release) path() (string, error) {
	cache := os.Getenv(cacheEnv)
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("find a cache directory (set %s to choose one): %w", cacheEnv, err)
		}
		cache = filepath.Join(user, "faultline", "engine")
	}
	return filepath.Abs(filepath.Join(cache, r.version, filepath.Base(r.file)))
}

// check reports whether the library is at path. It compares sizes only: the content was verified before it
// got there, and reading half a gigabyte at every start takes longer than the start.
func (r release) check(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w (no %s)", ErrNotInstalled, path)
	case err != nil:
		return fmt.Errorf("engine library: %w", err)
	case info.Size() != r.size:
		return fmt.Errorf("%w (%s is damaged: %d bytes instead of %d)", ErrNotInstalled, path, info.Size(), r.size)
	}
	return nil
}
