package realtimetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math"
	"slices"
)

// voices are those of the service; the rest belong to text-to-speech (research section 4).
var voices = []string{"alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"}

// clientEvents are the shapes of all eleven client events (research section 6).
var clientEvents = func() map[string]check {
	id := short(512)
	event := func(required string, keys map[string]check) check {
		keys["type"], keys["event_id"] = text, id
		return fields("type "+required, keys)
	}
	return map[string]check{
		"session.update":             event("session", map[string]check{"session": sessionShape}),
		"input_audio_buffer.append":  event("audio", map[string]check{"audio": text}),
		"input_audio_buffer.commit":  event("", map[string]check{}),
		"input_audio_buffer.clear":   event("", map[string]check{}),
		"output_audio_buffer.clear":  event("", map[string]check{}),
		"conversation.item.create":   event("item", map[string]check{"item": itemShape, "previous_item_id": text}),
		"conversation.item.retrieve": event("item_id", map[string]check{"item_id": text}),
		"conversation.item.delete":   event("item_id", map[string]check{"item_id": text}),
		"conversation.item.truncate": event("item_id content_index audio_end_ms", map[string]check{
			"item_id": text, "content_index": integer(0, math.MaxInt32), "audio_end_ms": integer(0, math.MaxInt32),
		}),
		"response.create": event("", map[string]check{"response": responseShape}),
		"response.cancel": event("", map[string]check{"response_id": text}),
	}
}()

var (
	metadata = nullable(func(path string, value any) *fault {
		if f := anyObject(path, value); f != nil {
			return f
		}
		m := value.(map[string]any)
		if len(m) > 16 {
			return refuse("invalid_value", path, "Invalid '%s': too many properties. Expected an object with at most 16 properties, but got %d instead.", path, len(m))
		}
		for key, v := range m {
			if f := short(512)(join(path, key), v); f != nil {
				return f
			}
		}
		return nil
	})
	modalities = list(1, 1, oneOf("audio", "text"))
	// pcmu and pcma have no rate; pcm must have one (research section 4).
	formatShape = byType("type", map[string]check{
		"audio/pcmu": fields("type", map[string]check{"type": text}),
		"audio/pcma": fields("type", map[string]check{"type": text}),
		"audio/pcm":  fields("type rate", map[string]check{"type": text, "rate": integer(24000, 24000)}),
	})
	voiceShape    = either(oneOf(voices...), fields("id", map[string]check{"id": text}))
	functionShape = byType("type", map[string]check{"function": fields("type name",
		map[string]check{"type": text, "name": short(64), "description": text, "parameters": anyObject})})
	toolChoice = either(oneOf("none", "auto", "required"), fields("type name",
		map[string]check{"type": oneOf("function"), "name": text}))
	reasoning = fields("", map[string]check{"effort": oneOf("minimal", "low", "medium", "high", "xhigh")})
	maxTokens = either(oneOf("inf"), integer(1, 4096))
	tools     = list(0, 128, functionShape)
	prompt    = nullable(fields("id", map[string]check{"id": text, "version": nullable(text), "variables": nullable(anyObject)}))

	turnDetection = nullable(byType("type", map[string]check{
		"server_vad": fields("type", map[string]check{
			"type": text, "threshold": number(0, 1), "prefix_padding_ms": integer(0, 60000), "silence_duration_ms": integer(0, 60000),
			"create_response": boolean, "interrupt_response": boolean, "idle_timeout_ms": nullable(integer(5000, 30000)),
		}),
		"semantic_vad": fields("type", map[string]check{
			"type": text, "eagerness": oneOf("low", "medium", "high", "auto"), "create_response": boolean, "interrupt_response": boolean,
		}),
	}))
	transcription = nullable(fields("", map[string]check{
		"model": text, "language": text, "languages": list(1, 64, text), "keywords": list(0, 256, text), "prompt": text,
		"delay": oneOf("minimal", "low", "medium", "high", "xhigh"),
	}))
	noiseReduction = nullable(fields("", map[string]check{"type": oneOf("near_field", "far_field"), "strength": number(0, math.MaxFloat64)}))
	tracing        = nullable(either(oneOf("auto"), fields("", map[string]check{"workflow_name": text, "group_id": text, "metadata": anyObject})))
	truncation     = either(oneOf("auto", "disabled"), fields("type retention_ratio", map[string]check{
		"type": oneOf("retention_ratio"), "retention_ratio": number(0, 1),
		"token_limits": fields("", map[string]check{"post_instructions": integer(0, math.MaxInt32)}),
	}))

	sessionShape = fields("type", map[string]check{
		"type": oneOf("realtime"), "model": text, "output_modalities": modalities, "instructions": text,
		"audio": fields("", map[string]check{
			"input": fields("", map[string]check{
				"format": formatShape, "transcription": transcription,
				"noise_reduction": noiseReduction, "turn_detection": turnDetection,
			}),
			"output": fields("", map[string]check{"format": formatShape, "voice": voiceShape, "speed": number(0.25, 1.5)}),
		}),
		"include": list(0, 1, oneOf("item.input_audio_transcription.logprobs")), "tracing": tracing, "tools": tools,
		"tool_choice": toolChoice, "parallel_tool_calls": boolean, "reasoning": reasoning, "max_output_tokens": maxTokens,
		"truncation": truncation, "prompt": prompt,
	})
	responseShape = fields("", map[string]check{
		"output_modalities": modalities, "instructions": text,
		"audio": fields("", map[string]check{"output": fields("", map[string]check{"format": formatShape, "voice": voiceShape})}),
		"tools": tools, "tool_choice": toolChoice, "parallel_tool_calls": boolean, "reasoning": reasoning,
		"max_output_tokens": maxTokens, "conversation": oneOf("auto", "none"), "metadata": metadata, "prompt": prompt,
		"input": list(0, 1024, byType("type", withReference(itemShapes))),
	})
	itemShape  = byType("type", itemShapes)
	itemShapes = map[string]check{
		"message": byType("role", map[string]check{
			"system":    message("input_text"),
			"user":      message("input_text", "input_audio", "input_image"),
			"assistant": message("output_text", "output_audio"),
		}),
		"function_call":        item("name arguments", map[string]check{"name": text, "arguments": text, "call_id": text}),
		"function_call_output": item("call_id output", map[string]check{"call_id": text, "output": text}),
	}
)

func item(required string, keys map[string]check) check {
	keys["id"], keys["type"] = short(32), text
	keys["object"], keys["status"] = oneOf("realtime.item"), oneOf("completed", "incomplete", "in_progress")
	return fields(required, keys)
}

func message(parts ...string) check {
	part := fields("type", map[string]check{
		"type": oneOf(parts...), "text": text, "audio": text, "transcript": nullable(text),
		"image_url": text, "detail": oneOf("auto", "low", "high"),
	})
	return item("role content", map[string]check{"role": text, "content": list(0, 64, part)})
}

func withReference(shapes map[string]check) map[string]check {
	shapes = maps.Clone(shapes)
	shapes["item_reference"] = fields("type id", map[string]check{"type": text, "id": text})
	return shapes
}

// checkShape judges an event alone, without the state of a session. It returns the event's type too.
func checkShape(frame []byte) (string, *fault) {
	decoder := json.NewDecoder(bytes.NewReader(frame))
	decoder.UseNumber()
	var event any
	if err := decoder.Decode(&event); err != nil {
		return "", refuse("invalid_json", "", "The event is not valid JSON: %v.", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return "", refuse("invalid_json", "", "One event per frame: there is more after the first.")
	}
	m, ok := event.(map[string]any)
	if !ok {
		return "", wrongType("event", "an object", event)
	}
	kind, ok := m["type"]
	if !ok {
		return "", refuse("missing_required_parameter", "type", "Missing required parameter: 'type'.")
	}
	if f := oneOf(slices.Sorted(maps.Keys(clientEvents))...)("type", kind); f != nil {
		return "", f
	}
	return kind.(string), clientEvents[kind.(string)]("", event)
}
