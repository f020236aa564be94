package media

// EndReason says why a session ended. It is one closed list, [EndReasons]. It is an
// error too, so that it can be the cause with which a context is cancelled.
type EndReason string

// What the model said of the conversation with end_call: a claim, never proof.
const (
	// EndBooked: an appointment was agreed.
	EndBooked EndReason = "booked"
	// EndRefused: the callee wants no appointment.
	EndRefused EndReason = "refused"
	// EndVoicemail: a machine answered. No farewell is spoken.
	EndVoicemail EndReason = "voicemail"
	// EndWrongNumber: somebody else answered.
	EndWrongNumber EndReason = "wrong_number"
	// EndCallback: the callee asks to be called another time, or will call back.
	EndCallback EndReason = "callback"
	// EndUnclear: the conversation led nowhere.
	EndUnclear EndReason = "unclear"
)

// What happened to the conversation otherwise.
const (
	// EndCalleeHangup: the phone ended the stream while nothing was concluded.
	EndCalleeHangup EndReason = "callee_hangup"
	// EndSilence: the callee said nothing for SilenceHangup.
	EndSilence EndReason = "silence"
	// EndMaxLength: the call reached MaxLength.
	EndMaxLength EndReason = "max_length"
	// EndMachine: the carrier detected an answering machine or fax ([Session.HangUp]).
	EndMachine EndReason = "machine"
)

// What went wrong on our side or with the phone's stream.
const (
	// EndModelLost: the model's socket was lost, refused or gave a fatal error. Retryable.
	EndModelLost EndReason = "model_lost"
	// EndModelSilent: the model was there but did not speak when it was due. Retryable.
	EndModelSilent EndReason = "model_silent"
	// EndDisclosureMissing: the transcripts of the greeting and of its repetition lacked the disclosure.
	EndDisclosureMissing EndReason = "disclosure_missing"
	// EndPhoneLost: the phone's socket broke without a stop, or went silent for PhoneStall.
	EndPhoneLost EndReason = "phone_lost"
	// EndBadStream: what connected was no stream of this call, or sent too much garbage.
	EndBadStream EndReason = "bad_stream"
	// EndDrained: the host is being taken out of service and said goodbye ([Session.HangUp]).
	EndDrained EndReason = "drained"
	// EndCanceled: somebody who may asked for the end of the call ([Session.HangUp]).
	EndCanceled EndReason = "canceled"
	// EndHostLost: the session's context was cancelled without a reason: the host stopped at once.
	EndHostLost EndReason = "host_lost"
)

// EndReasons lists the closed list.
func EndReasons() []EndReason {
	return append(claims(),
		EndCalleeHangup, EndSilence, EndMaxLength, EndMachine,
		EndModelLost, EndModelSilent, EndDisclosureMissing, EndPhoneLost, EndBadStream, EndDrained, EndCanceled, EndHostLost)
}

// claims are the reasons that the model may give to end_call.
func claims() []EndReason {
	return []EndReason{EndBooked, EndRefused, EndVoicemail, EndWrongNumber, EndCallback, EndUnclear}
}

// Error makes a reason usable as the cause of a cancelled context.
func (r EndReason) Error() string { return "call ended: " + string(r) }

// spoken says whether a hang-up for this reason, asked for from outside, is announced by a farewell.
func (r EndReason) spoken() bool {
	switch r {
	case EndDrained, EndCanceled, EndMaxLength, EndSilence:
		return true
	case EndBooked, EndRefused, EndVoicemail, EndWrongNumber, EndCallback, EndUnclear, EndCalleeHangup,
		EndMachine, EndModelLost, EndModelSilent, EndDisclosureMissing, EndPhoneLost, EndBadStream, EndHostLost:
		return false
	}
	return false
}
