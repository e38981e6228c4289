#include <malloc.h>

#include <iostream>
#include <thread>

#include "dashboard.hpp"
#include "listen_address.hpp"
#include "trainbus/key_option.hpp"
#include "trainbus/program.hpp"
#include "trainbus/service.hpp"

namespace {

constexpr const char* kFooter = R"(
Examples:
  trainbus-dashboard
      the dashboard of the broker on this machine, at http://127.0.0.1:8080/
  trainbus-dashboard --listen 127.0.0.1:0 --broker tcp://head:7760
      on a free port; the line "open http://..." on stdout says which
  trainbus-dashboard --broker lab=tcp://lab:7760 --broker cluster=tcp://head:7760
      the trainers of both in one list
  ssh -L 8080:127.0.0.1:8080 head
      then open http://127.0.0.1:8080/ here: the safe way to a dashboard elsewhere
  curl -s http://127.0.0.1:8080/api/trainers
  curl -s -H 'Content-Type: application/json' -d '{"type":"CHANGE_LEARNING_RATE","value":"0.001"}' \
       http://127.0.0.1:8080/api/trainers/RUN/TRAINER/commands)";

// A batch of tiles is half a megabyte: glibc would map and unmap each copy, and the page faults cost ten times the
// join.
void keep_large_blocks() {
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

// "NAME=ADDRESS", or "ADDRESS" of the only one; an address has no "=" before its "://".
trainbus::NamedBroker named_broker(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == text.npos || equals > text.find("://")) return {"", text};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

int serve(const trainbus::DashboardOptions& options) {
  keep_large_blocks();
  trainbus::Dashboard dashboard(options);
  std::cout << "open " << dashboard.url() << std::endl;
  trainbus::service_ready();
  std::jthread stopper([&](const std::stop_token& over) {
    while (!over.stop_requested() && !trainbus::wait_or_stop(std::chrono::milliseconds(50)))
      trainbus::reload_if_asked();
    dashboard.stop();
  });
  dashboard.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  trainbus::DashboardOptions options;
  std::string listen = "127.0.0.1:8080";
  bool insecure = false;
  std::size_t memory_mb = options.max_memory_bytes >> 20;
  CLI::App app{"The dashboard of the bus: every trainer live in the browser, its history, and its controls.",
               "trainbus-dashboard"};
  app.add_option("--listen", listen, "HOST:PORT to serve at; port 0: any free one")->capture_default_str();
  std::vector<std::string> brokers{trainbus::default_broker()};
  app.add_option("--broker", brokers, "The broker's address, also $TRAINBUS_BROKER; NAME=ADDRESS of each of several")
      ->capture_default_str()
      ->allow_extra_args(false);
  trainbus::add_key_option(app);
  app.add_option("--www-root", options.www_root, "Folder with another page than the one in the program");
  app.add_option("--allow-host", options.allowed_hosts, "Further name this server is known by (Host header)");
  app.add_option("--memory", memory_mb, "MiB for curves and media of each broker; past it they are thinned")
      ->capture_default_str()
      ->check(CLI::Range(16, 1 << 20));
  app.add_option("--max-connections", options.max_connections, "Further ones are answered 503")
      ->capture_default_str()
      ->check(CLI::Range(1, 10000));
  app.add_flag("--insecure", insecure, "Listen on an address that is not loopback: anybody there can control trainers");
  app.footer(kFooter);
  return trainbus::run_program(app, argc, argv, [&] {
    const auto address = trainbus::parse_listen(listen);
    if (!address)
      throw std::invalid_argument("--listen '" + listen + "': must look like HOST:PORT, the port from 0 to 65535");
    trainbus::require_loopback("--listen", address->host, insecure);
    options.host = address->host;
    options.port = address->port;
    options.max_memory_bytes = memory_mb << 20;
    for (const auto& broker : brokers)
      options.sites.push_back(named_broker(broker));
    for (const auto& site : options.sites)
      trainbus::require_key_taken(site.address);
    return serve(options);
  });
}
