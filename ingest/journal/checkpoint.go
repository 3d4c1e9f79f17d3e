package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
)

// SetCheckpoint keeps a small text beside the records: all of it or, if the process dies meanwhile, all of
// the one before.
func (j *Journal) SetCheckpoint(text []byte) error {
	path := filepath.Join(j.cfg.Dir, "checkpoint")
	b := binary.LittleEndian.AppendUint32(nil, crc32.Checksum(text, castagnoli))
	if err := writeSynced(path+".new", append(b, text...)); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return syncDir(j.cfg.Dir)
}

func writeSynced(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Checkpoint returns the text kept last, nil if there is none. One that is damaged is an error: what it said
// can only be guessed.
func (j *Journal) Checkpoint() ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(j.cfg.Dir, "checkpoint"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if len(b) < 4 || crc32.Checksum(b[4:], castagnoli) != binary.LittleEndian.Uint32(b) {
		return nil, fmt.Errorf("%s is damaged: delete it to store again everything in the journal, which counts twice what was stored before",
			filepath.Join(j.cfg.Dir, "checkpoint"))
	}
	return b[4:], nil
}
