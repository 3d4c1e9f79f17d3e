package embedded

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

// The user of Faultline's tiers inside an engine, and the database they use.
const (
	user     = "faultline"
	database = "faultline"
)

var (
	//go:embed config.xml
	configXML string
	//go:embed users.xml
	usersXML string

	templates = template.Must(template.Must(
		template.New("config.xml").Funcs(template.FuncMap{"xml": escapeXML}).Parse(configXML)).
		New("users.xml").Parse(usersXML))
)

// dataDir is the directory of one engine, as an absolute path:
//
//	secret      the password of the user faultline, made once
//	config.xml  what the engine reads at its start, rewritten when it has to change
//	users.xml
//	engine.log  what the engine logs, rotated by it
//	store/      the data
type dataDir string

func (d dataDir) secret() string { return filepath.Join(string(d), "secret") }
func (d dataDir) config() string { return filepath.Join(string(d), "config.xml") }
func (d dataDir) users() string  { return filepath.Join(string(d), "users.xml") }
func (d dataDir) log() string    { return filepath.Join(string(d), "engine.log") }
func (d dataDir) store() string  { return filepath.Join(string(d), "store") }

// prepareDataDir makes the directory ready for an engine and returns the password of its user.
func prepareDataDir(cfg Config) (dataDir, string, error) {
	abs, err := filepath.Abs(cfg.DataDir)
	if err != nil {
		return "", "", fmt.Errorf("data directory %s: %w", cfg.DataDir, err)
	}
	d := dataDir(abs)
	password, err := d.prepare(cfg.MemoryLimit)
	if err != nil {
		return "", "", fmt.Errorf("prepare data directory %s: %w", d, explainFileError(err))
	}
	return d, password, nil
}

func (d dataDir) prepare(memoryLimit int64) (password string, err error) {
	if err := os.MkdirAll(d.store(), 0o700); err != nil {
		return "", err
	}
	if password, err = d.loadSecret(); err != nil {
		return "", err
	}
	hash := sha256.Sum256([]byte(password))
	values := map[string]any{
		"Log":          d.log(),
		"Users":        d.users(),
		"MemoryLimit":  memoryLimit,
		"QueryMemory":  memoryLimit / 2,
		"User":         user,
		"PasswordHash": hex.EncodeToString(hash[:]),
	}
	for _, path := range []string{d.config(), d.users()} {
		var text bytes.Buffer
		if err := templates.ExecuteTemplate(&text, filepath.Base(path), values); err != nil {
			return "", err
		}
		if err := replaceFile(path, text.Bytes()); err != nil {
			return "", err
		}
	}
	return password, nil
}

// loadSecret reads the password, making it first if there is none. Two processes that find none at once
// agree on one: a link is made by the first only.
func (d dataDir) loadSecret() (string, error) {
	secret, err := os.ReadFile(d.secret())
	if errors.Is(err, fs.ErrNotExist) {
		if err := d.makeSecret(); err != nil {
			return "", err
		}
		secret, err = os.ReadFile(d.secret())
	}
	if err != nil {
		return "", err
	}
	if len(secret) == 0 {
		return "", fmt.Errorf("%s is empty; remove it and a new one is made", d.secret())
	}
	return string(secret), nil
}

func (d dataDir) makeSecret() (err error) {
	random := make([]byte, 32)
	rand.Read(random) // never fails: crypto/rand ends the process instead
	file, err := writeTemp(d.secret(), []byte(hex.EncodeToString(random)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(file)) }()
	if err := os.Link(file, d.secret()); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// replaceFile gives path a new content, all of it or none. A file that has it already is left alone, so
// that an engine can start on a full disk and answer queries.
func replaceFile(path string, content []byte) error {
	if current, err := os.ReadFile(path); err == nil && bytes.Equal(current, content) {
		return nil
	}
	file, err := writeTemp(path, content)
	if err != nil {
		return err
	}
	return os.Rename(file, path)
}

// writeTemp writes a file that only this user may read, next to path, and returns its name.
func writeTemp(path string, content []byte) (name string, err error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return "", err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Sync(), file.Close())
	if err != nil {
		return "", errors.Join(err, os.Remove(file.Name()))
	}
	return file.Name(), nil
}

func escapeXML(s string) (string, error) {
	var b strings.Builder
	err := xml.EscapeText(&b, []byte(s))
	return b.String(), err
}
