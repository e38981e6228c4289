#pragma once
// A folder with one CSV file per kept kind: batch.csv, epoch.csv, ... In scalars.csv are the named values of all kinds.

#include <map>
#include <memory>

#include "rotated_file.hpp"
#include "trainbus/record_columns.hpp"
#include "trainbus/sink.hpp"

namespace trainbus {

// A batch or epoch has its row in one file and its named values in another, which may end elsewhere after a sudden
// death. The position is what both have, and what one has already is not written there again.
class CsvSink : public Sink {
 public:
  static constexpr auto kOptions =
      file_options({"path", "FOLDER", nullptr, "the folder; it is made when its parent is there", 0});
  static constexpr SinkInfo kInfo{"csv", "one file per kind: batch.csv, epoch.csv, scalars.csv, ...",
                                  TRAINBUS_SINK_KNOWS, kOptions.data()};

  explicit CsvSink(const SinkOptions& options);

  StreamHeads open() override;
  void write(const SinkRecord& record) override;
  void flush() override;
  void sync() override;

 private:
  // What both kinds of files have; sets what only one of them has.
  StreamHeads position(const StreamHeads& rows, const StreamHeads& values);

  const std::string folder_;
  PartCompressor compressor_;
  std::map<Kind, std::unique_ptr<RotatedFile>> files_;
  StreamHeads ahead_rows_, ahead_values_;  // of streams that the other file has less of
  std::string line_;
  RecordValues values_;
};

}  // namespace trainbus
