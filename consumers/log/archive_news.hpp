#pragma once
// Tells a broker what the sinks that are archives (archive=NAME) have on their disks, so that it may retire that.

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sink_runner.hpp"
#include "trainbus/control_client.hpp"

namespace trainbus {

// Single-threaded. Owns a DEALER socket. What no broker takes is said again; one that refuses is a line a minute.
class ArchiveNews {
 public:
  using Time = std::chrono::steady_clock::time_point;

  static constexpr std::chrono::seconds kEvery{10};  // at the soonest
  static constexpr std::chrono::seconds kAlive{60};  // where nothing changed
  static constexpr std::chrono::minutes kComplainEvery{1};
  static constexpr std::size_t kHeadsAPart = 8'000;  // a message must stay below 1 MiB

  explicit ArchiveNews(std::string broker);

  // Says what is due: after a sync that brought something, and while the archive lacks something. Waits at most a
  // second for the broker.
  void turn(const std::vector<SinkReport>& reports, Time now);
  // The same, due or not: the sinks have ended.
  void end(const std::vector<SinkReport>& reports, Time now);

 private:
  struct Said {
    std::shared_ptr<const StreamHeads> heads;
    bool lacks = true;  // the journal has more than the archive, or nobody has said
    Time next{}, alive{}, complain{};
  };
  // Sends the heads in parts.
  void say(const SinkReport& report, Said& said, Time now);
  // The answer to one part; empty when it did not come, or was a refusal.
  std::optional<v1::FetchReply> send(v1::FetchRequest& part);

  const std::string broker_;
  ControlClient client_;
  std::string problem_;               // of the last part
  std::map<std::string, Said> said_;  // by label
};

}  // namespace trainbus
