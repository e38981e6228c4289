#include <fstream>
#include <iostream>
#include <stdexcept>

#include "gateway.hpp"
#include "trainbus/key_option.hpp"
#include "trainbus/program.hpp"
#include "trainbus/service.hpp"

namespace {

constexpr const char* kFooter = R"(
Examples:
  trainbus-grpc
      trainers of this machine, at 127.0.0.1:7770, to the broker of this machine
  trainbus-grpc --listen 0.0.0.0:7770 --tls-cert cert.pem --tls-key key.pem --token-file token --broker tcp://head:7760
      trainers of others: by TLS, and only those who send "authorization: Bearer TOKEN"
The service is MetricsService of trainbus.proto: RegisterTrainingSession and StreamMetrics.)";

// The first line; Throws where there is none.
std::string read_token(const std::string& path) {
  std::ifstream file(path);
  std::string token;
  std::getline(file, token);
  while (!token.empty() && (token.back() == '\r' || token.back() == ' '))
    token.pop_back();
  if (token.empty()) throw std::invalid_argument("--token-file '" + path + "': there is no token in its first line");
  return token;
}

void check(const trainbus::GatewayOptions& options, bool insecure) {
  const auto colon = options.listen.rfind(':');
  if (colon == std::string::npos || colon == 0)
    throw std::invalid_argument("--listen '" + options.listen +
                                "': must look like HOST:PORT, the port from 0 to 65535");
  if (options.certificate.empty() != options.private_key.empty())
    throw std::invalid_argument("--tls-cert and --tls-key go together");
  const bool guarded = !options.token.empty() && !options.certificate.empty();
  std::string host = options.listen.substr(0, colon);
  if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  trainbus::require_loopback("--listen", host, insecure || guarded);
  if (options.broker.empty() || trainbus::parse_endpoints(options.broker).base_port == 0)
    throw std::invalid_argument("--broker '" + options.broker + "': there must be one, with a port");
}

}  // namespace

int main(int argc, char** argv) {
  trainbus::GatewayOptions options;
  std::string token_file;
  bool insecure = false;
  CLI::App app{"The bus for trainers that speak gRPC: the design document's MetricsService.", "trainbus-grpc"};
  app.add_option("--listen", options.listen, "HOST:PORT to serve at; port 0: any free one")->capture_default_str();
  app.add_option("--broker", options.broker, "The broker's address, also $TRAINBUS_BROKER")->capture_default_str();
  trainbus::add_key_option(app);
  app.add_option("--spool-dir", options.spool_dir, "Records wait here until the broker has stored them; '': in memory")
      ->capture_default_str();
  app.add_option("--spool-bytes", options.spool_bytes, "Of each trainer there; past them a client's Write waits")
      ->check(CLI::Range(std::size_t{8} << 20, std::size_t{1} << 40))
      ->capture_default_str();
  app.add_option("--tls-cert", options.certificate, "PEM file with the server's certificate chain");
  app.add_option("--tls-key", options.private_key, "PEM file with its key");
  app.add_option("--token-file", token_file, "File with a token that clients must send");
  app.add_flag("--insecure", insecure, "Listen on an address that others can reach, without TLS or without a token");
  app.footer(kFooter);
  return trainbus::run_program(app, argc, argv, [&] {
    if (!token_file.empty()) options.token = read_token(token_file);
    check(options, insecure);
    trainbus::require_key_taken(options.broker);
    trainbus::Gateway gateway(options);
    std::cout << "trainbus-grpc: listening on " << gateway.address() << std::endl;
    trainbus::service_ready();
    while (!trainbus::wait_or_stop(std::chrono::milliseconds(50)))
      trainbus::reload_if_asked();
    gateway.stop();
    return 0;
  });
}
