#pragma once
// The consumer SDK: the whole history, then live records, without a seam, in order per stream, each once.
//
//   trainbus::Consumer bus({.kinds = {trainbus::v1::KIND_EPOCH}});
//   while (!stop)
//     if (const auto* record = bus.next(std::chrono::milliseconds(100)))
//       std::cout << record->topic.session.id() << ' ' << record->message.epoch_data().average_loss() << '\n';

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "trainbus/endpoints.hpp"
#include "trainbus/wire.hpp"

namespace zmq {
class context_t;
}

namespace trainbus {

// One stream: what a sequence counts within.
struct StreamKey {
  std::string session_id;
  std::uint64_t incarnation = 0;
  Kind kind = v1::KIND_UNKNOWN;
  auto operator<=>(const StreamKey&) const = default;
};
// The highest sequence had of each stream: a consumer's position. Kept by whoever wants to go on after a restart.
using StreamHeads = std::map<StreamKey, std::uint64_t>;

struct ConsumerOptions {
  std::string broker = default_broker();
  std::vector<Kind> kinds;            // kept kinds wanted; empty: all of them
  std::string run;                    // "" : all
  std::string trainer;                // "" : all; needs run
  bool history = true;                // false: only what is published from now on
  bool heartbeats = false;            // also hand out heartbeat records (live, unordered)
  StreamHeads heads;                  // where to go on: these and earlier are not handed out again
  zmq::context_t* context = nullptr;  // nullptr: one context for the process
};

struct Record {
  Topic topic;
  v1::MetricsRequest message;
  std::string bytes;  // `message` as the trainer sent it
  bool from_history = false;
};

struct ConsumerCounters {
  std::uint64_t received = 0;                     // handed out
  std::uint64_t duplicates = 0;                   // seen before, dropped
  std::uint64_t holes = 0;                        // found in the live feed, repaired from the journal
  std::uint64_t lost = 0;                         // records the journal says are gone for ever
  std::map<std::string, std::uint64_t> rejected;  // by wire error
};

// One subscription. Single-threaded: every call from the thread that made it. Owns a SUB and a DEALER socket.
// Memory is bounded: what arrives faster than next() is called is fetched again from the journal.
class Consumer {
 public:
  // Throws std::invalid_argument on a bad address or name. Connects in the background; never waits for the broker.
  explicit Consumer(ConsumerOptions options);
  ~Consumer();

  // The next record, or nullptr when none came within `timeout`. Valid until the next call.
  const Record* next(std::chrono::milliseconds timeout);

  // True once the history that existed when it connected has been handed out.
  bool caught_up() const;
  // The broker answered within the last few seconds.
  bool connected() const;
  // (handed out, estimated total) of the catching up, for a progress display.
  std::pair<std::uint64_t, std::uint64_t> progress() const;

  const StreamHeads& heads() const;
  const ConsumerCounters& counters() const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

// The newest tiles of each watched trainer: a thread drains the socket into one slot per trainer, and a newer batch
// replaces an older one that nobody took (counted).
struct TileFrame {
  Topic topic;
  std::shared_ptr<const std::string> bytes;  // a serialized MetricsRequest with BatchData
  std::int64_t received_unix_ms = 0;
  std::uint64_t sequence = 0;
};
struct TileCounters {
  std::uint64_t received = 0;
  std::uint64_t replaced = 0;      // a newer one took the slot
  std::uint64_t lost_on_link = 0;  // gaps in the sequence
  std::map<std::string, std::uint64_t> rejected;
};
class TileFeed {
 public:
  explicit TileFeed(std::string broker = default_broker(), zmq::context_t* context = nullptr);
  ~TileFeed();
  // Any thread. Watching states a demand (a lease, renewed by the feed) to the trainer; 0: no limit stated.
  void watch(const SessionName& session, double max_rate_hz = 0, int max_pixels = 0);
  void unwatch(const SessionName& session);
  // Called in the feed's thread whenever a slot was filled, at most once until take(); must not block. Set before
  // watch().
  void on_ready(std::function<void()> callback);
  // All filled slots, newest frame of each trainer. Any thread.
  std::vector<TileFrame> take();
  TileCounters counters() const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

// Requests on the control socket: commands, lists, counters. Single-threaded; every call waits at most `timeout`
// and gives an empty optional when no broker answered in time.
struct IssuedCommand {
  std::vector<v1::AddressedCommand> states;  // one per addressed trainer
  std::string error;                         // one line when refused as a whole (unknown session, bad value)
};
class ControlClient {
 public:
  explicit ControlClient(std::string broker = default_broker(), zmq::context_t* context = nullptr);
  ~ControlClient();

  // `session_id`: "run/trainer" or "run/*". A command without an id gets one.
  std::optional<IssuedCommand> issue(const std::string& session_id, v1::ControlCommand command,
                                     std::chrono::milliseconds timeout);
  std::optional<IssuedCommand> find(const std::string& command_id, std::chrono::milliseconds timeout);
  std::optional<v1::TrainerList> list(const std::string& run, std::chrono::milliseconds timeout);
  std::optional<v1::BrokerStats> stats(std::chrono::milliseconds timeout);
  // True when the broker has stored the alert; `session_id` is the trainer it is about.
  bool raise(const std::string& session_id, const v1::Alert& alert, std::chrono::milliseconds timeout);

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace trainbus
