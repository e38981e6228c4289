#pragma once
// What log_* was given to the bytes of a MetricsRequest.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "logged_record.hpp"
#include "plain_batch.hpp"
#include "value_names.hpp"
#include "value_row.hpp"

namespace trainbus {

// One record after another, in two steps so that the bytes go straight to where they stay. Not thread-safe; its buffers
// are kept. Named values are written by hand (ValueRow): a map of the schema would cost a node and a copy of the name
// for each. What write_payload() leaves out of a record over
// kMaxRecordBytes is counted. So is a batch of numbers only (PlainBatch).
class RecordWriter {
 public:
  RecordWriter(const std::string& session_id, std::uint64_t incarnation);

  // Returns how many bytes write() will write. `record` and what it points to stay valid until then.
  std::size_t prepare(const LoggedRecord& record, std::uint64_t sequence);
  void write(std::uint8_t* to);

  struct LeftOut {
    std::uint64_t count = 0;
    std::string problem;  // of the last one, in one line
  };
  // Named values that were left out of what was written.
  const LeftOut& refused_values() const { return refused_values_; }
  // Records that were too large, and went out without a part of them.
  const LeftOut& cut_records() const { return cut_records_; }

 private:
  std::uint32_t prepare_payload(const LoggedRecord& record, Kind kind);
  void set_values(const NamedValues& values, Kind kind, int field);

  std::string prefix_;                                           // session_id and incarnation, the same in every record
  std::array<v1::MetricsRequest, v1::Kind_ARRAYSIZE> messages_;  // reused, payload only
  ValueNames names_;
  std::array<ValueRow, v1::Kind_ARRAYSIZE> rows_;
  std::uint64_t prepared_ = 0;  // records

  // Of the record that was prepared.
  const google::protobuf::MessageLite* payload_ = nullptr;  // null: plain_batch_
  PlainBatch plain_batch_;
  std::uint32_t payload_field_ = 0;
  std::uint32_t payload_bytes_ = 0;  // with the values
  std::uint64_t timestamp_ms_ = 0;
  std::uint64_t sequence_ = 0;
  std::string_view values_;  // encoded
  std::uint64_t refused_now_ = 0;
  const char* left_out_ = nullptr;  // of write_payload()

  LeftOut refused_values_;
  LeftOut cut_records_;
};

}  // namespace trainbus
