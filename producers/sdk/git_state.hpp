#pragma once
// Which commit a folder is at.

#include <filesystem>
#include <optional>
#include <string>

namespace trainbus {

struct GitState {
  std::string commit;  // 40 or 64 hex digits; empty before the first one
  std::string branch;  // "main", "fix/this"; empty when the head is detached
};

// Reads the files of the repository that `folder` lies in (gitrepository-layout(5)), also of a linked worktree and of a
// submodule; runs nothing. Empty when there is none, or it cannot be read.
std::optional<GitState> read_git_state(const std::filesystem::path& folder);

}  // namespace trainbus
