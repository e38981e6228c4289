#pragma once
// Why nothing comes from a port: asked by a connection of its own, once something is amiss.

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace trainbus {

// Connects to "tcp://host:port" and waits for ZeroMQ's greeting, at most `limit` in all but for looking the name up.
// Empty when it comes; else what is wrong in a few words: "connection refused", "no answer within 1.0 s", "no host is
// known by that name", "closes the connection at once", "takes connections, but is no ZeroMQ port".
std::string port_problem(const std::string& endpoint, std::chrono::milliseconds limit);

// The same in the background. Any thread; an answer that is not waited for is dropped.
class PortProbe {
 public:
  explicit PortProbe(const std::string& endpoint, std::chrono::milliseconds limit = std::chrono::seconds(1));
  // Empty until it is known.
  std::optional<std::string> problem() const;

 private:
  struct Answer;
  std::shared_ptr<Answer> answer_;
};

}  // namespace trainbus
