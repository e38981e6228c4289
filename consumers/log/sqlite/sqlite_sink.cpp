#include "sqlite_sink.hpp"

namespace trainbus {

SqliteSink::SqliteSink(const SinkOptions& options) : path_(options.text("path")) {
  if (path_.empty()) options.refuse("path", "must name a file");
}

StreamHeads SqliteSink::open() {
  tables_.reset();
  file_.reset();  // an unfinished transaction is rolled back
  in_transaction_ = false;
  file_.emplace(path_);
  tables_.emplace(*file_);
  return tables_->heads();
}

void SqliteSink::write(const SinkRecord& record) {
  if (!in_transaction_) file_->execute("BEGIN IMMEDIATE");
  in_transaction_ = true;
  tables_->insert(record);
}

void SqliteSink::flush() {
  if (!in_transaction_) return;
  file_->execute("COMMIT");
  in_transaction_ = false;
}

void SqliteSink::sync() { file_->sync(); }

}  // namespace trainbus
