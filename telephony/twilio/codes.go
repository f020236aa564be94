package twilio

// codeWords are plain words, and the mend, for the codes a create can answer with
// (research section 1.3). Twilio's own messages are not used: they hold numbers.
var codeWords = map[int]string{
	10001: "The Twilio account is not active; reactivate it in the Twilio console.",
	10004: "The Twilio account has as many calls under way as it may have; the call will be tried again. Complete the account's business profile to raise the limit.",
	13227: "Twilio may not call this country from the account; allow it under Voice geographic permissions in the Twilio console.",
	20003: "Twilio did not accept the credentials, or the account is suspended; check twilio.accountSid and twilio.authToken.",
	20005: "The Twilio account is not active; reactivate it in the Twilio console.",
	20008: "These are Twilio test credentials, which cannot place this call; configure the live ones.",
	20404: "Twilio knows no such account; check twilio.accountSid and twilio.baseUrl.",
	20429: "Twilio is getting too many requests from this account; the call will be tried again.",
	21201: "Twilio got no number to call; give `to` in E.164, such as +14155550123.",
	21205: "Twilio cannot use our webhook address; server.publicBaseUrl must be a public https URL without an underscore in its host.",
	21210: "twilio.fromNumber is not a number of this Twilio account; buy or verify it, or configure another one.",
	21211: "Twilio says that the number to call is not valid; check `to`.",
	21212: "twilio.fromNumber is not a valid number; configure one in E.164, such as +14155550100.",
	21213: "Twilio got no number to call from; configure twilio.fromNumber.",
	21214: "Twilio cannot reach the number to call; check `to`.",
	21215: "Twilio may not call this country from the account; allow it under Voice geographic permissions in the Twilio console.",
	21216: "Twilio blocks calls from this account to this number; calls to the US need an approved primary business profile.",
	21217: "Twilio says that the number to call is not valid; check `to`.",
	21219: "A Twilio trial account may only call numbers verified in it; verify the number or upgrade the account.",
	21222: "twilio.accountSid holds characters that no account SID has; copy it again from the Twilio console.",
	21224: "twilio.authToken holds characters that no auth token has; copy it again from the Twilio console.",
	21626: "Twilio refused a status callback event of ours; this version of the program does not fit Twilio's API.",
	32205: "Twilio may not call this country from the account; allow it under Voice geographic permissions in the Twilio console.",
}

func wordsOf(e *apiError, otherwise string) string {
	if w, ok := codeWords[e.code]; ok {
		return w
	}
	return otherwise
}

// sipWords say why a call failed in the network (RFC 3261 section 21).
var sipWords = map[string]string{
	"403": "the network refused the call",
	"404": "the number is not in service",
	"408": "the network did not answer in time",
	"410": "the number is no longer in service",
	"480": "the callee's phone cannot be reached",
	"484": "the number is incomplete",
	"486": "the line is busy",
	"487": "nobody answered",
	"500": "the network had a fault",
	"502": "the network had a fault",
	"503": "the network is overloaded",
	"600": "the line is busy",
	"603": "the callee's phone declined the call",
	"604": "the number is not in service",
	"607": "the callee's network blocked the call as unwanted",
	"608": "the callee's network blocked the call as unwanted",
}
