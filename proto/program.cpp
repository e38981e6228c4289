#include "trainbus/program.hpp"

#include <google/protobuf/stubs/logging.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <thread>

#include "config_file.hpp"
#include "log_lines.hpp"
#include "manual.hpp"
#include "standard_output.hpp"
#include "trainbus/addresses.hpp"
#include "trainbus/configuration.hpp"
#include "trainbus/endpoints.hpp"
#include "trainbus/file_limit.hpp"
#include "trainbus/service.hpp"

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
  std::signal(SIGXFSZ, SIG_IGN);  // a file at its limit is an error of the write, with a line
}

struct LogFlags {
  std::string format = "text";
  std::string level = "info";
  bool json() const { return format == "json"; }
};

void add_log_flags(CLI::App& app, LogFlags& flags) {
  app.add_option("--log-format", flags.format, "of the lines on stderr; json: an object a line")
      ->check(CLI::IsMember({"text", "json"}).description(""))
      ->type_name("text|json")
      ->capture_default_str()
      ->group(kCommonGroup);
  app.add_option("--log-level", flags.level, "the least that is written to stderr")
      ->check(CLI::IsMember({"debug", "info", "warning", "error", "off"}).description(""))
      ->type_name("debug|info|warning|error|off")
      ->capture_default_str()
      ->group(kCommonGroup);
}

void start_log(const CLI::App& app, const LogFlags& flags) {
  spdlog::set_default_logger(make_logger(app.get_name(), flags.json() ? LogFormat::kJson : LogFormat::kText));
  spdlog::set_level(spdlog::level::from_str(flags.level));
}

void reload(const Configuration& configuration) {
  const auto now = configuration.reread();
  if (!now.problem.empty()) return spdlog::error("SIGHUP: {}; nothing changes", now.problem);
  if (!now.log_level.empty()) spdlog::set_level(spdlog::level::from_str(now.log_level));
  std::string later;
  for (const auto& key : now.changed)
    if (key != "log-level") later += (later.empty() ? "" : ", ") + key;
  spdlog::info("SIGHUP: the configuration is read again{}",
               later.empty() ? "" : "; from the next start on counts the change of " + later);
}

int refuse(const CLI::App& app, const std::string& what) {
  std::cerr << app.get_name() << ": " << what << '\n';
  return 2;
}

// Not in --help: the build asks for them.
void add_manual_flags(CLI::App& app) {
  const auto print = [&app](const std::string& flag, std::string (*text)(const CLI::App&)) {
    const auto say = [&app, text] {
      std::cout << text(app);
      throw CLI::Success();
    };
    app.add_flag_callback(flag, say)->configurable(false)->group("");
  };
  print("--man-page", manual_page);
  print("--bash-completion", bash_completion);
}

// Empty when the program is to run, else its exit code.
std::optional<int> parse(CLI::App& app, int argc, char** argv, const Configuration& configuration) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help and the like
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    const auto problem = configuration.problem();
    return refuse(app, problem.empty() ? configuration.explained(error) + " (--help shows the flags)" : problem);
  }
  const auto problem = configuration.problem();
  if (!problem.empty()) return refuse(app, problem);
  if (!configuration.asked()) return std::nullopt;
  std::cout << configuration.text();
  return 0;
}

// What the program does, without a word on whether its output was written.
int run_checked(CLI::App& app, int argc, char** argv, const std::function<int()>& run) {
  app.set_version_flag("--version", std::string(app.get_name()) + ' ' + version());
  LogFlags log;
  add_log_flags(app, log);
  add_manual_flags(app);
  const Configuration configuration(app);
  if (const auto code = parse(app, argc, argv, configuration)) return *code;
  start_log(app, log);
  // Of each string that is not UTF-8 it would say so, a line a message: hostile bytes are counted, and fill no disk.
  google::protobuf::SetLogHandler(nullptr);
  on_reload([&] { reload(configuration); });
  int code = 1;
  try {
    code = run();
  } catch (const std::exception& error) {
    if (log.json() || stderr_is_journal())
      spdlog::error(error.what());
    else
      std::cerr << app.get_name() << ": " << error.what() << '\n';
  }
  on_reload({});
  notify_manager("STOPPING=1");
  return code;
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
  hold_reload_signal();
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
