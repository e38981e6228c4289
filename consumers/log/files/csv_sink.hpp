#pragma once
// A folder with one CSV file per kept kind: batch.csv, epoch.csv, perf.csv, status.csv, command.csv, alert.csv.

#include <map>
#include <memory>

#include "rotated_file.hpp"
#include "trainbus/sink.hpp"

namespace trainbus {

class CsvSink : public Sink {
 public:
  static constexpr auto kOptions =
      file_options({"path", "FOLDER", nullptr, "the folder; it is made when its parent is there", 0});
  static constexpr SinkInfo kInfo{"csv", "one file per kind: batch.csv, epoch.csv, perf.csv, ...", TRAINBUS_SINK_KNOWS,
                                  kOptions.data()};

  explicit CsvSink(const SinkOptions& options);

  StreamHeads open() override;
  void write(const SinkRecord& record) override;
  void flush() override;
  void sync() override;

 private:
  const std::string folder_;
  PartCompressor compressor_;
  std::map<Kind, std::unique_ptr<RotatedFile>> files_;
  std::string line_;
};

}  // namespace trainbus
