package main

import (
	"math"
	"slices"

	"golang.org/x/net/http2"
)

// inOrder sends the answers of a connection one after the other, in the order of their streams, as RFC 9112 asks it of pipelining. The requests are
// worked on all at once nevertheless.
type inOrder struct {
	control []http2.FrameWriteRequest // of no open stream: it does not wait
	open    []uint32                  // streams, the oldest first
	waiting map[uint32][]http2.FrameWriteRequest
}

func newInOrder() http2.WriteScheduler {
	return &inOrder{waiting: map[uint32][]http2.FrameWriteRequest{}}
}

// OpenStream is called in the order in which requests come.
func (s *inOrder) OpenStream(stream uint32, _ http2.OpenStreamOptions) {
	s.open = append(s.open, stream)
}

// CloseStream is called when an answer is out, or is not wanted any more.
func (s *inOrder) CloseStream(stream uint32) {
	s.open = slices.DeleteFunc(s.open, func(one uint32) bool { return one == stream })
	delete(s.waiting, stream)
}

// AdjustStream is about priorities: there are none.
func (s *inOrder) AdjustStream(uint32, http2.PriorityParam) {}

// Push takes a frame that is ready.
func (s *inOrder) Push(frame http2.FrameWriteRequest) {
	stream := frame.StreamID()
	if !slices.Contains(s.open, stream) {
		s.control = append(s.control, frame)
		return
	}
	s.waiting[stream] = append(s.waiting[stream], frame)
}

// Pop gives the next frame to be sent: while the oldest stream has none, nothing is.
func (s *inOrder) Pop() (http2.FrameWriteRequest, bool) {
	if len(s.control) > 0 {
		frame := s.control[0]
		s.control = s.control[1:]
		return frame, true
	}
	if len(s.open) == 0 || len(s.waiting[s.open[0]]) == 0 {
		return http2.FrameWriteRequest{}, false
	}
	oldest := s.open[0]
	frame, rest, parts := s.waiting[oldest][0].Consume(math.MaxInt32)
	switch parts {
	case 0: // the client's window is full
		return http2.FrameWriteRequest{}, false
	case 1:
		s.waiting[oldest] = s.waiting[oldest][1:]
	default:
		s.waiting[oldest][0] = rest
	}
	return frame, true
}
