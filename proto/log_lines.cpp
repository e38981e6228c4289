#include "log_lines.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "trainbus/request_line.hpp"

namespace trainbus {
namespace {

class JsonMessage : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& line) override {
    std::string_view text(message.payload.data(), message.payload.size());
    const auto request = take_request_id(text);
    append(line, text);
    if (request.empty()) return;
    line.append(std::string_view(",\"request\":"));
    append(line, request);
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<JsonMessage>(); }

 private:
  static void append(spdlog::memory_buf_t& line, std::string_view text) {
    line.append(nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }
};

class JournalPriority : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& line) override {
    const auto priority = [&] {
      switch (message.level) {
        case spdlog::level::critical: return '2';
        case spdlog::level::err: return '3';
        case spdlog::level::warn: return '4';
        case spdlog::level::info: return '6';
        default: return '7';
      }
    }();
    line.push_back('<');
    line.push_back(priority);
    line.push_back('>');
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<JournalPriority>(); }
};

}  // namespace

bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat found {};
  if (stream == nullptr || fstat(STDERR_FILENO, &found) != 0) return false;
  return std::to_string(found.st_dev) + ':' + std::to_string(found.st_ino) == stream;
}

std::shared_ptr<spdlog::logger> make_logger(const std::string& name, LogFormat format) {
  auto logger = spdlog::stderr_color_mt(name);
  auto formatter = std::make_unique<spdlog::pattern_formatter>(
      format == LogFormat::kJson ? spdlog::pattern_time_type::utc : spdlog::pattern_time_type::local);
  formatter->add_flag<JsonMessage>('*').add_flag<JournalPriority>('&');
  if (format == LogFormat::kJson)
    formatter->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","program":"%n","message":%*})");
  else if (stderr_is_journal())
    formatter->set_pattern("%&%v");
  else
    formatter->set_pattern("%H:%M:%S.%e %n %^%l%$ %v");
  logger->set_formatter(std::move(formatter));
  return logger;
}

}  // namespace trainbus
