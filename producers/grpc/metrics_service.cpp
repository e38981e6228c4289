#include "metrics_service.hpp"

#include <openssl/crypto.h>

#include <stdexcept>

#include "metrics_stream.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

constexpr std::string_view kBearer = "Bearer ";

// Ends a call that may not be made.
class Refusal final : public grpc::ServerBidiReactor<v1::MetricsRequest, v1::MetricsResponse> {
 public:
  explicit Refusal(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

bool same_secret(std::string_view given, std::string_view wanted) {
  return given.size() == wanted.size() && CRYPTO_memcmp(given.data(), wanted.data(), wanted.size()) == 0;
}

void describe_server(v1::ServerConfig& config) {
  config.set_max_batch_size(kMaxBatchSize);
  config.set_max_image_dimension(kMaxImagePixels);
  config.set_heartbeat_interval_ms(static_cast<std::int32_t>(kSessionHeartbeat.count()));
  config.set_buffer_size(kRecordsOnTheirWay);
}

}  // namespace

grpc::Status MetricsService::allowed(const grpc::CallbackServerContext& context) const {
  if (options_.token.empty()) return grpc::Status::OK;
  const auto [first, last] = context.client_metadata().equal_range("authorization");
  for (auto entry = first; entry != last; ++entry) {
    const std::string_view said(entry->second.data(), entry->second.size());
    if (said.starts_with(kBearer) && same_secret(said.substr(kBearer.size()), options_.token)) return grpc::Status::OK;
  }
  return {grpc::StatusCode::UNAUTHENTICATED, "metadata 'authorization: Bearer TOKEN' is missing or wrong"};
}

grpc::ServerBidiReactor<v1::MetricsRequest, v1::MetricsResponse>* MetricsService::StreamMetrics(
    grpc::CallbackServerContext* context) {
  if (const grpc::Status status = allowed(*context); !status.ok()) return new Refusal(status);
  return new MetricsStream(sessions_);
}

grpc::ServerUnaryReactor* MetricsService::RegisterTrainingSession(grpc::CallbackServerContext* context,
                                                                  const v1::SessionInfo* info,
                                                                  v1::SessionResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  if (const grpc::Status status = allowed(*context); !status.ok()) {
    reactor->Finish(status);
    return reactor;
  }
  try {
    response->set_session_id(sessions_.begin(*info)->id());
    response->set_success(true);
    describe_server(*response->mutable_server_config());
  } catch (const std::invalid_argument& error) {
    response->set_session_id(info->session_id());
    response->set_message(error.what());
  }
  reactor->Finish(grpc::Status::OK);
  sessions_.wake();
  return reactor;
}

}  // namespace trainbus
