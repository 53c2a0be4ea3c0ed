// Package events is what the agent has to tell: readiness reached, its own log, the guest's end. Everything is kept
// (log lines up to a limit), so that a listener that comes late hears it all in order.
package events

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"banger/guest/internal/api"
)

// MaxLogLines is how many log lines are kept.
const MaxLogLines = 1000

// Severity of a log line.
type Severity string

const (
	Info  Severity = "info"
	Warn  Severity = "warn"
	Error Severity = "error"
)

// Readiness, Log and Ending are the events as they are sent.
type Readiness struct {
	Type  string    `json:"type"`
	Level api.Level `json:"level"`
	AtMs  int64     `json:"atMs"`
}

type Log struct {
	Type       string   `json:"type"`
	Seq        int64    `json:"seq"`
	TimeUnixMs int64    `json:"timeUnixMs"`
	Level      Severity `json:"level"`
	Message    string   `json:"message"`
}

type Ending struct {
	Type string   `json:"type"`
	Mode api.Mode `json:"mode"`
}

type entry struct {
	number int64
	isLog  bool
	event  any
}

// Journal keeps and hands out the events.
type Journal struct {
	uptime func() time.Duration
	now    func() time.Time
	// mirror sees every log line as it is written; it may be nil.
	mirror func(Log)

	mutex   sync.Mutex
	entries []entry
	logs    int
	logSeq  int64
	next    int64
	levels  []api.Level
	ending  bool
	changed chan struct{}
}

// Deps are the clocks a Journal reads.
type Deps struct {
	Uptime func() time.Duration
	Now    func() time.Time
	Mirror func(Log)
}

func NewJournal(deps Deps) *Journal {
	return &Journal{uptime: deps.Uptime, now: deps.Now, mirror: deps.Mirror, changed: make(chan struct{})}
}

// Reach records that a readiness level is reached; only the first time counts.
func (j *Journal) Reach(level api.Level) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	if slices.Contains(j.levels, level) {
		return
	}
	j.levels = append(j.levels, level)
	j.add(Readiness{Type: "readiness", Level: level, AtMs: j.uptime().Milliseconds()}, false)
}

// Levels returns the readiness levels reached so far.
func (j *Journal) Levels() []api.Level {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	return append([]api.Level{}, j.levels...)
}

// End records that the guest is going down and reports whether that was news.
func (j *Journal) End(mode api.Mode) bool {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	if j.ending {
		return false
	}
	j.ending = true
	j.add(Ending{Type: "ending", Mode: mode}, false)
	return true
}

// Logf records a line of the agent's log.
func (j *Journal) Logf(severity Severity, format string, arguments ...any) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.logSeq++
	line := Log{Type: "log", Seq: j.logSeq, TimeUnixMs: j.now().UnixMilli(), Level: severity, Message: fmt.Sprintf(format, arguments...)}
	if j.logs == MaxLogLines {
		oldest := slices.IndexFunc(j.entries, func(e entry) bool { return e.isLog })
		j.entries = slices.Delete(j.entries, oldest, oldest+1)
		j.logs--
	}
	j.logs++
	j.add(line, true)
	if j.mirror != nil {
		j.mirror(line)
	}
}

// Follow calls send with each event, those of the past first, until ctx ends or send fails.
func (j *Journal) Follow(ctx context.Context, send func(event any) error) error {
	seen := int64(0)
	for {
		batch, changed := j.since(seen)
		for _, e := range batch {
			if err := send(e.event); err != nil {
				return err
			}
			seen = e.number
		}
		if len(batch) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

func (j *Journal) add(event any, isLog bool) {
	j.next++
	j.entries = append(j.entries, entry{number: j.next, isLog: isLog, event: event})
	close(j.changed)
	j.changed = make(chan struct{})
}

func (j *Journal) since(number int64) ([]entry, <-chan struct{}) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	start := slices.IndexFunc(j.entries, func(e entry) bool { return e.number > number })
	if start < 0 {
		return nil, j.changed
	}
	return slices.Clone(j.entries[start:]), j.changed
}
