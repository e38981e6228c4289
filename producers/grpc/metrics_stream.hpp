#pragma once
// One StreamMetrics call.

#include <grpcpp/grpcpp.h>

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "session.hpp"
#include "session_book.hpp"

namespace trainbus {

// One read and one write are under way at most. Reading goes on when a record was taken: a session without room is the
// back-pressure that the client's Write feels. Deletes itself when gRPC is done with it.
class MetricsStream final : public grpc::ServerBidiReactor<v1::MetricsRequest, v1::MetricsResponse>,
                            public ClientStream {
 public:
  // Acknowledgements that wait to be written: where it would be more, the newest stands for all of them.
  static constexpr std::size_t kWaitingAcknowledgements = 1 << 10;

  explicit MetricsStream(SessionBook& sessions);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  void respond(v1::MetricsResponse response) override;
  void acknowledge(const std::vector<std::int32_t>& batches) override;
  void read_on() override;
  void end(const std::string& problem) override;
  void replaced() override;

 private:
  bool join();
  void refuse(v1::ErrorResponse why);
  void finish(const grpc::Status& status);
  void write_next();
  bool fill_next();

  SessionBook& sessions_;
  std::shared_ptr<Session> session_;  // from the first record on
  v1::MetricsRequest request_;

  std::mutex mutex_;              // guards what follows
  v1::MetricsResponse response_;  // being written
  std::deque<v1::MetricsResponse> responses_;
  std::deque<std::int32_t> acknowledgements_;
  bool writing_ = false;
  std::optional<grpc::Status> end_;  // once all is written
  bool finished_ = false;
};

}  // namespace trainbus
