#pragma once
// One file, one JSON object a line: `kind run trainer incarnation sequence timestamp_ms`, then the payload's fields by
// their schema names. The file may be a stream: "-", a FIFO.

#include <optional>

#include "line_stream.hpp"
#include "rotated_file.hpp"
#include "trainbus/sink.hpp"

namespace trainbus {

class JsonlSink : public Sink {
 public:
  static constexpr auto kOptions = file_options({"path", "PATH", nullptr, "the file; - or a FIFO is a stream", 0});
  static constexpr SinkInfo kInfo{"jsonl", "one file, one JSON object a line", TRAINBUS_SINK_KNOWS, kOptions.data()};

  explicit JsonlSink(const SinkOptions& options);

  StreamHeads open() override { return file_ ? file_->open() : stream_->open(); }
  void write(const SinkRecord& record) override;
  void flush() override { file_ ? file_->flush() : stream_->flush(); }
  void sync() override {
    if (file_) file_->sync();
  }

 private:
  PartCompressor compressor_;
  std::optional<RotatedFile> file_;  // one of these two
  std::optional<LineStream> stream_;
};

}  // namespace trainbus
