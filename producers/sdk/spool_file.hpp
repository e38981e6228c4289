#pragma once
// The file system calls of a spool. Each may take as long as the file system likes, so none is made in a thread that
// trains or that talks to the broker.

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace trainbus {

// While one lives, a write past this process's limit on file sizes is an error of the call instead of a SIGXFSZ, which
// would end the process. Of the calling thread.
class FileSizeSignalHeld {
 public:
  FileSizeSignalHeld();
  ~FileSizeSignalHeld();
  FileSizeSignalHeld(const FileSizeSignalHeld&) = delete;
  FileSizeSignalHeld& operator=(const FileSizeSignalHeld&) = delete;

 private:
  bool held_ = false;  // it was neither blocked nor waiting before
};

// A file of `reserve` bytes that begins with `bytes`, whether there is one or not. Throws std::system_error.
void create_spool_file(const std::filesystem::path& path, std::string_view bytes, std::size_t reserve);
// False, and nothing written, when there is no such file any more, or when somebody made it shorter than `reserve`.
// Throws std::system_error.
bool write_spool_file(const std::filesystem::path& path, std::size_t offset, std::string_view bytes,
                      std::size_t reserve);
// The same question, without writing. Throws std::system_error.
bool spool_file_is_whole(const std::filesystem::path& path, std::size_t reserve);
// Cuts the file behind its last entry; it may fail, which costs space only.
void cut_spool_file(const std::filesystem::path& path, std::size_t bytes);
// Gives the file a name that nobody delivers, `….spool.damaged`, for somebody to look at.
void set_aside_spool_file(const std::filesystem::path& path);

}  // namespace trainbus
