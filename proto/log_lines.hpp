#pragma once
// How the lines of the log look: for people, as JSON, or for the journal of systemd.

#include <spdlog/logger.h>

#include <memory>
#include <string>

namespace trainbus {

enum class LogFormat { kText, kJson };

// Writes to stderr. Text is "12:30:01.500 NAME warning what"; where stderr is the journal (JOURNAL_STREAM) it is
// "<4>what" instead: journald knows the priority, and adds time and name. JSON is one object a line, with "time" (UTC),
// "level", "program", "message", and "request" where the line is about one (request_line.hpp).
std::shared_ptr<spdlog::logger> make_logger(const std::string& name, LogFormat format);
// True where a line of text would have a priority in front.
bool stderr_is_journal();

}  // namespace trainbus
