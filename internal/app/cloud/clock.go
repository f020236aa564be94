package cloud

import (
	"log/slog"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/schedule/eventbridge"
)

// Schedules makes one-time schedules, in the functions that may: status, tools and retry.
// It is no field's default, so that the others do not link the client.
func Schedules(e Environment, _ *slog.Logger) call.Scheduler {
	return eventbridge.New(eventbridge.Options{
		Region: e.Region, Credentials: e.Credentials, Endpoint: e.Endpoint("SCHEDULER"),
		Group: e.ScheduleGroup, Role: e.ScheduleRole, Target: e.ScheduleTarget, DeadLetters: e.ScheduleDLQ,
	})
}
