#pragma once
// A gRPC client that knows nothing but the design document.

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/client_unary_call.h>

#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "schema/design_document.pb.h"
#include "tests/support/eventually.hpp"

namespace trainbus::test {

namespace document = design::v1;

inline constexpr const char* kStreamMethod = "/trainbus.v1.MetricsService/StreamMetrics";
inline constexpr const char* kRegisterMethod = "/trainbus.v1.MetricsService/RegisterTrainingSession";

// One StreamMetrics call: what it wrote is up to the test, a thread of its own keeps what comes.
class DesignStream {
 public:
  DesignStream(const std::shared_ptr<grpc::Channel>& channel, const std::string& token = {},
               std::chrono::milliseconds deadline = std::chrono::minutes(5)) {
    if (!token.empty()) context_.AddMetadata("authorization", "Bearer " + token);
    context_.set_deadline(std::chrono::system_clock::now() + deadline);
    const grpc::internal::RpcMethod method(kStreamMethod, grpc::internal::RpcMethod::BIDI_STREAMING, channel);
    stream_.reset(
        grpc::internal::ClientReaderWriterFactory<document::MetricsRequest, document::MetricsResponse>::Create(
            channel.get(), method, &context_));
    reader_ = std::thread([this] {
      for (document::MetricsResponse response; stream_->Read(&response);) {
        const std::lock_guard lock(mutex_);
        responses_.push_back(response);
      }
    });
  }
  ~DesignStream() {
    context_.TryCancel();
    if (reader_.joinable()) static_cast<void>(finish());
  }

  bool write(const document::MetricsRequest& request) { return stream_->Write(request); }
  bool write_batch(const std::string& session, int batch, double loss = 1) {
    document::MetricsRequest request;
    request.set_session_id(session);
    request.mutable_batch_data()->set_epoch(1);
    request.mutable_batch_data()->set_batch_idx(batch);
    request.mutable_batch_data()->set_batch_loss(loss);
    return write(request);
  }
  bool write_status(const std::string& session, document::TrainingStatus status) {
    document::MetricsRequest request;
    request.set_session_id(session);
    request.mutable_status_update()->set_status(status);
    return write(request);
  }
  void half_close() { stream_->WritesDone(); }
  void cancel() { context_.TryCancel(); }
  // What the call ended with.
  grpc::Status finish() {
    reader_.join();
    return stream_->Finish();
  }

  std::vector<document::MetricsResponse> responses() const {
    const std::lock_guard lock(mutex_);
    return responses_;
  }
  // The batches that were acknowledged, in the order in which they were.
  std::vector<int> acknowledged() const {
    std::vector<int> batches;
    for (const auto& response : responses())
      if (response.has_ack() && response.ack().success()) batches.push_back(response.ack().batch_idx());
    return batches;
  }
  // The first response that is an error, or a command; waits for it.
  document::MetricsResponse first(document::MetricsResponse::PayloadCase payload) const {
    document::MetricsResponse found;
    EXPECT_TRUE(eventually("a response", [&] {
      for (const auto& response : responses())
        if (response.payload_case() == payload) return found = response, true;
      return false;
    }));
    return found;
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<document::MetricsRequest, document::MetricsResponse>> stream_;
  std::thread reader_;
  mutable std::mutex mutex_;  // guards what follows
  std::vector<document::MetricsResponse> responses_;
};

inline grpc::Status register_session(const std::shared_ptr<grpc::Channel>& channel, const document::SessionInfo& info,
                                     document::SessionResponse& response, const std::string& token = {}) {
  grpc::ClientContext context;
  if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
  const grpc::internal::RpcMethod method(kRegisterMethod, grpc::internal::RpcMethod::NORMAL_RPC, channel);
  return grpc::internal::BlockingUnaryCall(channel.get(), method, &context, info, &response);
}

}  // namespace trainbus::test
