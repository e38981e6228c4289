#include "hosted_sink.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdarg>
#include <stdexcept>

#include "faced_record.hpp"
#include "trainbus/sink.hpp"

namespace trainbus {
namespace {

std::string formatted(const char* format, va_list arguments) {
  char text[2048];
  std::vsnprintf(text, sizeof text, format, arguments);
  return text;
}

std::string one_line(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

}  // namespace

struct HostedSink::Face : trainbus_host {
  explicit Face(HostedSink& owner)
      : trainbus_host{on_fail, on_have, on_warn, owner.broker_.c_str(), on_limit_met}, sink(owner) {}

  static HostedSink& of(const trainbus_host* self) { return static_cast<const Face*>(self)->sink; }
  static int on_fail(const trainbus_host* self, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    of(self).failure_ = formatted(format, arguments);
    va_end(arguments);
    return -1;
  }
  static void on_have(const trainbus_host* self, const char* kind, const char* run, const char* trainer,
                      std::uint64_t incarnation, std::uint64_t sequence) {
    auto session_id = std::string(run).append(1, '/').append(trainer);
    auto& head = of(self).told_[{std::move(session_id), incarnation, kind_from_name(kind)}];
    head = std::max(head, sequence);
  }
  static void on_warn(const trainbus_host* self, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const auto text = one_line(formatted(format, arguments));
    va_end(arguments);
    spdlog::warn("{}: {}", of(self).plan_.label, of(self).secrets_.scrub(text));
  }
  static void on_limit_met(const trainbus_host* self, const char* limit, double bound, const char* unit,
                           const char* policy) {
    auto& sink = of(self);
    sink.limits_.met(limit, bound, unit, sink.secrets_.scrub(one_line(policy)));
  }

  HostedSink& sink;
};

HostedSink::HostedSink(SinkPlan plan, std::string broker)
    : plan_(std::move(plan)),
      broker_(std::move(broker)),
      secrets_(plan_),
      limits_(plan_.label),
      face_(std::make_unique<Face>(*this)) {
  for (const auto& value : plan_.values)
    values_.push_back(value.c_str());
  try {
    call("create()", [this] { return (self_ = plan_.type->create(face_.get(), values_.data())) != nullptr ? 0 : -1; });
  } catch (const std::runtime_error& error) {
    throw std::invalid_argument(std::string(plan_.type->name) + ": " + error.what());
  }
}

HostedSink::~HostedSink() {
  try {
    plan_.type->destroy(self_);
  } catch (...) {
    spdlog::warn("{}: destroy() threw", plan_.label);
  }
}

template <typename Call>
void HostedSink::call(const char* name, Call call) {
  failure_.clear();
  busy_with_.store(name, std::memory_order_relaxed);
  busy_since_ms_.store(steady_ms(), std::memory_order_relaxed);
  int status = -1;
  try {
    status = call();
  } catch (const std::exception& error) {
    failure_ = error.what();
  } catch (...) {
    failure_ = std::string(name) + " threw something that is no std::exception";
  }
  busy_since_ms_.store(0, std::memory_order_relaxed);
  if (status == 0) return;
  if (failure_.empty()) failure_ = std::string(name) + " failed without saying why";
  const auto why = secrets_.scrub(one_line(failure_));
  if (status == TRAINBUS_SINK_OVER) throw SinkOver(why);
  throw std::runtime_error(why);
}

StreamHeads HostedSink::open() {
  told_.clear();
  call("open()", [this] { return plan_.type->open(self_); });
  std::erase_if(told_,
                [](const auto& head) { return !parse_session_id(head.first.session_id) || !is_kept(head.first.kind); });
  return std::move(told_);
}

void HostedSink::write(const Record& record) {
  const FacedRecord faced(record, json_);
  call("write()", [&] { return plan_.type->write(self_, &faced); });
}

void HostedSink::flush() {
  call("flush()", [this] { return plan_.type->flush(self_); });
}

void HostedSink::sync() {
  call("sync()", [this] { return plan_.type->sync(self_); });
}

}  // namespace trainbus
