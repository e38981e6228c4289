#include "gateway.hpp"

#include <grpc/support/log.h>
#include <grpcpp/security/server_credentials.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace trainbus {
namespace {

using std::chrono::milliseconds;
using Clock = Session::Clock;

constexpr milliseconds kNap{50};
// Turns are this far apart at least: what comes meanwhile goes together.
constexpr milliseconds kGather{1};
constexpr milliseconds kDeliver{1500};
constexpr int kPingMs = 20'000;       // a client that is gone is noticed within two of these
constexpr int kClientPingMs = 5'000;  // and clients may ping as often as this
constexpr int kMaxConcurrentStreams = 4096;

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string content{std::istreambuf_iterator<char>(file), {}};
  if (!file) throw std::runtime_error("'" + path + "': " + std::strerror(errno));
  return content;
}

std::shared_ptr<grpc::ServerCredentials> credentials(const GatewayOptions& options) {
  if (options.certificate.empty()) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions tls;
  tls.pem_key_cert_pairs.push_back({read_file(options.private_key), read_file(options.certificate)});
  return grpc::SslServerCredentials(tls);
}

// What the system said in the last line of gRPC that quotes it: gRPC gives no other reason.
thread_local std::string system_said;

// gRPC writes lines of its own form to standard error; here they are for developers.
void take_line_of_grpc(gpr_log_func_args* line) {
  const std::string_view text = line->message;
  constexpr std::string_view kQuote = "os_error:\"";
  if (const auto at = text.find(kQuote); at != std::string_view::npos) {
    const auto from = at + kQuote.size();
    system_said = text.substr(from, text.find('"', from) - from);
  }
  spdlog::debug("gRPC: {}", text);
}

}  // namespace

Gateway::Gateway(GatewayOptions options)
    : options_(std::move(options)), sessions_(options_, [this] { wake(); }), service_(sessions_, options_) {
  listen();
  bus_thread_ = std::thread([this] { run_bus(); });
}

Gateway::~Gateway() { stop(); }

void Gateway::listen() {
  gpr_set_log_function(take_line_of_grpc);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(options_.listen, credentials(options_), &port);
  builder.RegisterService(&service_);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kPingMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kPingMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kClientPingMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxConcurrentStreams);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a second gateway there is a mistake
  server_ = builder.BuildAndStart();
  if (server_ == nullptr || port == 0)
    throw std::runtime_error("cannot listen on " + options_.listen + (system_said.empty() ? "" : ": " + system_said));
  address_ = options_.listen.substr(0, options_.listen.rfind(':') + 1) + std::to_string(port);
}

void Gateway::wake() {
  if (awake_.exchange(true)) return;
  const std::lock_guard lock(mutex_);
  woken_.notify_one();
}

void Gateway::run_bus() {
  auto next_look = Clock::now();
  while (!stop_) {
    awake_ = false;
    const auto now = Clock::now();
    auto next = now + kNap;
    for (const auto& session : sessions_.all())
      next = std::min(next, session->turn(now));
    if (now >= next_look) {
      sessions_.close_ended(now);
      next_look = now + kNap;
    }
    std::this_thread::sleep_until(now + kGather);
    std::unique_lock lock(mutex_);
    woken_.wait_until(lock, next, [this] { return awake_ || stop_; });
  }
}

void Gateway::stop() {
  if (!bus_thread_.joinable()) return;
  server_->Shutdown(std::chrono::system_clock::now());
  stop_ = true;
  {
    const std::lock_guard lock(mutex_);
    woken_.notify_one();
  }
  bus_thread_.join();
  const auto until = Clock::now() + kDeliver;
  for (const auto& session : sessions_.all())
    session->close(std::max(std::chrono::duration_cast<milliseconds>(until - Clock::now()), milliseconds(0)));
}

}  // namespace trainbus
