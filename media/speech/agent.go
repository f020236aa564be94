package speech

// What the simulated agent says. SlotWords stand between the pairs.
const (
	LineBusiness    = "I would like to make an appointment."
	LineChecking    = "One moment please, I am checking the calendar."
	LineCheckTime   = "Let me check that time. One moment please."
	LineOfferOpen   = "How about"
	LineOfferClose  = "Would that suit you?"
	LineReadOpen    = "So that is"
	LineReadClose   = "Is that right?"
	LineBooking     = "I will book it now."
	LineBooked      = "The appointment is booked. Thank you and goodbye."
	LineNotFree     = "I am sorry, that time is not free."
	LineNoSlots     = "I am sorry, I have no free time to offer. We will call you again. Thank you and goodbye."
	LineBridgeDown  = "I am sorry, the calendar does not answer at the moment. Thank you for your time. Goodbye."
	LineUnderstood  = "I understand. Thank you for your time. Goodbye."
	LineOfCourse    = "Of course."
	LineStillThere  = "Are you still there?"
	LineAgain       = "Could you say that again please?"
	LineMoment      = "One moment please."
	LineDisclosure  = "Hello, this is an AI assistant."
	LineThanks      = "Thank you. Goodbye."
	LineApology     = "I am sorry, there is a technical problem. We will call you again. Goodbye."
	LineNotBooked   = "I am sorry, that time is no longer free."
	LineGoodbyeOnly = "Goodbye."
)

// AgentLines returns every sentence above as it is said with a slot in it, for tests of the vocabulary.
func AgentLines(slot string) []string {
	return []string{
		LineBusiness, LineChecking, LineCheckTime, Offer(slot), ReadBack(slot), LineBooking, LineBooked, LineNotFree,
		LineNoSlots, LineBridgeDown, LineUnderstood, LineOfCourse, LineStillThere, LineAgain, LineMoment,
		LineDisclosure, LineThanks, LineApology, LineNotBooked, LineGoodbyeOnly,
	}
}

// Offer returns the sentence that offers slot.
func Offer(slot string) string { return LineOfferOpen + " " + slot + "? " + LineOfferClose }

// ReadBack returns the sentence that reads slot back before it is booked.
func ReadBack(slot string) string { return LineReadOpen + " " + slot + ". " + LineReadClose }
