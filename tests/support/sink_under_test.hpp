#pragma once
// A sink class driven as trainbus-log drives it: through its C functions.

#include <cstdarg>
#include <cstdio>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "trainbus/record_json.hpp"
#include "trainbus/sink.hpp"

namespace trainbus::test {

using OptionValues = std::map<std::string, std::string>;

// A failed call throws std::runtime_error with what the sink said.
template <typename Made>
class SinkUnderTest {
 public:
  explicit SinkUnderTest(const OptionValues& options) {
    for (const auto* option = type_->options; option->name != nullptr; ++option) {
      const auto given = options.find(option->name);
      values_.push_back(given != options.end() ? given->second : option->preset);
    }
    for (const auto& value : values_)
      pointers_.push_back(value.c_str());
    host_.fail = fail;
    host_.have = have;
    host_.limit_met = limit_met;
    host_.warn = warn;
    host_.broker = "tcp://127.0.0.1:1";
    instance_ = type_->create(&host_, pointers_.data());
    if (instance_ == nullptr) throw std::runtime_error(said());
  }
  ~SinkUnderTest() { type_->destroy(instance_); }
  SinkUnderTest(const SinkUnderTest&) = delete;
  SinkUnderTest& operator=(const SinkUnderTest&) = delete;

  StreamHeads open() {
    heads() = {};
    warnings().clear();
    limits().clear();
    check(type_->open(instance_));
    return heads();
  }
  void write(const Record& record) {
    const std::string kind(kind_name(record.topic.kind));
    const std::string bytes = record.message.SerializeAsString();
    const auto& message = record.message;
    const Given given({.kind = kind.c_str(),
                       .run = record.topic.session.run.c_str(),
                       .trainer = record.topic.session.trainer.c_str(),
                       .incarnation = message.incarnation(),
                       .sequence = message.sequence(),
                       .timestamp_ms = record_ms(message),
                       .message = bytes.data(),
                       .message_size = bytes.size(),
                       .json = Given::write_json,
                       .parsed = nullptr,
                       .order = record.order},
                      record, json_);
    check(type_->write(instance_, &given));
  }
  void flush() { check(type_->flush(instance_)); }
  void sync() { check(type_->sync(instance_)); }
  // How often which bound was met, since open().
  static std::map<std::string, int>& limits() {
    static std::map<std::string, int> met;
    return met;
  }
  // Said since open().
  static std::vector<std::string>& warnings() {
    static std::vector<std::string> lines;
    return lines;
  }

 private:
  struct Given : trainbus_record {
    Given(const trainbus_record& plain, const Record& from, std::string& buffer)
        : trainbus_record(plain), record(from), text(buffer) {}
    static const char* write_json(const trainbus_record* self, std::size_t* size) {
      const auto& given = *static_cast<const Given*>(self);
      given.text.clear();
      append_record_json(given.text, given.record);
      if (size != nullptr) *size = given.text.size();
      return given.text.c_str();
    }
    const Record& record;
    std::string& text;
  };
  static std::string& said() {
    static std::string text;
    return text;
  }
  static StreamHeads& heads() {
    static StreamHeads found;
    return found;
  }
  static int fail(const trainbus_host*, const char* format, ...) {
    char line[1024];
    std::va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    said() = line;
    return -1;
  }
  static void have(const trainbus_host*, const char* kind, const char* run, const char* trainer,
                   std::uint64_t incarnation, std::uint64_t sequence) {
    heads()[{std::string(run) + '/' + trainer, incarnation, kind_from_name(kind)}] = sequence;
  }
  static void warn(const trainbus_host*, const char* format, ...) {
    char line[1024];
    std::va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    warnings().emplace_back(line);
  }
  static void limit_met(const trainbus_host*, const char* limit, double, const char*, const char*) {
    ++limits()[limit];
  }
  static void check(int status) {
    if (status != 0) throw std::runtime_error(said());
  }

  const trainbus_sink_type* type_ = sink_type<Made>();
  std::vector<std::string> values_;
  std::vector<const char*> pointers_;
  trainbus_host host_{};
  void* instance_ = nullptr;
  std::string json_;
};

// What `action` throws.
template <typename Action>
std::string failure_of(Action action) {
  try {
    action();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "nothing failed";
}

}  // namespace trainbus::test
