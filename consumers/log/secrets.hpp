#pragma once
// What must never be shown of a sink's options: values marked secret, and passwords within URLs.

#include <string>
#include <vector>

namespace trainbus {

struct SinkPlan;

class Secrets {
 public:
  explicit Secrets(const SinkPlan& plan);

  // The text with *** in place of each secret.
  std::string scrub(std::string text) const;

 private:
  std::vector<std::string> secrets_;  // longest first: one may be part of another
};

// "pw" of "nats://user:pw@host"; "" when there is none.
std::string url_password(const std::string& text);

}  // namespace trainbus
