#include "trainbus/heads_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace trainbus {
namespace {

constexpr std::string_view kMagic = "trainbus-heads-1";

}  // namespace

bool sync_path(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool good = fd >= 0 && fsync(fd) == 0;
  if (fd >= 0) ::close(fd);
  return good;
}

bool save_heads(const std::string& path, const SavedHeads& saved, Durable durable) {
  const std::string fresh = path + ".new";
  if (const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600); fd >= 0) ::close(fd);
  {
    std::ofstream out(fresh, std::ios::trunc);
    out << kMagic << ' ' << saved.offset << ' ' << saved.tail_check << ' ' << saved.heads.size() << '\n';
    for (const auto& [stream, sequence] : saved.heads)
      out << kind_name(stream.kind) << ' ' << stream.session_id << ' ' << stream.incarnation << ' ' << sequence << '\n';
    out << "end\n";
    out.close();
    if (!out) return false;
  }
  if (durable == Durable::kYes && !sync_path(fresh)) return false;
  if (std::rename(fresh.c_str(), path.c_str()) != 0) return false;
  return durable == Durable::kNo || sync_path(std::filesystem::absolute(path).parent_path());
}

std::optional<SavedHeads> load_heads(const std::string& path) {
  std::ifstream in(path);
  SavedHeads saved;
  std::string word;
  std::size_t streams = 0;
  if (!(in >> word >> saved.offset >> saved.tail_check >> streams) || word != kMagic) return std::nullopt;
  for (std::size_t i = 0; i < streams; ++i) {
    StreamKey stream;
    std::uint64_t sequence = 0;
    if (!(in >> word >> stream.session_id >> stream.incarnation >> sequence)) return std::nullopt;
    stream.kind = kind_from_name(word);
    if (!is_kept(stream.kind)) return std::nullopt;
    saved.heads.emplace_hint(saved.heads.end(), std::move(stream), sequence);
  }
  if (!(in >> word) || word != "end") return std::nullopt;
  return saved;
}

bool save_position(const std::string& path, const StreamHeads& heads) {
  return save_heads(path, {.offset = 0, .tail_check = 0, .heads = heads}, Durable::kYes);
}

std::optional<StreamHeads> load_position(const std::string& path, std::string_view without_it) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  if (auto saved = load_heads(path)) return std::move(saved->heads);
  throw std::runtime_error('\'' + path + "': is damaged; without it " + std::string(without_it) +
                           ": delete it if that is good");
}

}  // namespace trainbus
