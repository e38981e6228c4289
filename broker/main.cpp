#include <malloc.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "broker/broker.hpp"
#include "broker/journal_verbs.hpp"
#include "broker/metrics_port.hpp"
#include "broker/retention_text.hpp"
#include "trainbus/bus_key.hpp"
#include "trainbus/program.hpp"
#include "trainbus/service.hpp"

namespace {

// A message of tiles is one block of some 480 kB; by default glibc maps and unmaps it every time, and the page faults
// cost more than the copy. What is kept so is kept for each thread's memory, and malloc_trim() reaches the main one
// only.
void keep_large_blocks() {
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 16 << 20);
}

// The folder of --keys, else the user's own where trainbus-keys made one; "": none.
std::string chosen_keys_dir(const std::string& given) {
  const char* key = std::getenv("TRAINBUS_KEY");
  if (given == trainbus::kNoKey || (given.empty() && key != nullptr && key == std::string(trainbus::kNoKey))) return {};
  if (!given.empty()) return given;
  const auto own = trainbus::keys_folder();
  return !own.empty() && std::filesystem::exists(trainbus::broker_key_path(own)) ? own : "";
}

// Before the journal is read back, which may take a while: a probe is then told that the loop does not turn yet.
std::unique_ptr<trainbus::MetricsPort> metrics_at(const std::string& listen, std::vector<std::string> host_names,
                                                  const std::string& token_file, bool insecure) {
  if (listen.empty()) return nullptr;
  if (const auto address = trainbus::parse_listen(listen))
    trainbus::require_loopback("--metrics", address->host, insecure);
  auto token = token_file.empty() ? trainbus::BearerToken() : trainbus::BearerToken(token_file);
  return std::make_unique<trainbus::MetricsPort>(listen, std::move(host_names), trainbus::MetricsPort::kAnswerWithin,
                                                 std::move(token));
}

}  // namespace

int main(int argc, char** argv) {
  keep_large_blocks();
  CLI::App app(
      "The broker of the bus: forwards records from trainers to consumers, keeps the journal, routes commands.",
      "trainbus-broker");
  trainbus::BrokerOptions options;
  options.state_dir = "trainbus-state";
  std::string durability = "process";
  std::string retain, retain_bytes;
  std::string offline_dir;
  bool insecure = false;
  std::string metrics;
  std::vector<std::string> metrics_hosts;
  std::string metrics_token;
  app.add_option("--listen", options.listen,
                 "Base address tcp://HOST:P; P, P+1 and P+2 are used; port * finds free ones")
      ->capture_default_str();
  app.add_option("--state-dir", options.state_dir, "Folder of the journal; made when absent")->capture_default_str();
  app.add_option("--durability", durability,
                 "process: a stored record survives kill -9; power: also a power cut (fsync at each commit)")
      ->check(CLI::IsMember({"process", "power"}))
      ->capture_default_str();
  app.add_option("--io-threads", options.io_threads, "ZeroMQ I/O threads")
      ->check(CLI::Range(1, 16))
      ->capture_default_str();
  app.add_option_function<std::string>(
         "--retain", [&](const std::string& text) { retain = text; },
         "Retire records that the broker took in longer ago than this: 30d, 12h, 45m (default: keep everything)")
      ->check(trainbus::valid_by(trainbus::parse_retained_age));
  app.add_option_function<std::string>(
         "--retain-bytes", [&](const std::string& text) { retain_bytes = text; },
         "Retire the oldest records past this size of the journal: 500M, 10G (default: no limit)")
      ->check(trainbus::valid_by(trainbus::parse_retained_bytes));
  app.add_option("--retain-until-archived", options.retention.until_archived,
                 "Retire only what the archive of this name has on its disk (trainbus-log --sink ...,archive=NAME); "
                 "repeatable: what all of them have")
      ->type_name("NAME")
      ->check(trainbus::valid_by(trainbus::check_archive_name))
      ->allow_extra_args(false);
  app.add_option(
         "--keys", options.keys_dir,
         "Folder of trainbus-keys: who may come, read again on SIGHUP and on change (default: the user's own, if "
         "there is one; off: no keys)")
      ->type_name("DIR");
  app.add_option(
         "--metrics", metrics,
         "Serve /metrics to Prometheus, and /healthz and /readyz to probes, as 127.0.0.1:9463 (default: nowhere)")
      ->type_name("HOST:PORT");
  app.add_option("--metrics-host", metrics_hosts, "A name by which that may be asked, beside localhost; repeatable")
      ->allow_extra_args(false);
  app.add_option("--metrics-token", metrics_token,
                 "File with the token that who asks for /metrics must show: Authorization: Bearer TOKEN");
  app.add_flag("--insecure", insecure,
               "Listen on an address that others can reach, without keys; --metrics, which has none, too");
  auto* check = app.add_subcommand("check", "Read a journal that no broker has open and say what is damaged: exit 1");
  check->add_option("STATE_DIR", offline_dir, "Folder of the journal")->required();
  auto* repair = app.add_subcommand("repair", "Make a whole journal of a damaged one, of every record still found");
  repair->add_option("STATE_DIR", offline_dir, "Folder of the journal; the damaged file is kept there")->required();
  app.footer(
      "Example:\n  trainbus-broker --state-dir ~/runs/bus\n  trainbus-train --run demo --name t0     (finds it at "
      "tcp://127.0.0.1:7760)\n\nThe journal is STATE_DIR/journal.sqlite; its view `history` is for you to query.\n"
      "  trainbus-broker check ~/runs/bus         after a disk went bad; then, if it says so:\n"
      "  trainbus-broker repair ~/runs/bus");
  return trainbus::run_program(app, argc, argv, [&] {
    if (*check) return trainbus::check_state_dir(offline_dir);
    if (*repair) return trainbus::repair_state_dir(offline_dir);
    const auto metrics_port = metrics_at(metrics, metrics_hosts, metrics_token, insecure);
    options.keys_dir = chosen_keys_dir(options.keys_dir);
    insecure = insecure || !options.keys_dir.empty();
    trainbus::require_loopback("--listen", trainbus::parse_endpoints(options.listen).host, insecure);
    if (!retain.empty()) options.retention.max_age_ms = trainbus::parse_retained_age(retain);
    if (!retain_bytes.empty()) options.retention.max_bytes = trainbus::parse_retained_bytes(retain_bytes);
    if (!options.retention.until_archived.empty() && !options.retention.any())
      throw std::invalid_argument(
          "--retain-until-archived needs --retain or --retain-bytes: nothing is retired without");
    if (durability == "power") options.durability = trainbus::Durability::kPower;
    trainbus::Broker broker(options);
    std::cout << "trainbus-broker: listening on " << broker.endpoints().base() << std::endl;
    const auto [trainers, files] = broker.room();
    if (options.keys_dir.empty())
      spdlog::info("no keys: every user of this host may read and command trainings (trainbus-keys init makes keys)");
    spdlog::info("room for about {} trainers ({} files)", trainers, files);
    if (metrics_port) spdlog::info("metrics at http://{}:{}/metrics", metrics_port->host(), metrics_port->port());
    trainbus::service_ready();
    while (!trainbus::stop_requested()) {
      if (trainbus::reload_if_asked()) broker.reload_keys();
      broker.poll_once(std::chrono::milliseconds(50));
      if (metrics_port) metrics_port->turn([&] { return broker.stats(); });
    }
    spdlog::info("stopping: taking in and storing what is on its way");
    broker.stop(std::chrono::milliseconds(1500));
    return 0;
  });
}
