#include "backup_verb.hpp"

#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <stdexcept>

#include "trainbus/control_client.hpp"
#include "trainbus/program.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;

// Removed again unless it was kept.
class PartFile {
 public:
  explicit PartFile(std::string path) : path_(std::move(path)) {
    fd_ = open(path_.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd_ < 0) fail();
    if (fchmod(fd_, 0600) != 0) fail();
  }
  ~PartFile() {
    if (fd_ >= 0) close(fd_);
    if (!path_.empty()) unlink(path_.c_str());
  }
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  const std::string& path() const { return path_; }
  void write(const std::string& bytes) {
    for (std::size_t at = 0; at < bytes.size();) {
      const auto written = ::write(fd_, bytes.data() + at, bytes.size() - at);
      if (written < 0) fail();
      at += static_cast<std::size_t>(written);
    }
  }
  void close_written() {
    if (fsync(fd_) != 0 || close(fd_) != 0) fail();
    fd_ = -1;
  }
  void keep_as(const std::string& path) {
    if (std::rename(path_.c_str(), path.c_str()) != 0) fail();
    path_.clear();
  }

 private:
  [[noreturn]] void fail() const { throw std::runtime_error("'" + path_ + "': " + std::strerror(errno)); }

  std::string path_;
  int fd_ = -1;
};

std::string check(const std::string& path) {
  sqlite3* database = nullptr;
  std::string verdict = "it cannot be opened";
  if (sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK) {
    const auto take = [](void* into, int, char** values, char**) {
      *static_cast<std::string*>(into) = values[0] == nullptr ? "" : values[0];
      return 0;
    };
    char* error = nullptr;
    if (sqlite3_exec(database, "PRAGMA quick_check(1)", take, &verdict, &error) != SQLITE_OK)
      verdict = error == nullptr ? "it cannot be read" : error;
    sqlite3_free(error);
  }
  sqlite3_close(database);
  return verdict;
}

class BackupClient {
 public:
  explicit BackupClient(const CtlOptions& ctl) : broker_(ctl.broker), client_(ctl.broker) {}
  ~BackupClient() {
    if (!request_.backup_id().empty()) end();
  }

  v1::BackupReply ask(std::uint64_t offset) {
    request_.set_offset(offset);
    v1::MetricsRequest question;
    *question.mutable_backup() = request_;
    const auto answer = client_.ask(std::move(question), 10s);
    if (!answer) throw std::runtime_error("no broker answers at " + broker_ + " (is trainbus-broker running?)");
    if (answer->has_error()) throw std::runtime_error("the broker makes no backup: " + answer->error().message());
    request_.set_backup_id(answer->backup_reply().backup_id());
    return answer->backup_reply();
  }

 private:
  void end() {
    v1::MetricsRequest question;
    request_.set_done(true);
    *question.mutable_backup() = request_;
    client_.ask(std::move(question), 2s);
  }

  const std::string broker_;
  ControlClient client_;
  v1::BackupRequest request_;
};

void show(const std::string& text) {
  if (isatty(STDERR_FILENO) != 0) std::cerr << '\r' << text << "\x1b[K" << std::flush;
}

}  // namespace

int back_up_journal(const CtlOptions& ctl, const std::string& file, bool force) {
  if (!force && std::filesystem::exists(file))
    throw std::runtime_error("'" + file + "' is there already: --force writes over it");
  PartFile part(file + ".part");
  std::uint64_t total = 0;
  {
    BackupClient client(ctl);
    for (bool at_end = false; !at_end;) {
      if (stop_requested()) throw std::runtime_error("stopped: '" + file + "' was not written");
      const auto reply = client.ask(total);
      if (reply.preparing()) {
        show("the broker makes a copy");
        wait_or_stop(100ms);
        continue;
      }
      if (reply.offset() != total || (reply.data().empty() && !reply.at_end()))
        throw std::runtime_error("the broker's copy has nothing from byte " + std::to_string(total) + " on");
      part.write(reply.data());
      total += reply.data().size();
      at_end = reply.at_end();
      show(fmt::format("{} of {} MB", total / 1'000'000, reply.total_bytes() / 1'000'000));
    }
  }
  part.close_written();
  show("checking the copy");
  const auto verdict = check(part.path());
  show("");
  if (verdict != "ok") throw std::runtime_error("the copy is not sound and was removed: " + verdict);
  part.keep_as(file);
  if (ctl.json)
    std::cout << "{\"file\":\"" << file << "\",\"bytes\":" << total << "}\n" << std::flush;
  else
    std::cout << file << ": " << total << " bytes, checked. To restore: stop the broker, put it as journal.sqlite into "
              << "an empty state folder, start the broker on that.\n"
              << std::flush;
  return 0;
}

}  // namespace trainbus
