package events

import (
	"context"
	"errors"
	"testing"
	"time"

	"banger/guest/internal/api"
)

func TestJournalKeepsTheLastLinesAndEveryLevel(t *testing.T) {
	journal := NewJournal(Deps{Uptime: func() time.Duration { return 5 * time.Second }, Now: time.Now})
	journal.Reach(api.LevelAgent)
	journal.Reach(api.LevelAgent)
	for index := range 2 * MaxLogLines {
		journal.Logf(Info, "line %d", index)
	}
	if !journal.End(api.ModeHalt) || journal.End(api.ModeReboot) {
		t.Error("the end was news twice or never")
	}
	enough := errors.New("enough")
	var got []any
	err := journal.Follow(context.Background(), func(event any) error {
		got = append(got, event)
		if _, last := event.(Ending); last {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || len(got) != MaxLogLines+2 {
		t.Fatalf("%d events, %v", len(got), err)
	}
	if first, ok := got[0].(Readiness); !ok || first.AtMs != 5000 {
		t.Errorf("first %+v", got[0])
	}
	if oldest, ok := got[1].(Log); !ok || oldest.Seq != MaxLogLines+1 || oldest.Message != "line 1000" {
		t.Errorf("oldest line %+v", got[1])
	}
}
