#include "git_state.hpp"

#include <fstream>
#include <string_view>
#include <system_error>

namespace trainbus {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxSymbolicRefs = 5;
constexpr std::size_t kMaxLineBytes = 4096;
constexpr std::string_view kRef = "ref: ";
constexpr std::string_view kGitDir = "gitdir: ";
constexpr std::string_view kHeads = "refs/heads/";

// The first line, without white space at its end; empty when there is none.
std::string first_line(const fs::path& file) {
  std::error_code none;
  if (!fs::is_regular_file(file, none)) return {};
  std::ifstream in(file);
  std::string line(kMaxLineBytes, '\0');
  in.read(line.data(), static_cast<std::streamsize>(line.size()));
  line.resize(static_cast<std::size_t>(in.gcount()));
  line.resize(std::min(line.find_first_of("\r\n"), line.size()));
  while (line.ends_with(' '))
    line.pop_back();
  return line;
}

bool is_commit(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// ".git" is a folder, or a file that says where the folder is.
fs::path git_folder(const fs::path& entry) {
  std::error_code none;
  if (fs::is_directory(entry, none)) return entry;
  const std::string line = first_line(entry);
  if (!line.starts_with(kGitDir)) return {};
  return entry.parent_path() / line.substr(kGitDir.size());  // an absolute one replaces the parent
}

std::string packed_ref(const fs::path& file, std::string_view ref) {
  std::error_code none;
  if (!fs::is_regular_file(file, none)) return {};
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const auto space = line.find(' ');
    if (space != std::string::npos && std::string_view(line).substr(space + 1) == ref) return line.substr(0, space);
  }
  return {};
}

struct Repository {
  fs::path own;     // of this worktree
  fs::path common;  // of all worktrees

  // What the ref says: a commit, or "ref: " and another one.
  std::string read(const std::string& ref) const {
    if (!ref.starts_with("refs/") || ref.find("..") != std::string::npos) return {};
    for (const fs::path& folder : {own, common})
      if (std::string line = first_line(folder / ref); !line.empty()) return line;
    return packed_ref(common / "packed-refs", ref);
  }
};

}  // namespace

std::optional<GitState> read_git_state(const fs::path& folder) try {
  Repository repository;
  std::error_code none;
  for (fs::path at = fs::absolute(folder);; at = at.parent_path()) {
    if (fs::exists(at / ".git", none)) {
      repository.own = git_folder(at / ".git");
      break;
    }
    if (at == at.parent_path()) return std::nullopt;
  }
  if (repository.own.empty()) return std::nullopt;
  const std::string common = first_line(repository.own / "commondir");
  repository.common = common.empty() ? repository.own : repository.own / common;

  GitState state;
  std::string value = first_line(repository.own / "HEAD");
  for (int hops = 0; value.starts_with(kRef) && hops < kMaxSymbolicRefs; ++hops) {
    const std::string ref = value.substr(kRef.size());
    if (ref.starts_with(kHeads)) state.branch = ref.substr(kHeads.size());
    value = repository.read(ref);
  }
  if (is_commit(value)) state.commit = value;
  if (state.commit.empty() && state.branch.empty()) return std::nullopt;
  return state;
} catch (const std::exception&) {
  return std::nullopt;
}

}  // namespace trainbus
