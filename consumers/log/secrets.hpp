#pragma once
// What must never be shown of a sink's options: values marked secret, and passwords within URLs and conninfo texts.

#include <string>
#include <vector>

namespace trainbus {

struct SinkPlan;

class Secrets {
 public:
  explicit Secrets(const SinkPlan& plan);

  // The text with *** in place of each secret.
  std::string scrub(std::string text) const;
  // Longest first.
  const std::vector<std::string>& all() const { return secrets_; }

 private:
  std::vector<std::string> secrets_;  // longest first: one may be part of another
};

// "pw" of each "scheme://user:pw@host", of "?password=pw" or "token=pw" in a URL, and of "password=pw" in conninfo; the
// token of "nats://token@host".
std::vector<std::string> passwords_in(const std::string& text);

// Overwrites with * what a secret of `secrets` takes up in `argument`, one of main()'s: another user sees those in the
// list of processes. True when there was one.
bool hide_in_argument(char* argument, const Secrets& secrets);

}  // namespace trainbus
