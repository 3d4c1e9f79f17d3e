package embedded

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
)

// verify compares the archive with the integrity of r, before anything in it is looked at.
func (r release) verify(ctx context.Context, archive string) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	hash := sha512.New()
	if _, err := io.Copy(hash, reader{ctx, file}); err != nil {
		return fmt.Errorf("read %s: %w", archive, err)
	}
	if got := base64.StdEncoding.EncodeToString(hash.Sum(nil)); got != r.integrity {
		return fmt.Errorf("%s is not the engine package %s: its integrity is sha512-%s, expected sha512-%s",
			archive, r.version, got, r.integrity)
	}
	return nil
}

// unpack writes the library inside the archive to path and has it on disk when it returns.
func (r release) unpack(ctx context.Context, archive, path string) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(reader{ctx, file})
	if err != nil {
		return fmt.Errorf("unpack %s: %w", archive, err)
	}
	for entries := tar.NewReader(unzipped); ; {
		entry, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("unpack %s: no %s in it", archive, r.file)
		}
		if err != nil {
			return fmt.Errorf("unpack %s: %w", archive, err)
		}
		if entry.Name == r.file && entry.Typeflag == tar.TypeReg {
			return r.write(path, entries)
		}
	}
}

func (r release) write(path string, content io.Reader) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	n, err := io.Copy(file, content)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write the library: %w", err)
	}
	if n != r.size {
		return fmt.Errorf("the library in the package has %d bytes, expected %d", n, r.size)
	}
	return nil
}

// reader ends a long read when its context does.
type reader struct {
	ctx context.Context
	io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
