#include "sqlite_sink.hpp"

namespace trainbus {

SqliteSink::SqliteSink(const SinkOptions& options) : path_(options.text("path")) {
  if (path_.empty()) options.refuse("path", "must name a file");
}

StreamHeads SqliteSink::open() {
  tables_.reset();
  file_.reset();  // an unfinished transaction is rolled back
  waiting_count_ = waiting_bytes_ = 0;
  file_.emplace(path_);
  tables_.emplace(*file_);
  return tables_->heads();
}

void SqliteSink::write(const SinkRecord& record) {
  if (waiting_count_ == waiting_.size()) waiting_.emplace_back();
  auto& kept = waiting_[waiting_count_++];
  kept.kind = record.kind();
  kept.run = record.run();
  kept.trainer = record.trainer();
  kept.incarnation = record.incarnation();
  kept.sequence = record.sequence();
  kept.timestamp_ms = record.timestamp_ms();
  kept.message = record.message();
  waiting_bytes_ += record.bytes().size();
  if (waiting_count_ >= kMostWaiting || waiting_bytes_ >= kMostWaitingBytes) flush();
}

void SqliteSink::flush() {
  if (waiting_count_ == 0) return;
  file_->execute("BEGIN IMMEDIATE");
  for (std::size_t i = 0; i < waiting_count_; ++i)
    insert(waiting_[i]);
  file_->execute("COMMIT");
  if (waiting_bytes_ >= kMostWaitingBytes) waiting_.clear();  // of such records it would hold on to too much
  waiting_count_ = waiting_bytes_ = 0;
  file_->checkpoint_when_due();
}

void SqliteSink::insert(const Waiting& record) {
  const trainbus_record given{.kind = record.kind.c_str(),
                              .run = record.run.c_str(),
                              .trainer = record.trainer.c_str(),
                              .incarnation = record.incarnation,
                              .sequence = record.sequence,
                              .timestamp_ms = record.timestamp_ms,
                              .message = nullptr,
                              .message_size = 0,
                              .json = nullptr,
                              .parsed = &record.message,
                              .order = 0};
  v1::MetricsRequest unused;
  tables_->insert(SinkRecord(given, unused));
}

void SqliteSink::sync() { file_->sync(); }

}  // namespace trainbus
