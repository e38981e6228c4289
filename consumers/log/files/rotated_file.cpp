#include "rotated_file.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <stdexcept>

#include "file_parts.hpp"
#include "trainbus/heads_file.hpp"

namespace trainbus {
namespace {

constexpr std::size_t kWrittenOutBytes = 256 << 10;

void raise_to(StreamHeads& heads, const StreamHeads& others) {
  for (const auto& [stream, sequence] : others) {
    auto& head = heads[stream];
    head = std::max(head, sequence);
  }
}

}  // namespace

RotatedFile::RotatedFile(std::string path, RecordSyntax syntax, const FileRules& rules, PartCompressor& compressor,
                         Clock clock)
    : path_(std::move(path)),
      rules_(rules),
      compressor_(compressor),
      clock_(std::move(clock)),
      file_(path_, std::move(syntax)) {}

StreamHeads RotatedFile::open() {
  auto heads = file_.open();
  last_append_ms_ = file_.modified_ms();
  load_parts();
  take_over_emptied();
  tend_parts();
  raise_to(heads, put_away_);
  return heads;
}

// Emptied while nobody wrote it, as by logrotate. What was never synced may also be gone by a power cut: that is
// written again.
void RotatedFile::take_over_emptied() {
  if (file_.emptied().empty() || rules_.fsync == Fsync::kNever) return;
  auto known = put_away_;
  raise_to(known, file_.emptied());
  if (known == put_away_) return;
  put_away_ = std::move(known);
  save_parts();
  spdlog::warn(
      "'{}': was emptied; what was in it is not written again (it is, when the file and '{}.parts' are removed)", path_,
      path_);
}

void RotatedFile::save_parts() const {
  if (!save_heads(path_ + ".parts", {.offset = newest_part_, .tail_check = 0, .heads = put_away_}, Durable::kYes))
    throw std::runtime_error('\'' + path_ + ".parts': cannot be written");
}

// What was in the file is somewhere else, as in a part; the file goes on with what follows.
void RotatedFile::begin_anew(FileFate fate) {
  raise_to(put_away_, file_.flushed_heads());
  save_parts();
  file_.reopen();
  spdlog::warn("'{}': was {} by somebody else; it goes on with the next record, what was in it is not written again",
               path_, fate == FileFate::kMoved ? "moved away" : "truncated");
}

void RotatedFile::write_out() {
  for (auto fate = file_.flush(); fate != FileFate::kInPlace; fate = file_.flush())
    begin_anew(fate);
}

void RotatedFile::load_parts() {
  const auto state = path_ + ".parts";
  const auto parts = find_parts(path_);
  put_away_.clear();
  newest_part_ = parts.empty() ? 0 : parts.back().number;
  auto saved = load_heads(state);
  if (!saved && std::filesystem::exists(state))
    throw std::runtime_error('\'' + state + "': is damaged; move it and the parts away to begin anew");
  if (!saved && !parts.empty())
    throw std::runtime_error('\'' + state + "': is not there, and says what is in '" + parts.back().path +
                             "'; move the parts away to begin anew");
  if (!saved) return;
  put_away_ = std::move(saved->heads);
  newest_part_ = std::max(newest_part_, saved->offset);
}

// Compresses what is not yet, and removes what is beyond `keep`.
void RotatedFile::tend_parts() {
  auto parts = find_parts(path_);
  if (rules_.keep > 0)
    while (parts.size() > rules_.keep) {
      std::remove(parts.front().path.c_str());
      parts.erase(parts.begin());
    }
  if (!rules_.compress) return;
  for (const auto& part : parts)
    if (!part.compressed) compressor_.add(part.path);
}

bool RotatedFile::is_due(std::size_t bytes, std::int64_t now_ms) const {
  if (file_.empty()) return false;
  if (rules_.rotate_bytes > 0 && file_.bytes() + bytes > rules_.rotate_bytes) return true;
  const auto every_ms = rules_.rotate_every.count();
  return every_ms > 0 && now_ms / every_ms != last_append_ms_ / every_ms;
}

void RotatedFile::append(std::string_view text, const SinkRecord& record) {
  const auto now_ms = clock_();
  if (is_due(text.size() + 1, now_ms)) {
    write_out();
    if (is_due(text.size() + 1, now_ms)) rotate();
  }
  file_.append(text, record);
  last_append_ms_ = now_ms;
  if (file_.buffered_bytes() >= kWrittenOutBytes) write_out();
}

// Of a flushed file.
void RotatedFile::rotate() {
  file_.to_disk();
  raise_to(put_away_, file_.heads());
  ++newest_part_;
  save_parts();
  file_.move_away(part_path(path_, newest_part_, last_append_ms_));
  file_.open();
  tend_parts();
}

void RotatedFile::flush() {
  write_out();
  if (rules_.fsync == Fsync::kFlush) file_.to_disk();
}

void RotatedFile::sync() {
  if (const auto fate = file_.fate(); fate != FileFate::kInPlace) begin_anew(fate);
  write_out();
  if (rules_.fsync != Fsync::kNever) file_.to_disk();
  file_.checkpoint();
}

}  // namespace trainbus
