// Command retry is the function that schedules wake: the next attempt of a call, and
// every minute all that is due.
package main

import (
	"github.com/clawdbot/call-agent/internal/app/cloud"
)

func main() {
	cloud.Run(&cloud.Function{Handler: (*cloud.Plane).Retry, Needs: cloud.Needs{Scheduler: cloud.Schedules}})
}
