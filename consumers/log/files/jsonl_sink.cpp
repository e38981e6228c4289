#include "jsonl_sink.hpp"

#include <charconv>

namespace trainbus {
namespace {

// Reads the fixed beginning of a line. Names need no escapes, so the bytes are the names.
class LineStart {
 public:
  explicit LineStart(std::string_view line) : rest_(line) {}

  bool skip(std::string_view literal) {
    if (!rest_.starts_with(literal)) return false;
    rest_.remove_prefix(literal.size());
    return true;
  }
  bool name(std::string_view& value) {
    const auto end = rest_.find('"');
    if (end == std::string_view::npos) return false;
    value = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return true;
  }
  bool number(std::uint64_t& value) {
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return error == std::errc();
  }

 private:
  std::string_view rest_;
};

bool read_position(std::string_view line, StreamKey& stream, std::uint64_t& sequence) {
  LineStart start(line);
  std::string_view kind, run, trainer;
  if (!line.ends_with("}\n") || !start.skip(R"({"kind":")") || !start.name(kind) || !start.skip(R"(,"run":")") ||
      !start.name(run) || !start.skip(R"(,"trainer":")") || !start.name(trainer) || !start.skip(R"(,"incarnation":)") ||
      !start.number(stream.incarnation) || !start.skip(R"(,"sequence":)") || !start.number(sequence))
    return false;
  stream.kind = kind_from_name(kind);
  stream.session_id.append(run).append(1, '/').append(trainer);
  return is_kept(stream.kind) && valid_name(run) && valid_name(trainer);
}

std::size_t line_size(std::string_view text) {
  const auto end = text.find('\n');
  return end == std::string_view::npos ? end : end + 1;
}

}  // namespace

JsonlSink::JsonlSink(const SinkOptions& options) {
  const auto path = options.text("path");
  if (LineStream::is_one(path)) {
    refuse_file_rules(options);
    stream_.emplace(path);
    return;
  }
  file_.emplace(
      path,
      RecordSyntax{.header = "", .opening = R"({"kind":")", .record_size = line_size, .read_position = read_position},
      file_rules(options), compressor_);
}

void JsonlSink::write(const SinkRecord& record) {
  file_ ? file_->append(record.json(), record) : stream_->append(record.json(), record);
}

}  // namespace trainbus
