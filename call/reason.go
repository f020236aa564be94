package call

// EndReason says why an attempt ended. It comes from one closed list, the same
// in the record, the log and the metric (contract section 1).
type EndReason string

// How a conversation ended. The first six are what the model may say of it.
const (
	EndBooked      EndReason = "booked"
	EndRefused     EndReason = "refused"
	EndVoicemail   EndReason = "voicemail"
	EndWrongNumber EndReason = "wrong_number"
	EndCallback    EndReason = "callback"
	EndUnclear     EndReason = "unclear"

	EndCalleeHangup EndReason = "callee_hangup"
	EndSilence      EndReason = "silence"
	EndMaxLength    EndReason = "max_length"
	EndMachine      EndReason = "machine"
)

// What the provider reported of an attempt that had no conversation. EndCanceled is also
// what somebody asked for while the call was held.
const (
	EndBusy           EndReason = "busy"
	EndNoAnswer       EndReason = "no_answer"
	EndCanceled       EndReason = "canceled"
	EndProviderFailed EndReason = "provider_failed"
	EndRefusedDial    EndReason = "dial_refused"
	EndRateLimited    EndReason = "rate_limited"
	EndUnreachable    EndReason = "provider_unreachable"
)

// What went wrong on our side or between us and the provider.
const (
	EndDialUnknown     EndReason = "dial_unknown"
	EndGreetingUnheard EndReason = "greeting_unheard"
	EndStreamUnopened  EndReason = "stream_unopened"
	EndProviderLost    EndReason = "provider_lost"
	EndPhoneLost       EndReason = "phone_lost"
	EndBadStream       EndReason = "bad_stream"
	EndModelLost       EndReason = "model_lost"
	EndModelSilent     EndReason = "model_silent"
	EndDisclosure      EndReason = "disclosure_missing"
	EndDrained         EndReason = "drained"
	EndHostLost        EndReason = "host_lost"
)

// EndReasons lists the closed list.
func EndReasons() []EndReason {
	return []EndReason{
		EndBooked, EndRefused, EndVoicemail, EndWrongNumber, EndCallback, EndUnclear,
		EndCalleeHangup, EndSilence, EndMaxLength, EndMachine,
		EndBusy, EndNoAnswer, EndCanceled, EndProviderFailed, EndRefusedDial, EndRateLimited, EndUnreachable,
		EndDialUnknown, EndGreetingUnheard, EndStreamUnopened, EndProviderLost, EndPhoneLost,
		EndBadStream, EndModelLost, EndModelSilent, EndDisclosure, EndDrained, EndHostLost,
	}
}

// sessionStatus is the status of an attempt whose media session ended for this
// reason, given whether the callee heard the greeting. What we ended ourselves is
// failed, whatever the provider says later (architecture, "A call, end to end", 7).
func (r EndReason) sessionStatus(greetingHeard bool) Status {
	switch r {
	case EndVoicemail, EndMachine:
		return NoAnswer
	case EndBooked, EndRefused, EndWrongNumber, EndCallback, EndUnclear, EndCalleeHangup, EndSilence, EndMaxLength:
		// Nobody heard us: the conversation did not happen, whatever was said (contract section 2).
		if !greetingHeard {
			return Failed
		}
		return Completed
	case EndCanceled:
		return Canceled
	default:
		return Failed
	}
}

// providerReason is the end reason of an attempt that only the provider described.
func providerReason(s Status) EndReason {
	switch s {
	case Busy:
		return EndBusy
	case NoAnswer:
		return EndNoAnswer
	case Canceled:
		return EndCanceled
	case Completed:
		return EndGreetingUnheard
	default:
		return EndProviderFailed
	}
}
