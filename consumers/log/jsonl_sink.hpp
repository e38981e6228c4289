#pragma once
// One file, one JSON object a line: `kind run trainer incarnation sequence timestamp_ms`, then the payload's fields by
// their schema names.

#include "record_file.hpp"
#include "sink.hpp"

namespace trainbus {

class JsonlSink : public Sink {
 public:
  explicit JsonlSink(const std::string& path);

  std::string name() const override;
  StreamHeads open() override;
  void write(const Record& record) override;
  void flush() override;
  void sync(const StreamHeads& heads) override;

 private:
  const std::string path_;
  RecordFile file_;
  std::string line_;
};

}  // namespace trainbus
