package config

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type door struct {
	Listen  string        `yaml:"listen"`
	Timeout time.Duration `yaml:"timeout"`
	MaxBody int64         `yaml:"max_body_bytes"`
	Origins []string      `yaml:"origins"`
}

type settings struct {
	Level    slog.Level `yaml:"level"`
	Demo     bool       `yaml:"demo"`
	Ratio    float64    `yaml:"ratio"`
	Doors    doors      `yaml:"doors"`
	Password string     `yaml:"password"`
	Target   string     `yaml:"target"`
}

type doors struct {
	GRPC    door `yaml:"grpc"`
	HTTP    door `yaml:"http"`
	Streams int  `yaml:"max_streams"`
}

func (s *settings) Validate() error {
	var errs []error
	if s.Doors.Streams <= 0 {
		errs = append(errs, errors.New("doors.max_streams must be positive"))
	}
	if s.Ratio < 0 || s.Ratio > 1 {
		errs = append(errs, errors.New("ratio must be between 0 and 1"))
	}
	return errors.Join(errs...)
}

func defaults() *settings {
	return &settings{
		Ratio: 0.5,
		Doors: doors{
			GRPC:    door{Listen: "localhost:4317", Timeout: 48 * time.Hour, MaxBody: 64 << 20},
			HTTP:    door{Listen: "localhost:4318", Timeout: 30 * time.Second, Origins: []string{"a", "b"}},
			Streams: 1000,
		},
	}
}

// write writes a configuration file and returns its path, which ends in f.yaml.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoad(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(secret, []byte("${not expanded}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		file  string
		env   []string
		flags []Flag
		want  func(*settings)
	}{
		"nothing given": {want: func(*settings) {}},
		"file over default": {
			file: "doors: {grpc: {listen: ':1'}}\nratio: 1\n",
			want: func(s *settings) { s.Doors.GRPC.Listen, s.Ratio = ":1", 1 },
		},
		"environment over file": {
			file: "doors: {grpc: {listen: ':1', timeout: 1s}}",
			env:  []string{"FAULTLINE_DOORS__GRPC__LISTEN=:2", "PATH=/bin"},
			want: func(s *settings) { s.Doors.GRPC.Listen, s.Doors.GRPC.Timeout = ":2", time.Second },
		},
		"flag over environment, last flag wins": {
			env:   []string{"FAULTLINE_DOORS__GRPC__LISTEN=:2"},
			flags: []Flag{{"--grpc", "doors.grpc.listen", ":3"}, {"--set", "doors.grpc.listen", ":4"}},
			want:  func(s *settings) { s.Doors.GRPC.Listen = ":4" },
		},
		"every type from text": {
			env: []string{
				"FAULTLINE_LEVEL=warn", "FAULTLINE_DEMO=true", "FAULTLINE_RATIO=0.25", "FAULTLINE_DOORS__MAX_STREAMS=1_000_0",
				"FAULTLINE_DOORS__HTTP__ORIGINS=x, y", "FAULTLINE_DOORS__HTTP__MAX_BODY_BYTES=1.5KiB", "FAULTLINE_DOORS__HTTP__TIMEOUT=1m30s",
			},
			want: func(s *settings) {
				s.Level, s.Demo, s.Ratio, s.Doors.Streams = slog.LevelWarn, true, 0.25, 10_000
				s.Doors.HTTP = door{Listen: "localhost:4318", Timeout: 90 * time.Second, MaxBody: 1536, Origins: []string{"x", "y"}}
			},
		},
		"every type from YAML": {
			file: "level: debug\ndemo: true\nratio: 1\ndoors: {max_streams: 7, http: {max_body_bytes: 1GiB, timeout: 0, origins: [x]}}",
			want: func(s *settings) {
				s.Level, s.Demo, s.Ratio, s.Doors.Streams = slog.LevelDebug, true, 1, 7
				s.Doors.HTTP = door{Listen: "localhost:4318", MaxBody: 1 << 30, Origins: []string{"x"}}
			},
		},
		"a list replaces the default": {
			file: "doors: {http: {origins: []}}",
			want: func(s *settings) { s.Doors.HTTP.Origins = []string{} },
		},
		"empty section, empty value and empty variable change nothing": {
			file: "doors:\nratio:\n",
			env:  []string{"FAULTLINE_TARGET=", "FAULTLINE_DOORS__MAX_STREAMS="},
			want: func(*settings) {},
		},
		"variables in the file": {
			file: "target: ${HOST}:${PORT:-80}/$${HOST}\ndoors: {max_streams: '${N}', http: {origins: ['${HOST}']}}\npassword: a$b",
			env:  []string{"HOST=h", "N=3"},
			want: func(s *settings) {
				s.Target, s.Password, s.Doors.Streams, s.Doors.HTTP.Origins = "h:80/${HOST}", "a$b", 3, []string{"h"}
			},
		},
		"a variable cannot add structure": {
			file: "target: ${X}",
			env:  []string{"X=a\nratio: 1"},
			want: func(s *settings) { s.Target = "a\nratio: 1" },
		},
		"the environment itself is not expanded": {
			env:  []string{"FAULTLINE_PASSWORD=${X}"},
			want: func(s *settings) { s.Password = "${X}" },
		},
		"secret from a file, over a weaker source": {
			file: "password: weak",
			env:  []string{"FAULTLINE_PASSWORD_FILE=" + secret},
			want: func(s *settings) { s.Password = "${not expanded}" },
		},
		"secret over a weaker source's file": {
			file: "password_file: " + secret,
			env:  []string{"FAULTLINE_PASSWORD=strong"},
			want: func(s *settings) { s.Password = "strong" },
		},
		"what Kubernetes injects, and our own variables, are no settings": {
			env: []string{
				"FAULTLINE_CONFIG=/etc/f.yaml", "FAULTLINE_URL=http://faultline:8080", "FAULTLINE_ENGINE_CACHE=/tmp", "FAULTLINE_API_SERVICE_HOST=10.0.0.1",
				"FAULTLINE_API_SERVICE_PORT=80", "FAULTLINE_API_SERVICE_PORT_HTTP=80", "FAULTLINE_PORT=tcp://10.0.0.1:80",
				"FAULTLINE_API_PORT_80_TCP=tcp://10.0.0.1:80", "FAULTLINE_API_PORT_80_TCP_ADDR=10.0.0.1",
			},
			want: func(*settings) {},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			from := Sources{Environ: tt.env, Flags: tt.flags}
			if tt.file != "" {
				from.File = write(t, tt.file)
			}
			got, want := defaults(), defaults()
			tt.want(want)
			if err := Load(got, from); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("settings differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadMistakes(t *testing.T) {
	tests := map[string]struct {
		file  string
		env   []string
		flags []Flag
		want  []string // one per line of the error, in order
	}{
		"unknown keys, everywhere, with what was meant": {
			file:  "dors: {}\ndoors: {grpc: {listn: x}}\nlisten: x",
			env:   []string{"FAULTLINE_DOORS__GRPC__TIMEOT=1s", "FAULTLINE_URLS=x"},
			flags: []Flag{{"--set", "doors.streams", "1"}},
			want: []string{
				"f.yaml: unknown key doors.grpc.listn; did you mean doors.grpc.listen?",
				"f.yaml: unknown key dors; did you mean doors?",
				"f.yaml: unknown key listen",
				"FAULTLINE_DOORS__GRPC__TIMEOT: unknown key doors.grpc.timeot; did you mean FAULTLINE_DOORS__GRPC__TIMEOUT?",
				"FAULTLINE_URLS: unknown key urls",
				"--set: unknown key doors.streams; did you mean doors.max_streams?",
			},
		},
		"the right word in the wrong section": {
			env:  []string{"FAULTLINE_OTHER__MAX_STREAMS=1"},
			want: []string{"FAULTLINE_OTHER__MAX_STREAMS: unknown key other.max_streams; did you mean FAULTLINE_DOORS__MAX_STREAMS?"},
		},
		"every wrong value at once": {
			file: "level: loud\nratio: half\ndemo: maybe\ndoors: {max_streams: 1.5, grpc: {timeout: 10, max_body_bytes: 12x}}",
			want: []string{
				`f.yaml: demo: "maybe" is neither true nor false`,
				`f.yaml: doors.grpc.max_body_bytes: "12x" is not a number, or a number of bytes such as 64MiB`,
				`f.yaml: doors.grpc.timeout: 10 is a duration without a unit; write for example 10s`,
				`f.yaml: doors.max_streams: 1.5 is not a whole number`,
				`f.yaml: level: "loud" is none of DEBUG, INFO, WARN and ERROR`,
				`f.yaml: ratio: "half" is not a number, or a number of bytes such as 64MiB`,
			},
		},
		"a section set to a value": {
			env:  []string{"FAULTLINE_DOORS=1"},
			want: []string{"FAULTLINE_DOORS: doors is a section and cannot be set to a value"},
		},
		"a value set to a section": {
			file: "ratio: {a: 1}",
			want: []string{"f.yaml: ratio: expected type 'float64', got unconvertible type 'map[string]interface {}'"},
		},
		"variables that are not set": {
			file: "target: ${A}${B}\npassword: ${A}",
			want: []string{"f.yaml: uses variables that are not set: A, B"},
		},
		"a secret given twice in one source": {
			env:  []string{"FAULTLINE_PASSWORD=a", "FAULTLINE_PASSWORD_FILE=/dev/null"},
			want: []string{"FAULTLINE_PASSWORD_FILE: password and password_file are both set; keep one"},
		},
		"a secret's file that is not there": {
			env:  []string{"FAULTLINE_PASSWORD_FILE=/nonexistent"},
			want: []string{"FAULTLINE_PASSWORD_FILE: password_file: open /nonexistent: no such file or directory"},
		},
		"_file is for secrets only": {
			env:  []string{"FAULTLINE_TARGET_FILE=/dev/null"},
			want: []string{"FAULTLINE_TARGET_FILE: unknown key target_file"},
		},
		"Validate has the last word, and all of them": {
			env:  []string{"FAULTLINE_RATIO=2", "FAULTLINE_DOORS__MAX_STREAMS=0"},
			want: []string{"doors.max_streams must be positive", "ratio must be between 0 and 1"},
		},
		"beside what cannot be read": {
			env: []string{"FAULTLINE_RATIO=2", "FAULTLINE_DOORS__MAX_STREAMS=many"},
			want: []string{
				`FAULTLINE_DOORS__MAX_STREAMS: doors.max_streams: "many" is not a number, or a number of bytes such as 64MiB`,
				"ratio must be between 0 and 1",
			},
		},
		"no YAML": {
			file: "a: [",
			want: []string{"did not find expected node content"},
		},
		"a key twice": {
			file: "ratio: 1\nratio: 0",
			want: []string{"read the configuration file", `line 2: mapping key "ratio" already defined at line 1`},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			from := Sources{Environ: tt.env, Flags: tt.flags}
			if tt.file != "" {
				from.File = write(t, tt.file)
			}
			err := Load(defaults(), from)
			if err == nil {
				t.Fatal("no error")
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(tt.want) {
				t.Fatalf("%d lines of error, want %d:\n%s", len(lines), len(tt.want), err)
			}
			for i, want := range tt.want {
				if !strings.Contains(lines[i], want) || strings.HasSuffix(want, "?") != strings.HasSuffix(lines[i], "?") {
					t.Errorf("line %d is\n%s\nwant\n%s", i, lines[i], want)
				}
			}
		})
	}
}

func TestMissingFileIsNamed(t *testing.T) {
	err := Load(defaults(), Sources{File: "/nonexistent.yaml"})
	if err == nil || !strings.Contains(err.Error(), "/nonexistent.yaml") {
		t.Errorf("error is %v", err)
	}
}

func TestPrintIsReadBack(t *testing.T) {
	want := defaults()
	want.Level, want.Password, want.Target = slog.LevelError, "p: #'$", "http://u:p@h/"
	var b bytes.Buffer
	if err := Print(&b, want, false); err != nil {
		t.Fatal(err)
	}
	got := &settings{}
	if err := Load(got, Sources{File: write(t, b.String())}); err != nil {
		t.Fatalf("%v in\n%s", err, b.String())
	}
	want.Doors.GRPC.Origins = []string{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings differ (-want +got):\n%s", diff)
	}
}

func TestPrintRedacts(t *testing.T) {
	s := defaults()
	s.Password, s.Target = "hunter2", "http://u:hunter2@h/"
	var b bytes.Buffer
	if err := Print(&b, s, true); err != nil {
		t.Fatal(err)
	}
	want := `level: INFO
demo: false
ratio: 0.5
doors:
  grpc:
    listen: localhost:4317
    timeout: 48h
    max_body_bytes: 67108864
    origins: []
  http:
    listen: localhost:4318
    timeout: 30s
    max_body_bytes: 0
    origins:
      - a
      - b
  max_streams: 1000
password: <redacted>
target: http://u:xxxxx@h/
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
}

func TestKeys(t *testing.T) {
	var got []string
	for _, k := range Keys(defaults()) {
		line := k.Path + " " + k.Variable() + " " + k.Default(defaults())
		if k.Secret {
			line += " (secret)"
		}
		got = append(got, line)
	}
	want := []string{
		"level FAULTLINE_LEVEL INFO",
		"demo FAULTLINE_DEMO false",
		"ratio FAULTLINE_RATIO 0.5",
		"doors.grpc.listen FAULTLINE_DOORS__GRPC__LISTEN localhost:4317",
		"doors.grpc.timeout FAULTLINE_DOORS__GRPC__TIMEOUT 48h",
		"doors.grpc.max_body_bytes FAULTLINE_DOORS__GRPC__MAX_BODY_BYTES 67108864",
		"doors.grpc.origins FAULTLINE_DOORS__GRPC__ORIGINS ",
		"doors.http.listen FAULTLINE_DOORS__HTTP__LISTEN localhost:4318",
		"doors.http.timeout FAULTLINE_DOORS__HTTP__TIMEOUT 30s",
		"doors.http.max_body_bytes FAULTLINE_DOORS__HTTP__MAX_BODY_BYTES 0",
		"doors.http.origins FAULTLINE_DOORS__HTTP__ORIGINS a,b",
		"doors.max_streams FAULTLINE_DOORS__MAX_STREAMS 1000",
		"password FAULTLINE_PASSWORD  (secret)",
		"target FAULTLINE_TARGET ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys differ (-want +got):\n%s", diff)
	}
}

// FuzzLoad looks for files and variables that make Load panic, or that it takes and Print cannot give back.
func FuzzLoad(f *testing.F) {
	f.Add("doors: {grpc: {listen: x}}", "RATIO=1")
	f.Add("target: ${A:-b}", "DOORS__HTTP__ORIGINS=a,b")
	f.Add("doors: 1", "DOORS=1")
	f.Add("a: &a [*a]", "DOORS__GRPC=1")
	f.Fuzz(func(t *testing.T, text, variable string) {
		path := filepath.Join(t.TempDir(), "f.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got := defaults()
		if Load(got, Sources{File: path, Environ: []string{prefix + variable}}) != nil {
			return
		}
		var b bytes.Buffer
		if err := Print(&b, got, false); err != nil {
			t.Fatal(err)
		}
	})
}
