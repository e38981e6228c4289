#include <malloc.h>

#include <iostream>
#include <thread>

#include "../login/user_verbs.hpp"
#include "dashboard.hpp"
#include "listen_address.hpp"
#include "trainbus/key_option.hpp"
#include "trainbus/program.hpp"
#include "trainbus/service.hpp"
#include "trainbus/state_dir.hpp"

namespace {

constexpr const char* kFooter = R"help(
Examples:
  trainbus-dashboard
      the dashboard of the broker on this machine; it prints an address that logs in once
  trainbus-dashboard link
      another such address; scripts show the token in the folder of --state-dir (curl below)
  trainbus-dashboard user add alice --role viewer
      alice may log in with a password, which is asked for
  trainbus-dashboard --listen 127.0.0.1:0 --broker tcp://head:7760
      on a free port; the line "open http://..." on stdout says which
  trainbus-dashboard --broker lab=tcp://lab:7760 --broker cluster=tcp://head:7760
      the trainers of both in one list
  ssh -L 8080:127.0.0.1:8080 head
      then open http://127.0.0.1:8080/ here: the safe way to a dashboard elsewhere
  trainbus-dashboard --listen '0.0.0.0:8443' --tls-cert cert.pem --tls-key key.pem --allow-host head
      over TLS; SIGHUP reads the certificate again
  T="Authorization: Bearer $(cat ~/.local/state/trainbus/dashboard/token)"
  curl -s -H "$T" http://127.0.0.1:8080/api/trainers
  curl -s -H "$T" -H 'Content-Type: application/json' -d '{"type":"CHANGE_LEARNING_RATE","value":"0.001"}' \
       http://127.0.0.1:8080/api/trainers/RUN/TRAINER/commands)help";

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
  std::cout << "open " << dashboard.login_url() << std::endl;
  trainbus::service_ready();
  std::jthread stopper([&](const std::stop_token& over) {
    while (!over.stop_requested() && !trainbus::wait_or_stop(std::chrono::milliseconds(50)))
      if (trainbus::reload_if_asked()) dashboard.reload();
    dashboard.stop();
  });
  dashboard.run();
  return 0;
}

// "HOST:PORT", where it is checked.
trainbus::ListenAddress listen_address(const std::string& listen) {
  const auto address = trainbus::parse_listen(listen);
  if (!address)
    throw std::invalid_argument("--listen '" + listen + "': must look like HOST:PORT, the port from 0 to 65535");
  return *address;
}

// "" or "/a/b".
std::string base_path(std::string given) {
  while (given.ends_with('/'))
    given.pop_back();
  if (!given.empty() && !given.starts_with('/')) throw std::invalid_argument("--base-path must begin with '/'");
  return given;
}

struct Reach {
  bool insecure = false;
  bool no_login = false;
  std::string state_dir;
};

// What others can reach wants a login, and TLS, so that nobody on the way reads it.
void check_reach(const Reach& reach, const trainbus::DashboardOptions& options) {
  if (options.tls_cert.empty() != options.tls_key.empty())
    throw std::invalid_argument("--tls-cert and --tls-key go together");
  if (reach.no_login)
    trainbus::require_loopback("--no-login with --listen", options.host, false);
  else if (options.tls_cert.empty())
    trainbus::require_loopback("--listen without --tls-cert", options.host, reach.insecure);
}

}  // namespace

int main(int argc, char** argv) {
  trainbus::DashboardOptions options;
  std::string listen = "127.0.0.1:8080";
  Reach reach;
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
  std::string history;
  app.add_option(
      "--history", history,
      "Where retired runs are: postgres:URL (no password: PGPASSFILE, ~/.pgpass or a service file), as the sink "
      "of trainbus-log writes it; its list is read at the start and every minute");
  app.add_option("--history-schema", options.history.schema, "Schema of its tables")->capture_default_str();
  app.add_option("--history-site", options.history.site, "Whose records there (default: the NAME of each broker)");
  app.add_option("--max-connections", options.max_connections, "Further ones are answered 503")
      ->capture_default_str()
      ->check(CLI::Range(1, 10000));
  app.add_option("--state-dir", reach.state_dir,
                 "Folder of users, sessions and the token for scripts (default: $XDG_STATE_HOME/trainbus/dashboard)");
  app.add_flag("--no-login", reach.no_login, "Ask nobody who they are; on loopback only");
  app.add_option("--tls-cert", options.tls_cert, "PEM file of the certificate and its chain: serve over TLS");
  app.add_option("--tls-key", options.tls_key, "PEM file of its key");
  app.add_option("--base-path", options.base_path, "What a proxy leaves before every path, like /bus");
  app.add_option("--proxy", options.proxies, "Address of a proxy whose X-Forwarded-For, -Host and -Proto are believed")
      ->allow_extra_args(false);
  app.add_flag("--insecure", reach.insecure,
               "Listen on an address that is not loopback without TLS: who is on the way reads passwords");
  const trainbus::UserVerbs verbs(app, {[&] { return trainbus::chosen_state_dir(reach.state_dir, "dashboard"); },
                                        [&] {
                                          return (options.tls_cert.empty() ? "http://" : "https://") + listen +
                                                 base_path(options.base_path) + '/';
                                        }});
  app.footer(kFooter);
  return trainbus::run_program(app, argc, argv, [&] {
    if (verbs.given()) return verbs.run();
    const auto address = listen_address(listen);
    options.host = address.host;
    options.port = address.port;
    options.base_path = base_path(options.base_path);
    check_reach(reach, options);
    if (!history.empty()) options.history.database = trainbus::parse_history(history, options.history);
    if (!reach.no_login) options.login_dir = trainbus::chosen_state_dir(reach.state_dir, "dashboard");
    options.max_memory_bytes = memory_mb << 20;
    for (const auto& broker : brokers)
      options.sites.push_back(named_broker(broker));
    for (const auto& site : options.sites)
      trainbus::require_key_taken(site.address);
    return serve(options);
  });
}
