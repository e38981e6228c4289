#pragma once
// A folder with one CSV file per kept kind: batch.csv, epoch.csv, perf.csv, status.csv, command.csv, alert.csv.

#include <map>
#include <memory>

#include "record_file.hpp"
#include "sink.hpp"

namespace trainbus {

class CsvSink : public Sink {
 public:
  explicit CsvSink(const std::string& folder);

  std::string name() const override;
  // Creates the folder when its parent is there.
  StreamHeads open() override;
  void write(const Record& record) override;
  void flush() override;
  void sync(const StreamHeads& heads) override;

 private:
  const std::string folder_;
  std::map<Kind, std::unique_ptr<RecordFile>> files_;
  std::string line_;
};

}  // namespace trainbus
