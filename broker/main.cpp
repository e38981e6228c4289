#include <malloc.h>
#include <spdlog/spdlog.h>

#include <iostream>
#include <map>

#include "broker/broker.hpp"
#include "trainbus/program.hpp"

namespace {

// A message of tiles is one block of some 480 kB; by default glibc maps and unmaps it every time, and the page faults
// cost more than the copy.
void keep_large_blocks() {
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
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
  std::string retain;
  bool insecure = false;
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
  app.add_option("--retain", retain, "Retire records older than this: 30d, 12h, 45m (default: keep everything)")
      ->transform(
          CLI::AsNumberWithUnit(std::map<std::string, double>{{"s", 1.}, {"m", 60.}, {"h", 3600.}, {"d", 86400.}},
                                CLI::AsNumberWithUnit::UNIT_REQUIRED, "TIME"));
  app.add_option("--retain-bytes", options.retention.max_bytes,
                 "Retire the oldest records past this size of the journal: 500M, 10G (default: no limit)")
      ->transform(CLI::AsSizeValue(false));
  app.add_flag("--insecure", insecure, "Listen on an address that others can reach, without keys");
  app.footer(
      "Example:\n  trainbus-broker --state-dir ~/runs/bus\n  trainbus-train --run demo --name t0     (finds it at "
      "tcp://127.0.0.1:7760)\n\nThe journal is STATE_DIR/journal.sqlite; its view `history` is for you to query.");
  return trainbus::run_program(app, argc, argv, [&] {
    trainbus::require_loopback("--listen", trainbus::parse_endpoints(options.listen).host, insecure);
    if (!retain.empty()) options.retention.max_age_ms = static_cast<std::int64_t>(std::stod(retain) * 1000);
    if (durability == "power") options.durability = trainbus::Durability::kPower;
    trainbus::Broker broker(options);
    std::cout << "trainbus-broker: listening on " << broker.endpoints().base() << std::endl;
    while (!trainbus::stop_requested())
      broker.poll_once(std::chrono::milliseconds(50));
    spdlog::info("stopping: taking in and storing what is on its way");
    broker.stop(std::chrono::milliseconds(1500));
    return 0;
  });
}
