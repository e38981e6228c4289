#pragma once
// sink.h for C++: a sink is a class, an error is an exception.
//
//   class MySink : public trainbus::Sink {
//    public:
//     static constexpr trainbus_sink_option kOptions[] = {{"path", "PATH", nullptr, "where to write", 0}, {}};
//     static constexpr trainbus::SinkInfo kInfo{"mine", "one line about it", TRAINBUS_SINK_HOST_KEEPS, kOptions};
//     explicit MySink(const trainbus::SinkOptions& options) : path_(options.text("path")) {}
//     ...
//   };
//   TRAINBUS_EXPORT_SINK(MySink)
//
// A plug-in built with this header uses the C++ classes of the trainbus-log that loads it (CMake: link
// trainbus::trainbus_sink, which adds no copy of them), so it must be built with the same version of trainbus; another
// one is refused. sink.h alone has no such tie.

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "trainbus/consumer.hpp"
#include "trainbus/sink.h"
#include "trainbus/sink_options.hpp"

namespace trainbus {

// One kept record, valid during the call only.
class SinkRecord {
 public:
  // `parsed` is scratch space that may be kept from record to record.
  SinkRecord(const trainbus_record& record, v1::MetricsRequest& parsed) : record_(record), parsed_(parsed) {}

  std::string_view kind() const { return record_.kind; }
  std::string_view run() const { return record_.run; }
  std::string_view trainer() const { return record_.trainer; }
  std::uint64_t incarnation() const { return record_.incarnation; }
  std::int64_t order() const { return record_.order; }
  std::uint64_t sequence() const { return record_.sequence; }
  std::int64_t timestamp_ms() const { return record_.timestamp_ms; }
  // As the trainer sent it.
  std::string_view bytes() const { return {static_cast<const char*>(record_.message), record_.message_size}; }
  const v1::MetricsRequest& message() const {
    if (record_.parsed != nullptr) return *static_cast<const v1::MetricsRequest*>(record_.parsed);
    if (!is_parsed_) is_parsed_ = parsed_.ParseFromArray(record_.message, static_cast<int>(record_.message_size));
    return parsed_;
  }
  // One JSON object without a newline.
  std::string_view json() const {
    std::size_t size = 0;
    const char* text = record_.json(&record_, &size);
    return {text, size};
  }
  StreamKey stream() const {
    return {std::string(run()).append(1, '/').append(trainer()), incarnation(), kind_from_name(kind())};
  }

 private:
  const trainbus_record& record_;
  v1::MetricsRequest& parsed_;
  mutable bool is_parsed_ = false;
};

// The place has gone for good: TRAINBUS_SINK_OVER.
struct SinkOver : std::runtime_error {
  using runtime_error::runtime_error;
};

// Every function may throw std::exception with one line (what, which value, why): it has failed, and the next call is
// open() or the destructor. Threads and promises of each call: sink.h.
class Sink {
 public:
  virtual ~Sink() = default;
  // What the place has, when the sink is one that knows (TRAINBUS_SINK_KNOWS); else empty.
  virtual StreamHeads open() = 0;
  virtual void write(const SinkRecord& record) = 0;
  virtual void flush() = 0;
  virtual void sync() {}
  // A line for the log of trainbus-log.
  void warn(const std::string& line) const { host_->warn(host_, "%s", line.c_str()); }
  // A bound was met: sink.h. Any thread.
  void limit_met(const char* limit, double bound, const char* unit, const char* policy) const {
    host_->limit_met(host_, limit, bound, unit, policy);
  }
  // Where the records come from. Not in the constructor.
  std::string broker() const { return host_->broker; }

 private:
  friend struct SinkCalls;
  const trainbus_host* host_ = nullptr;
};

struct SinkInfo {
  const char* name;
  const char* summary;
  std::uint32_t position;
  const trainbus_sink_option* options;
};

// The C functions of a sink class.
struct SinkCalls {
  struct Instance {
    std::unique_ptr<Sink> sink;
    v1::MetricsRequest scratch;
  };

  template <typename Action>
  static int guarded(const trainbus_host* host, Action action) noexcept {
    try {
      action();
      return 0;
    } catch (const SinkOver& error) {
      host->fail(host, "%s", error.what());
      return TRAINBUS_SINK_OVER;
    } catch (const std::exception& error) {
      return host->fail(host, "%s", error.what());
    } catch (...) {
      return host->fail(host, "threw something that is no std::exception");
    }
  }
  template <typename Made>
  static void* create(const trainbus_host* host, const char* const* values) {
    auto instance = std::make_unique<Instance>();
    const int status = guarded(host, [&] {
      instance->sink = std::make_unique<Made>(SinkOptions(Made::kInfo.options, values));
      instance->sink->host_ = host;
    });
    return status == 0 ? instance.release() : nullptr;
  }
  static int open(void* self) {
    const auto* host = sink(self).host_;
    return guarded(host, [&] {
      for (const auto& [stream, sequence] : sink(self).open()) {
        const auto slash = stream.session_id.find('/');
        host->have(host, std::string(kind_name(stream.kind)).c_str(), stream.session_id.substr(0, slash).c_str(),
                   stream.session_id.substr(slash + 1).c_str(), stream.incarnation, sequence);
      }
    });
  }
  static int write(void* self, const trainbus_record* record) {
    auto* instance = static_cast<Instance*>(self);
    return guarded(instance->sink->host_, [&] { instance->sink->write(SinkRecord(*record, instance->scratch)); });
  }
  static int flush(void* self) {
    return guarded(sink(self).host_, [&] { sink(self).flush(); });
  }
  static int sync(void* self) {
    return guarded(sink(self).host_, [&] { sink(self).sync(); });
  }
  static void destroy(void* self) { delete static_cast<Instance*>(self); }

 private:
  static Sink& sink(void* self) { return *static_cast<Instance*>(self)->sink; }
};

template <typename Made>
const trainbus_sink_type* sink_type() {
  static constexpr trainbus_sink_type kType = {
      .abi = TRAINBUS_SINK_ABI,
      .position = Made::kInfo.position,
      .built_with = TRAINBUS_VERSION,
      .name = Made::kInfo.name,
      .summary = Made::kInfo.summary,
      .options = Made::kInfo.options,
      .create = SinkCalls::create<Made>,
      .open = SinkCalls::open,
      .write = SinkCalls::write,
      .flush = SinkCalls::flush,
      .sync = SinkCalls::sync,
      .destroy = SinkCalls::destroy,
  };
  return &kType;
}

}  // namespace trainbus

#define TRAINBUS_EXPORT_SINK(Made) \
  extern "C" const trainbus_sink_type* trainbus_sink(void) { return trainbus::sink_type<Made>(); }
