package speech

import (
	"path"
	"strings"
	"time"
)

// SlotWords returns start in words that both voices know, in start's own zone: "thursday the fifth of
// march at eleven a m". With nameZone the words of ZoneWords(zoneName) follow.
func SlotWords(start time.Time, zoneName string, nameZone bool) string {
	words := []string{
		strings.ToLower(start.Weekday().String()),
		"the " + ordinals[start.Day()-1],
		"of " + strings.ToLower(start.Month().String()),
		"at " + clockWords(start),
	}
	if nameZone {
		words = append(words, ZoneWords(zoneName))
	}
	return strings.Join(words, " ")
}

// ZoneWords returns what people call an IANA zone: "pacific time", "berlin time". A zone of which no
// name was recorded is "local time". Only the agent's voice knows zones.
func ZoneWords(zoneName string) string {
	if words, ok := zones[zoneName]; ok {
		return words
	}
	city := strings.ToLower(strings.ReplaceAll(path.Base(zoneName), "_", " ")) + " time"
	if p, err := packOf(Agent); err == nil && p.clips[city] != nil {
		return city
	}
	return "local time"
}

var zones = map[string]string{
	"America/Los_Angeles": "pacific time", "America/Vancouver": "pacific time", "US/Pacific": "pacific time",
	"America/Denver": "mountain time", "America/Phoenix": "mountain time", "US/Mountain": "mountain time",
	"America/Chicago": "central time", "US/Central": "central time",
	"America/New_York": "eastern time", "America/Toronto": "eastern time", "US/Eastern": "eastern time",
	"UTC": "universal time", "Etc/UTC": "universal time",
}

// clockWords is the twelve-hour clock as it is spoken: "eleven a m", "one oh five p m".
func clockWords(t time.Time) string {
	hour, half := t.Hour()%12, "a m"
	if hour == 0 {
		hour = 12
	}
	if t.Hour() >= 12 {
		half = "p m"
	}
	words := numbers[hour]
	switch minute := t.Minute(); {
	case minute == 0:
	case minute < 10:
		words += " oh " + numbers[minute]
	default:
		words += " " + numberWords(minute)
	}
	return words + " " + half
}

func numberWords(n int) string {
	if n < len(numbers) {
		return numbers[n]
	}
	words := tens[n/10]
	if n%10 > 0 {
		words += " " + numbers[n%10]
	}
	return words
}

var (
	numbers = strings.Fields("zero one two three four five six seven eight nine ten eleven twelve thirteen " +
		"fourteen fifteen sixteen seventeen eighteen nineteen twenty")
	tens     = strings.Split("- - twenty thirty forty fifty", " ")
	ordinals = strings.Split("first,second,third,fourth,fifth,sixth,seventh,eighth,ninth,tenth,eleventh,twelfth,"+
		"thirteenth,fourteenth,fifteenth,sixteenth,seventeenth,eighteenth,nineteenth,twentieth,twenty first,"+
		"twenty second,twenty third,twenty fourth,twenty fifth,twenty sixth,twenty seventh,twenty eighth,"+
		"twenty ninth,thirtieth,thirty first", ",")
)
