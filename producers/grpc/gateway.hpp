#pragma once
// gRPC on one side, the bus on the other.

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "gateway_options.hpp"
#include "metrics_service.hpp"
#include "session_book.hpp"

namespace trainbus {

// gRPC's threads log what clients say straight into the sessions' spools; one bus thread steps all sessions: it is
// woken by a record, and takes along what else comes within a millisecond.
class Gateway {
 public:
  // Throws std::runtime_error with one line when it cannot listen or read a certificate.
  explicit Gateway(GatewayOptions options);
  ~Gateway();  // stop()
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // "127.0.0.1:7770", with the port that was found.
  const std::string& address() const { return address_; }
  // Ends all streams, and waits at most 1.5 s for what is not stored; the rest stays in the spool. Once.
  void stop();

 private:
  void listen();
  void run_bus();
  void wake();

  const GatewayOptions options_;
  SessionBook sessions_;
  MetricsService service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;

  std::atomic<bool> awake_{false};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;  // for waiting only
  std::condition_variable woken_;
  std::thread bus_thread_;
};

}  // namespace trainbus
