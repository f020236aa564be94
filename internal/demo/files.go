package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// writeFiles leaves what one wants to look at and listen to (contract section 6).
func writeFiles(dir string, s *stage, end ending) error {
	ics, err := os.ReadFile(s.icsPath)
	return errors.Join(err,
		write(dir, "calendar.ics", ics),
		writeJSON(dir, "timeline.json", s.story.timeline()),
		writeJSON(dir, "result.json", end.document),
		writeJSON(dir, "notification.json", s.hook.posts()),
		writeRecording(dir, s),
	)
}

func (s *story) timeline() []told {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]told(nil), s.events...)
}

func write(dir, name string, b []byte) error {
	if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func writeJSON(dir, name string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	return write(dir, name, append(b, '\n'))
}

func writeRecording(dir string, s *stage) error {
	f, err := os.Create(filepath.Join(dir, "call.wav"))
	if err != nil {
		return fmt.Errorf("write call.wav: %w", err)
	}
	return errors.Join(s.recording().WriteWAV(f), f.Close())
}
