#pragma once
// Records as messages of a NATS JetStream, which many trainbus-logs of many brokers may share.

#include <map>
#include <memory>
#include <set>

#include "jet_stream.hpp"
#include "stream_state.hpp"
#include "trainbus/sink.hpp"

namespace trainbus {

// Messages are pipelined, and a flush waits for all acknowledgements. The stream itself says what it has: every
// message carries its name, and what was acknowledged before it. So a record is there once, however long the stream or
// trainbus-log was away; the server's duplicate window is only there for what was on its way in a sudden end.
class NatsSink : public Sink {
 public:
  static constexpr trainbus_sink_option kOptions[] = {
      {"to", "URLS", "nats://127.0.0.1:4222", "nats://host:4222; several of a cluster with spaces between", 2},
      {"stream", "NAME", "trainbus", "the JetStream; made when it is not there", 0},
      {"subject", "PREFIX", "trainbus", "subjects are PREFIX.KIND.RUN.TRAINER.INCARNATION[.SITE]", 0},
      {"site", "NAME", "", "which of several brokers these records are of: a part of every subject and message id", 0},
      {"format", "protobuf|json", "protobuf", "a message's body: a MetricsRequest, or the line that jsonl writes", 0},
      {"replicas", "N", "1", "servers that hold a stream that is made", 0},
      {"window", "TIME", "2m", "in which the server drops duplicates, of a stream that is made", 0},
      {"user", "NAME", "", "who asks, unless the URL says it", 0},
      {"password", "TEXT", "", "of that user", 1},
      {"password_file", "FILE", "", "its first line is the password; read again at each connection", 0},
      {"creds", "FILE", "", "a credentials file, as nsc writes it", 0},
      {"timeout", "TIME", "10s", "how long the server may take to answer", 0},
      {},
  };
  static constexpr SinkInfo kInfo{"nats", "messages in a NATS JetStream, one subject per stream", TRAINBUS_SINK_KNOWS,
                                  kOptions};

  explicit NatsSink(const SinkOptions& options);

  StreamHeads open() override;
  void write(const SinkRecord& record) override;
  void flush() override;

 private:
  using States = std::map<StreamKey, StreamState>;
  void look_at_last_messages();
  void look_closer(JetStream& stream, StreamState& state);
  States::value_type& state_of(const SinkRecord& record);

  const SinkOptions given_;
  JetStreamOptions options_;
  const std::string site_;
  bool json_;
  std::unique_ptr<JetStream> stream_;
  States states_;
  States::value_type* last_ = nullptr;  // the stream of the record before: mostly the same again
  std::set<StreamState*> touched_;      // since the last flush
};

}  // namespace trainbus
