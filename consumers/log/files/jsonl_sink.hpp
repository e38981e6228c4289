#pragma once
// One file, one JSON object a line: `kind run trainer incarnation sequence timestamp_ms`, then the payload's fields by
// their schema names.

#include "rotated_file.hpp"
#include "trainbus/sink.hpp"

namespace trainbus {

class JsonlSink : public Sink {
 public:
  static constexpr auto kOptions = file_options({"path", "PATH", nullptr, "the file", 0});
  static constexpr SinkInfo kInfo{"jsonl", "one file, one JSON object a line", TRAINBUS_SINK_KNOWS, kOptions.data()};

  explicit JsonlSink(const SinkOptions& options);

  StreamHeads open() override { return file_.open(); }
  void write(const SinkRecord& record) override;
  void flush() override { file_.flush(); }
  void sync() override { file_.sync(); }

 private:
  PartCompressor compressor_;
  RotatedFile file_;
};

}  // namespace trainbus
