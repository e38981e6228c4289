#pragma once
// The way of media into the spool.

#include "media_encoder.hpp"
#include "trainer_state.hpp"

namespace trainbus {

// Encodes what waits and hands it to the spool, from where it goes like every record. Single-threaded and steppable.
class MediaLane {
 public:
  explicit MediaLane(TrainerState& state) : state_(state) {}

  // Encodes the oldest that waits, and no more: tiles go out in between. Never throws.
  void poll_once();
  // The end: what still waits is refused, and counted so.
  void drop_waiting();

 private:
  void encode(WaitingMedia& waiting);

  TrainerState& state_;
  MediaEncoder encoder_;
};

}  // namespace trainbus
