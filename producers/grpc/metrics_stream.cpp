#include "metrics_stream.hpp"

#include <spdlog/spdlog.h>

#include <stdexcept>

#include "trainbus/wire.hpp"

namespace trainbus {

MetricsStream::MetricsStream(SessionBook& sessions) : sessions_(sessions) { StartRead(&request_); }

void MetricsStream::OnReadDone(bool ok) {
  if (!ok) {
    // A half-close, or a cancelled call: OnCancel() follows the latter at once.
    if (session_ == nullptr) return finish(grpc::Status::OK);
    session_->half_closed(*this);
    return sessions_.wake();
  }
  if (session_ == nullptr && !join()) return;
  v1::ErrorResponse why;
  const Session::Taken taken = session_->take(request_, *this, why);
  if (taken == Session::Taken::kRefused) refuse(std::move(why));
  if (taken != Session::Taken::kFull) StartRead(&request_);
  sessions_.wake();
}

bool MetricsStream::join() {
  try {
    session_ = sessions_.of(request_);
    session_->attach(*this);
    return true;
  } catch (const std::invalid_argument& error) {
    v1::ErrorResponse why;
    why.set_code(v1::INVALID_SESSION);
    why.set_message(error.what());
    refuse(std::move(why));
    finish({grpc::StatusCode::INVALID_ARGUMENT, error.what()});
    return false;
  }
}

void MetricsStream::refuse(v1::ErrorResponse why) {
  v1::MetricsResponse message;
  message.set_session_id(request_.session_id());
  message.set_timestamp_ms(static_cast<std::uint64_t>(unix_ms()));
  *message.mutable_error() = std::move(why);
  respond(std::move(message));
}

void MetricsStream::read_on() { StartRead(&request_); }

void MetricsStream::respond(v1::MetricsResponse response) {
  const std::lock_guard lock(mutex_);
  responses_.push_back(std::move(response));
  write_next();
}

void MetricsStream::acknowledge(const std::vector<std::int32_t>& batches) {
  const std::lock_guard lock(mutex_);
  acknowledgements_.insert(acknowledgements_.end(), batches.begin(), batches.end());
  if (acknowledgements_.size() > kWaitingAcknowledgements)
    acknowledgements_.erase(acknowledgements_.begin(), acknowledgements_.end() - 1);
  write_next();
}

void MetricsStream::end(const std::string& problem) {
  finish(problem.empty() ? grpc::Status::OK : grpc::Status(grpc::StatusCode::UNAVAILABLE, problem));
}

void MetricsStream::replaced() { finish({grpc::StatusCode::ABORTED, "another stream of this session has begun"}); }

void MetricsStream::finish(const grpc::Status& status) {
  const std::lock_guard lock(mutex_);
  if (!end_) end_ = status;
  write_next();
}

bool MetricsStream::fill_next() {
  if (!responses_.empty()) {
    response_ = std::move(responses_.front());
    responses_.pop_front();
    return true;
  }
  if (acknowledgements_.empty()) return false;
  response_.Clear();
  response_.set_session_id(session_->id());
  response_.set_timestamp_ms(static_cast<std::uint64_t>(unix_ms()));
  response_.mutable_ack()->set_batch_idx(acknowledgements_.front());
  response_.mutable_ack()->set_success(true);
  acknowledgements_.pop_front();
  return true;
}

void MetricsStream::write_next() {
  if (writing_ || finished_) return;
  if (!fill_next()) {
    if (!end_) return;
    finished_ = true;
    return Finish(*end_);
  }
  writing_ = true;
  grpc::WriteOptions options;
  if (!responses_.empty() || !acknowledgements_.empty()) options.set_buffer_hint();
  StartWrite(&response_, options);
}

void MetricsStream::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  writing_ = false;
  if (!ok) {  // the client is gone
    responses_.clear();
    acknowledgements_.clear();
    if (!end_) end_ = grpc::Status::CANCELLED;
  }
  write_next();
}

void MetricsStream::OnCancel() {
  if (session_ != nullptr) session_->detach(*this);
  const std::lock_guard lock(mutex_);
  responses_.clear();
  acknowledgements_.clear();
  end_ = grpc::Status::CANCELLED;
  write_next();
}

void MetricsStream::OnDone() {
  if (session_ != nullptr) session_->detach(*this);
  sessions_.wake();
  delete this;
}

}  // namespace trainbus
