package twiliotest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// element is one XML element of a TwiML document.
type element struct {
	name     string
	attrs    map[string]string
	text     string
	children []*element
}

// grammar is the part of TwiML that the fake carries out; anything else is refused, so that
// a document which works here works there.
var grammar = map[string]struct{ attrs, children []string }{
	"Response":  {nil, []string{"Connect", "Say", "Pause", "Hangup", "Redirect"}},
	"Connect":   {[]string{"action", "method"}, []string{"Stream"}},
	"Stream":    {[]string{"url", "name", "track", "statusCallback", "statusCallbackMethod"}, []string{"Parameter"}},
	"Parameter": {[]string{"name", "value"}, nil},
	"Say":       {[]string{"voice", "language", "loop"}, nil},
	"Pause":     {[]string{"length"}, nil},
	"Hangup":    {nil, nil},
	"Redirect":  {[]string{"method"}, nil},
}

// twimlError carries Twilio's debugger code.
type twimlError struct {
	code int
	text string
}

// Error is the text.
func (e *twimlError) Error() string { return e.text }

func schemaFault(format string, args ...any) error {
	return &twimlError{codeSchema, fmt.Sprintf(format, args...)}
}

// parseTwiML reads and checks a document.
func parseTwiML(document []byte) (*element, error) {
	if len(document) > maxTwiML {
		return nil, &twimlError{codeDocumentTooLong, "the document is longer than 64 kB"}
	}
	root, err := parseXML(document)
	if err != nil {
		return nil, &twimlError{codeInvalidXML, fmt.Sprintf("the document is not XML: %v", err)}
	}
	if root.name != "Response" {
		return nil, schemaFault("the root is <%s>, not <Response>", root.name)
	}
	return root, root.check()
}

func parseXML(document []byte) (*element, error) {
	decoder := xml.NewDecoder(bytes.NewReader(document))
	var root *element
	var open []*element
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) && root != nil && len(open) == 0 {
			return root, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			e := &element{name: t.Name.Local, attrs: map[string]string{}}
			for _, a := range t.Attr {
				e.attrs[a.Name.Local] = a.Value
			}
			switch {
			case len(open) > 0:
				parent := open[len(open)-1]
				parent.children = append(parent.children, e)
			case root != nil:
				return nil, errors.New("more than one root element")
			default:
				root = e
			}
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].text += string(t)
			} else if len(bytes.TrimSpace(t)) > 0 {
				return nil, errors.New("text outside the root element")
			}
		}
	}
}

// check holds an element and all below it against the grammar.
func (e *element) check() error {
	rule, known := grammar[e.name]
	if !known {
		return schemaFault("<%s> is not a verb that this fake knows", e.name)
	}
	for name := range e.attrs {
		if !slices.Contains(rule.attrs, name) {
			return schemaFault("<%s> has no attribute %q", e.name, name)
		}
	}
	if e.name != "Say" && e.name != "Redirect" && strings.TrimSpace(e.text) != "" {
		return schemaFault("<%s> holds text", e.name)
	}
	for _, child := range e.children {
		if !slices.Contains(rule.children, child.name) {
			return schemaFault("<%s> is not allowed in <%s>", child.name, e.name)
		}
		if err := child.check(); err != nil {
			return err
		}
	}
	return e.checkMeaning()
}

func (e *element) checkMeaning() error {
	switch e.name {
	case "Connect":
		if len(e.children) != 1 {
			return schemaFault("<Connect> holds %d elements instead of one <Stream>", len(e.children))
		}
	case "Stream":
		if e.attrs["url"] == "" {
			return schemaFault("<Stream> has no url")
		}
	case "Parameter":
		if n := len(e.attrs["name"]) + len(e.attrs["value"]); e.attrs["name"] == "" || n >= 500 {
			return schemaFault("<Parameter> needs a name, and name and value must stay under 500 characters (%d)", n)
		}
	case "Say":
		if n := len(e.text); n == 0 || n >= 4096 {
			return schemaFault("<Say> needs 1 to 4095 bytes of text (%d)", n)
		}
	}
	return nil
}
