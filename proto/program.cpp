#include "trainbus/program.hpp"

#include <google/protobuf/stubs/logging.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <iostream>
#include <stdexcept>
#include <thread>

#include "standard_output.hpp"
#include "trainbus/addresses.hpp"
#include "trainbus/endpoints.hpp"
#include "trainbus/file_limit.hpp"

namespace trainbus {
namespace {

std::atomic<int> first_signal{0};
static_assert(std::atomic<int>::is_always_lock_free);

void on_stop_signal(int number) {
  int none = 0;
  first_signal.compare_exchange_strong(none, number, std::memory_order_relaxed);
}

void install_signals() {
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

// What the program does, without a word on whether its output was written.
int run_checked(CLI::App& app, int argc, char** argv, const std::function<int()>& run) {
  const std::string name = app.get_name();
  app.set_version_flag("--version", name + ' ' + version());
  app.failure_message([&](const CLI::App*, const CLI::Error& error) {
    return name + ": " + error.what() + " (--help shows the flags)\n";
  });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  auto logger = spdlog::stderr_color_mt(name);
  logger->set_pattern("%H:%M:%S.%e %n %^%l%$ %v");
  spdlog::set_default_logger(logger);
  // Of each string that is not UTF-8 it would say so, a line a message: hostile bytes are counted, and fill no disk.
  google::protobuf::SetLogHandler(nullptr);
  try {
    return run();
  } catch (const std::exception& error) {
    std::cerr << name << ": " << error.what() << '\n';
    return 1;
  }
}

}  // namespace

const char* version() { return TRAINBUS_VERSION; }

bool stop_requested() { return first_signal.load(std::memory_order_relaxed) != 0; }

const char* stop_signal() {
  const int number = first_signal.load(std::memory_order_relaxed);
  return number == 0 ? "" : number == SIGINT ? "SIGINT" : "SIGTERM";
}

bool wait_or_stop(std::chrono::milliseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (!stop_requested()) {
    const auto left = until - std::chrono::steady_clock::now();
    if (left <= std::chrono::milliseconds::zero()) return false;
    std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(left, std::chrono::milliseconds(50)));
  }
  return true;
}

int run_program(CLI::App& app, int argc, char** argv, const std::function<int()>& run) {
  install_signals();  // before anything is written: a reader that has gone must not kill it
  raise_file_limit();
  StandardOutput output(app.get_name());
  const int status = run_checked(app, argc, argv, run);
  const bool written = output.flush();
  return status == 0 && !written ? 1 : status;
}

void require_loopback(const std::string& flag, const std::string& host, bool insecure) {
  if (insecure || is_loopback(host)) return;
  const auto addresses = addresses_of(host);
  const auto reachable = std::ranges::find_if_not(addresses, is_loopback);
  if (!addresses.empty() && reachable == addresses.end()) return;
  if (addresses.empty() && host != "*")
    throw std::invalid_argument(flag + " '" + host + "': no host is known by that name");
  const bool by_name = !addresses.empty() && *reachable != host;
  throw std::invalid_argument(flag + " '" + host + (by_name ? "' (" + *reachable + ')' : std::string("'")) +
                              " is not a loopback address; anybody who reaches it could read and control the "
                              "training. Use 127.0.0.1 (an SSH tunnel reaches it) or say --insecure");
}

}  // namespace trainbus
