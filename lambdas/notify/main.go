// Command notify is the function that the table's stream wakes: it tells owners what came
// of their calls.
package main

import (
	"github.com/clawdbot/call-agent/internal/app/cloud"
)

func main() {
	cloud.Run(&cloud.Function{Handler: (*cloud.Plane).Notify})
}
