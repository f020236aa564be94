package realtime

import (
	"time"

	"github.com/clawdbot/call-agent/media"
)

// translations says what each server event means for a call. An event that is not
// here means nothing to it, today's or tomorrow's.
var translations = map[string]func(ServerEvent) media.AgentEvent{
	"response.output_audio.delta": func(e ServerEvent) media.AgentEvent {
		if e.ResponseID == "" || e.ItemID == "" {
			return media.AgentGarbled{}
		}
		return &media.AgentAudio{ResponseID: e.ResponseID, ItemID: e.ItemID, ContentIndex: e.ContentIndex, Audio: e.Delta}
	},
	"response.output_audio.done": func(e ServerEvent) media.AgentEvent {
		return media.AgentAudioDone{ResponseID: e.ResponseID, ItemID: e.ItemID}
	},
	"response.output_audio_transcript.done": func(e ServerEvent) media.AgentEvent {
		return media.AgentTranscript{ResponseID: e.ResponseID, ItemID: e.ItemID, Text: e.Transcript}
	},
	"input_audio_buffer.speech_started": func(e ServerEvent) media.AgentEvent {
		return media.CalleeStarted{ItemID: e.ItemID, AtMS: int(e.AudioStartMS)}
	},
	"input_audio_buffer.speech_stopped": func(e ServerEvent) media.AgentEvent { return media.CalleeStopped{ItemID: e.ItemID} },
	"input_audio_buffer.committed":      func(e ServerEvent) media.AgentEvent { return media.CalleeCommitted{ItemID: e.ItemID} },
	"conversation.item.input_audio_transcription.completed": func(e ServerEvent) media.AgentEvent {
		return media.CalleeTranscript{ItemID: e.ItemID, Text: e.Transcript, Seconds: min(max(e.Usage.Seconds, 0), mostSeconds), Tokens: count(e.Usage.TotalTokens)}
	},
	"conversation.item.input_audio_transcription.failed": func(e ServerEvent) media.AgentEvent {
		return media.CalleeTranscript{ItemID: e.ItemID, Failed: true}
	},
	"response.created": func(e ServerEvent) media.AgentEvent {
		if e.Response.ID == "" {
			return media.AgentGarbled{} // of no response: it must not be taken for the one we asked for
		}
		return media.ResponseStarted{ResponseID: e.Response.ID, Kind: e.Response.Metadata["kind"]}
	},
	"response.done":             responseEnded,
	"response.output_item.done": functionCall,
	"session.updated":           listening,
	"error": func(e ServerEvent) media.AgentEvent {
		return media.AgentFault{Fault: fault(e.Error), EventID: e.Error.EventID}
	},
	"rate_limits.updated": limits,
}

// translate returns nil for an event that means nothing to a call.
func translate(ev ServerEvent) media.AgentEvent {
	if f, ok := translations[ev.Type]; ok {
		return f(ev)
	}
	return nil
}

func responseEnded(e ServerEvent) media.AgentEvent {
	if e.Response.ID == "" {
		return media.AgentGarbled{} // of no response: the one that runs has not ended
	}
	out := media.ResponseEnded{ResponseID: e.Response.ID, Usage: usage(e.Response.Usage)}
	for _, item := range e.Response.Output {
		for _, part := range item.Content {
			if part.Kind() == "output_audio" && part.Transcript != "" {
				out.Said += part.Transcript + "\n"
			}
		}
	}
	switch e.Response.Status {
	case "cancelled":
		out.Status = media.ResponseCancelled
	case "incomplete":
		out.Status = media.ResponseIncomplete
	case "failed":
		out.Status, out.Fault = media.ResponseFailed, fault(e.Response.StatusDetails.Error)
	}
	return out
}

// functionCall acts on complete calls only: arguments.done also comes on
// interruption, with half the arguments (research section 11).
func functionCall(e ServerEvent) media.AgentEvent {
	if e.Item.Type != "function_call" || e.Item.Status != "completed" || e.Item.CallID == "" {
		return nil
	}
	return media.AgentCall{ResponseID: e.ResponseID, CallID: e.Item.CallID, Name: e.Item.Name, Arguments: e.Item.Arguments}
}

func listening(e ServerEvent) media.AgentEvent {
	t := e.Session.Audio.Input.TurnDetection
	if t == nil {
		return media.AgentListening{}
	}
	return media.AgentListening{Listen: media.Listen{Respond: t.CreateResponse, Interrupt: t.InterruptResponse}}
}

// limits reports the longest wait among the limits.
func limits(e ServerEvent) media.AgentEvent {
	var longest float64
	for _, l := range e.RateLimits {
		longest = max(longest, l.ResetSeconds)
	}
	return media.AgentLimits{Reset: time.Duration(min(longest, 3600) * float64(time.Second))}
}

// What one event may bill at most: beyond it the number is a mistake of the service's.
const (
	mostTokens  = 10_000_000
	mostSeconds = 24 * 3600
)

// count is a number of tokens; one that cannot be is cut to what can.
func count(n int) int { return min(max(n, 0), mostTokens) }

func usage(u Usage) media.Usage {
	in, out := u.InputTokenDetails, u.OutputTokenDetails
	m := media.Usage{
		Responses: 1, InputTokens: count(u.InputTokens), OutputTokens: count(u.OutputTokens),
		TextIn: count(in.TextTokens), AudioIn: count(in.AudioTokens), CachedIn: count(in.CachedTokens),
		CachedText: count(in.CachedTokensDetails.TextTokens), CachedAudio: count(in.CachedTokensDetails.AudioTokens),
		TextOut: count(out.TextTokens), AudioOut: count(out.AudioTokens),
	}
	if m.TextIn+m.AudioIn == 0 {
		m.UnspecifiedTokens += m.InputTokens
	}
	if m.TextOut+m.AudioOut == 0 {
		m.UnspecifiedTokens += m.OutputTokens
	}
	return m
}
