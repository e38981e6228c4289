#pragma once
// The design document's MetricsService, as gRPC calls it.

#include "session_book.hpp"
#include "trainbus.grpc.pb.h"

namespace trainbus {

class MetricsService final : public v1::MetricsService::CallbackService {
 public:
  MetricsService(SessionBook& sessions, const GatewayOptions& options) : sessions_(sessions), options_(options) {}

  grpc::ServerBidiReactor<v1::MetricsRequest, v1::MetricsResponse>* StreamMetrics(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* RegisterTrainingSession(grpc::CallbackServerContext* context, const v1::SessionInfo* info,
                                                    v1::SessionResponse* response) override;

 private:
  // OK, or why this call may not be made.
  grpc::Status allowed(const grpc::CallbackServerContext& context) const;

  SessionBook& sessions_;
  const GatewayOptions& options_;
};

}  // namespace trainbus
