package prefetch

import "github.com/gorilla/websocket"

// WebSocketReads adds what reading a message of audio touches.
func WebSocketReads(ws *websocket.Conn, reading *Set) {
	Value(reading, ws)
	reading.Behind(ws, aFrame, "br")
}

// WebSocketWrites adds what writing one touches.
func WebSocketWrites(ws *websocket.Conn, writing *Set) {
	Value(writing, ws)
	writing.Behind(ws, aFrame, "mu")
	writing.Behind(ws, aFrame, "writeBuf")
}
