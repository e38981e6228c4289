#pragma once
// The dashboard server: HTTP and WebSocket on one address, fed by the bus. Embeddable; the program is main.cpp.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "history.hpp"
#include "trainbus/endpoints.hpp"

namespace trainbus {

struct NamedBroker {
  std::string name;  // "": the only one
  std::string address;
};

struct DashboardOptions {
  std::string host = "127.0.0.1";  // an address, or localhost
  std::uint16_t port = 8080;       // 0: any free one
  std::string broker = default_broker();
  std::vector<NamedBroker> sites = {};                     // several brokers, each with a name; none: `broker` alone
  std::string www_root = {};                               // "": the page in the program
  std::vector<std::string> allowed_hosts = {};             // further names in the Host header
  std::size_t max_memory_bytes = std::size_t{1280} << 20;  // of curves and media of each broker
  std::size_t max_connections = 256;                       // further ones get 503
  std::size_t queue_bytes = 8 << 20;          // of kept messages a browser has not read; past it, it is cut
  std::optional<std::string> login_dir = {};  // of users, token and sessions; none: nobody is asked who they are
  std::string tls_cert = {}, tls_key = {};    // PEM files; "": plain HTTP
  std::string base_path = {};                 // "/bus": what a proxy leaves before every path
  HistoryPlace history = {};                  // of retired runs; its site "": the name of each broker
  std::vector<std::string> proxies = {};      // addresses whose X-Forwarded-... headers are believed
  double commands_per_second = 10;            // per client address; past it and the burst 429
  double command_burst = 20;
};

class Dashboard {
 public:
  // Listens at once. Throws std::invalid_argument or std::runtime_error with one line that names the value.
  explicit Dashboard(const DashboardOptions& options);
  ~Dashboard();

  std::uint16_t port() const;
  std::string url() const;  // "http://127.0.0.1:8080/"
  // The same with a token that logs in once, where somebody is asked.
  std::string login_url() const;

  // Serves in the calling thread until stop().
  void run();
  // Any thread. Reads the certificate again.
  void reload();
  // Any thread. Browsers are told; run() returns within a second and a half.
  void stop();

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace trainbus
