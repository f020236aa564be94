package media

import "time"

// alarmClock is the timer behind a session's deadlines. Most of these are only ever put off,
// by every message: the timer is left alone then, and where it goes off too early, it is set
// again. The session's mu guards it.
type alarmClock struct {
	timer *time.Timer
	at    time.Time
	// armed: the timer will go off, or has and its function is not done.
	armed bool
}

// setAlarm has the timer go off at the next deadline at the latest. Callers hold mu.
func (s *Session) setAlarm() {
	at, ok := s.c.alarms.next()
	if !ok || s.alarm.armed && !at.Before(s.alarm.at) {
		return
	}
	if s.alarm.armed && !s.alarm.timer.Stop() {
		return // it has just gone off, and will set itself again
	}
	if !s.alarm.armed {
		s.work.Add(1)
	}
	s.alarm.armed, s.alarm.at = true, at
	if s.alarm.timer == nil {
		s.alarm.timer = time.AfterFunc(time.Until(at), s.ring)
		return
	}
	s.alarm.timer.Reset(time.Until(at))
}

// ring is the timer's function.
func (s *Session) ring() {
	defer s.work.Done()
	s.mu.Lock()
	s.alarm.armed = false
	if s.over {
		s.mu.Unlock()
		return
	}
	s.carryOut(time.Now())
}

// stopAlarm: nothing is to go off any more. Callers hold mu.
func (s *Session) stopAlarm() {
	if s.alarm.armed && s.alarm.timer.Stop() {
		s.alarm.armed = false
		s.work.Done()
	}
}
