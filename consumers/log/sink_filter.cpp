#include "sink_filter.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <stdexcept>

namespace trainbus {
namespace {

bool is_pattern(const std::string& text) { return text.find_first_of("*?") != std::string::npos; }

bool matches(const std::string& pattern, const std::string& name) {
  if (pattern.empty()) return true;
  return is_pattern(pattern) ? fnmatch(pattern.c_str(), name.c_str(), 0) == 0 : pattern == name;
}

}  // namespace

bool SinkFilter::passes(const Record& record) const {
  const Kind kind = record.topic.kind;
  const bool thinned = every > 1 && (kind == v1::KIND_BATCH || kind == v1::KIND_PERF);
  if (thinned && (record.message.sequence() - 1) % every != 0) return false;
  return matches(run, record.topic.session.run) && matches(trainer, record.topic.session.trainer);
}

void SinkFilter::narrow(ConsumerOptions& bus) const {
  bus.kinds = kinds;
  if (run.empty() || is_pattern(run)) return;
  bus.run = run;
  if (!is_pattern(trainer)) bus.trainer = trainer;
}

std::vector<Kind> parse_kinds(const std::string& text) {
  std::vector<Kind> kinds;
  for (std::size_t at = 0; at <= text.size();) {
    const auto plus = std::min(text.find('+', at), text.size());
    const auto name = text.substr(at, plus - at);
    const Kind kind = kind_from_name(name);
    if (!is_kept(kind))
      throw std::invalid_argument("kinds: '" + name +
                                  "' is none; write batch+epoch, of batch, epoch, perf, status, command, alert");
    kinds.push_back(kind);
    at = plus + 1;
  }
  return kinds;
}

void check_name_pattern(const std::string& what, const std::string& pattern) {
  auto name = pattern;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '*' || c == '?'; }, '_');
  if (!pattern.empty() && !valid_name(name))
    throw std::invalid_argument(what + ": '" + pattern +
                                "' is not [A-Za-z0-9._-]{1,64}, with * and ? for any characters");
}

}  // namespace trainbus
