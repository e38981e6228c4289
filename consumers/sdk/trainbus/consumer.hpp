#pragma once
// The consumer SDK: the whole history, then live records, without a seam, in order per stream, each once.
//
//   trainbus::Consumer bus({.kinds = {trainbus::v1::KIND_EPOCH}});
//   while (!stop)
//     if (const auto* record = bus.next(std::chrono::milliseconds(100)))
//       std::cout << record->topic.session.id() << ' ' << record->message.epoch_data().average_loss() << '\n';

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
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
  std::vector<Kind> kinds = {};       // kept kinds wanted; empty: all of them
  std::string run = {};               // "" : all
  std::string trainer = {};           // "" : all; needs run
  bool history = true;                // false: only what is published from now on
  bool heartbeats = false;            // also hand out heartbeat records (live, unordered)
  StreamHeads heads = {};             // where to go on: these and earlier are not handed out again
  zmq::context_t* context = nullptr;  // nullptr: one context for the process
};

struct Record {
  Topic topic;
  v1::MetricsRequest message;
  std::string bytes;  // `message` as the trainer sent it
  bool from_history = false;
  std::int64_t order = 0;   // of its incarnation (v1::Incarnation): the larger is the newer. 0: not known
  std::int64_t age_ms = 0;  // since the broker took it in, by the broker's clock; 0 of a live one
};

struct ConsumerCounters {
  std::uint64_t received = 0;    // kept records handed out
  std::uint64_t heartbeats = 0;  // taken, handed out or not
  std::uint64_t duplicates = 0;  // seen before, dropped
  std::uint64_t gaps = 0;        // times records were found missing in the live feed and asked from the journal
  std::uint64_t lost = 0;        // records the journal says are gone for ever
  // Live records dropped because too much waited for its turn; the journal repairs them.
  std::uint64_t dropped_aside = 0;
  std::map<std::string, std::uint64_t> rejected;  // not handed out, by wire error
};

// One subscription. Single-threaded: every call from the thread that made it. Owns a SUB and a DEALER socket.
// Memory is bounded: what arrives faster than next() is called is fetched again from the journal.
// It doubts a silent feed: after 5 s without any message, while the broker is linked on the control port, it asks the
// broker to confirm the subscription; after a further 5 s without an answer or a message it makes the subscription anew
// and fetches what it missed.
// Where only the control port is reached, as through a tunnel with one port, it follows by pages of the journal a few
// times a second, says so (by_pages, port_trouble), and goes back to the live feed as soon as that answers.
class Consumer {
 public:
  // Throws std::invalid_argument with one line on a bad address, name or kind. Connects in the background and never
  // waits for the broker.
  explicit Consumer(ConsumerOptions options);
  ~Consumer();
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  // The next record, or nullptr when none came within `timeout`. Valid until the next call. To be called again and
  // again: subscriptions are renewed and gaps are repaired in here.
  const Record* next(std::chrono::milliseconds timeout);

  // True once the history that existed when it connected has been handed out (without history: once subscribed).
  bool caught_up() const;
  // The connection stands, and the broker was heard within the last 5 seconds and has not said goodbye since.
  bool connected() const;
  // Why the broker does not give the next page of its journal, which is asked for again and again: one line, empty when
  // it does. A damaged journal file is such a reason; what is behind the damage does not come.
  const std::string& journal_trouble() const;
  // Which port of the broker does not answer, and why, in one line; empty while all that are needed do. Known a second
  // or two after it fell silent.
  const std::string& port_trouble() const;
  // The live feed does not answer, and records are fetched instead: some 0.3 s late, heartbeats every 2 s.
  bool by_pages() const;
  // (handed out, estimated total) of the history, for a progress display.
  std::pair<std::uint64_t, std::uint64_t> progress() const;

  const StreamHeads& heads() const;
  const ConsumerCounters& counters() const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace trainbus
