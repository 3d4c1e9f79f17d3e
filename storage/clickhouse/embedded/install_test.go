package embedded

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// smallRelease is a release that npm can pack from this machine: as the real one, but for its size.
func smallRelease(t *testing.T) (r release, archive string, library []byte) {
	t.Helper()
	source := t.TempDir()
	library = make([]byte, 300_000)
	rand.Read(library)
	write(t, filepath.Join(source, "package.json"), []byte(`{"name": "small-engine", "version": "1.2.3", "files": ["lib.so"]}`))
	write(t, filepath.Join(source, "lib.so"), library)

	archive, err := npmPack(t.Context(), source, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r = release{spec: source, version: "1.2.3", file: "package/lib.so", size: int64(len(library)), integrity: integrity(t, archive)}
	return r, archive, library
}

func integrity(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	hash := sha512.Sum512(content)
	return base64.StdEncoding.EncodeToString(hash[:])
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestInstall(t *testing.T) {
	r, archive, want := smallRelease(t)
	tests := map[string]struct {
		opts   InstallOptions
		before func(home string)
		path   string // PATH, where npm is looked for
	}{
		"fetched by npm":                   {path: os.Getenv("PATH")},
		"from a package, without npm":      {opts: InstallOptions{Package: archive}},
		"instead of half a library":        {opts: InstallOptions{Package: archive}, before: func(home string) { write(t, filepath.Join(home, "lib.so"), want[:1000]) }},
		"after one that was killed":        {opts: InstallOptions{Package: archive}, before: func(home string) { write(t, filepath.Join(home, "install-123"), want) }},
		"there already, nothing is needed": {before: func(home string) { write(t, filepath.Join(home, "lib.so"), want) }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cache := t.TempDir()
			home := filepath.Join(cache, "1.2.3")
			t.Setenv(cacheEnv, cache)
			t.Setenv("PATH", tt.path)
			if tt.before != nil {
				if err := os.Mkdir(home, 0o755); err != nil {
					t.Fatal(err)
				}
				tt.before(home)
			}
			tt.opts.Log = testLog(t)
			library, err := r.install(t.Context(), tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(library)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Error("what is installed is not what was packed")
			}
			wantOnly(t, home, "lib.so")
		})
	}
}

func TestInstallFails(t *testing.T) {
	r, archive, _ := smallRelease(t)
	cut := filepath.Join(t.TempDir(), "cut.tgz")
	content, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	write(t, cut, content[:len(content)/2])

	tests := map[string]struct {
		change func(r *release, opts *InstallOptions)
		env    map[string]string
		want   string
		is     error
	}{
		"no npm": {
			env:  map[string]string{"PATH": ""},
			want: "npm is needed to fetch the engine",
		},
		"no network": {
			change: func(r *release, _ *InstallOptions) { r.spec = "small-engine@1.2.3" },
			env:    map[string]string{"npm_config_registry": "http://127.0.0.1:1/", "npm_config_fetch_retries": "0"},
			want:   "npm does not reach its registry (ECONNREFUSED)",
		},
		"not the package": {
			change: func(r *release, _ *InstallOptions) { r.integrity = "AAAA" },
			want:   "expected sha512-AAAA",
		},
		"no such package file": {
			change: func(_ *release, opts *InstallOptions) { opts.Package = archive + ".not" },
			want:   "no such file or directory",
		},
		"package ends early": {
			change: func(r *release, opts *InstallOptions) { opts.Package, r.integrity = cut, integrity(t, cut) },
			want:   "unexpected EOF",
		},
		"package without the library": {
			change: func(r *release, _ *InstallOptions) { r.file = "package/other.so" },
			want:   "no package/other.so in it",
		},
		"library of another size": {
			change: func(r *release, _ *InstallOptions) { r.size++ },
			want:   "has 300000 bytes, expected 300001",
		},
		"no room": {
			change: func(r *release, _ *InstallOptions) { r.size = 1 << 60 },
			want:   "needed",
			is:     ErrDiskFull,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cache := t.TempDir()
			t.Setenv(cacheEnv, cache)
			for key, value := range tt.env {
				t.Setenv(key, value)
			}
			r, opts := r, InstallOptions{Log: testLog(t)}
			if tt.change != nil {
				tt.change(&r, &opts)
			}
			_, err := r.install(t.Context(), opts)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), cache) {
				t.Errorf("error %v, want %q and the directory in it", err, tt.want)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("error %v, want %v", err, tt.is)
			}
			wantOnly(t, filepath.Join(cache, "1.2.3"))
		})
	}
}

func TestInstallersAtOnce(t *testing.T) {
	r, archive, _ := smallRelease(t)
	t.Setenv(cacheEnv, t.TempDir())
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, errs[i] = r.install(t.Context(), InstallOptions{Package: archive, Log: testLog(t)}) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	library, err := r.path()
	if err != nil {
		t.Fatal(err)
	}
	wantOnly(t, filepath.Dir(library), "lib.so")
}

func TestInstallWaitsUntilItsContextEnds(t *testing.T) {
	r, archive, _ := smallRelease(t)
	cache := t.TempDir()
	t.Setenv(cacheEnv, cache)
	home := filepath.Join(cache, "1.2.3")
	if err := os.Mkdir(home, 0o755); err != nil {
		t.Fatal(err)
	}
	unlock, err := lockDir(t.Context(), home, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := r.install(ctx, InstallOptions{Package: archive, Log: testLog(t)}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want the context's", err)
	}
}

// wantOnly checks what a directory holds beside its lock.
func wantOnly(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		if entry.Name() != ".lock" {
			got = append(got, entry.Name())
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%s holds %v, want %v", dir, got, want)
	}
}
