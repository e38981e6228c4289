#include "trainbus/key_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>

namespace trainbus {
namespace {

constexpr std::size_t kMaxFileBytes = 64 << 10;
constexpr mode_t kOthersRead = S_IRGRP | S_IROTH | S_IWGRP | S_IWOTH;
constexpr mode_t kOthersWrite = S_IWGRP | S_IWOTH;

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw std::invalid_argument("key file '" + path + "': " + why);
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::string_view unquoted(std::string_view value) {
  if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front())
    return value.substr(1, value.size() - 2);
  return value;
}

bool is_key(const std::string& text) {
  std::array<std::uint8_t, 32> bytes{};
  return text.size() == kKeyLength && zmq_z85_decode(bytes.data(), text.c_str()) != nullptr;
}

class OpenFile {
 public:
  OpenFile(const std::string& path, int flags) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags)) {
    if (fd_ < 0) refuse(path, errno == ELOOP ? "is a symbolic link" : std::strerror(errno));
  }
  ~OpenFile() { close(fd_); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  struct stat status() const {
    struct stat found {};
    fstat(fd_, &found);
    return found;
  }
  std::string text(const std::string& path) const {
    std::string text(kMaxFileBytes + 1, '\0');
    const auto count = read(fd_, text.data(), text.size());
    if (count < 0) refuse(path, std::strerror(errno));
    if (static_cast<std::size_t>(count) > kMaxFileBytes) refuse(path, "is too large to be one");
    text.resize(static_cast<std::size_t>(count));
    return text;
  }

 private:
  int fd_;
};

// The file that is open is looked at, so nobody can put another one in its place.
KeyFile read_key(const std::string& path, int flags, mode_t forbidden) {
  const OpenFile file(path, flags);
  const auto status = file.status();
  if (!S_ISREG(status.st_mode)) refuse(path, "is no file");
  if (status.st_uid != geteuid() && status.st_uid != 0) refuse(path, "belongs to another user");
  if ((status.st_mode & forbidden) != 0) {
    char mode[8];
    std::snprintf(mode, sizeof mode, "%04o", static_cast<unsigned>(status.st_mode & 07777));
    const bool read = (forbidden & S_IROTH) != 0;
    refuse(path, std::string(read ? "others can read it (" : "others can write it (") + mode + "); say chmod " +
                     (read ? "600 " : "644 ") + path);
  }
  return parse_key_file(file.text(path), path);
}

void write_all(int fd, const std::string& text, const std::string& path) {
  std::size_t written = 0;
  while (written < text.size()) {
    const auto count = write(fd, text.data() + written, text.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) throw std::runtime_error("key file '" + path + "': " + std::strerror(errno));
    written += static_cast<std::size_t>(count);
  }
  if (fsync(fd) != 0) throw std::runtime_error("key file '" + path + "': " + std::strerror(errno));
}

}  // namespace

KeyFile parse_key_file(std::string_view text, const std::string& path) {
  KeyFile key;
  key.path = path;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = trimmed(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    const auto equals = line.find('=');
    if (line.empty() || line.front() == '#' || equals == std::string_view::npos) continue;
    const std::string name(trimmed(line.substr(0, equals)));
    std::string value(unquoted(trimmed(line.substr(equals + 1))));
    if (name == "public-key")
      key.public_key = std::move(value);
    else if (name == "secret-key")
      key.secret_key = std::move(value);
    else
      key.metadata[name] = std::move(value);
  }
  if (!is_key(key.public_key)) refuse(path, key.public_key.empty() ? "has no public key" : "its public key is none");
  if (!key.secret_key.empty() && !is_key(key.secret_key)) refuse(path, "its secret key is none");
  return key;
}

std::string key_file_text(const KeyFile& key, std::string_view comment) {
  std::string text = "#   " + std::string(comment) + "\n\nmetadata\n";
  for (const auto& [name, value] : key.metadata)
    text += "    " + name + " = \"" + value + "\"\n";
  text += "curve\n    public-key = \"" + key.public_key + "\"\n";
  if (!key.secret_key.empty()) text += "    secret-key = \"" + key.secret_key + "\"\n";
  return text;
}

KeyFile read_secret_key(const std::string& path, bool follow) {
  auto key = read_key(path, follow ? 0 : O_NOFOLLOW, kOthersRead);
  if (key.secret_key.empty()) refuse(path, "has no secret key");
  return key;
}

KeyFile read_public_key(const std::string& path) { return read_key(path, O_NOFOLLOW, kOthersWrite); }

void write_key_file(const std::string& path, const KeyFile& key, std::string_view comment, bool replace) {
  const std::string part = path + ".part" + std::to_string(getpid());
  unlink(part.c_str());
  const int fd = open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (fd < 0) throw std::runtime_error("key file '" + path + "': " + std::strerror(errno));
  try {
    write_all(fd, key_file_text(key, comment), path);
  } catch (...) {
    close(fd);
    unlink(part.c_str());
    throw;
  }
  close(fd);
  // A link fails where the name is taken, a rename replaces what has it.
  const int failed = replace ? rename(part.c_str(), path.c_str()) : link(part.c_str(), path.c_str());
  const int error = errno;
  if (!replace || failed != 0) unlink(part.c_str());
  if (failed != 0)
    throw std::runtime_error("key file '" + path +
                             "': " + (error == EEXIST ? "is there already" : std::strerror(error)));
}

KeyFile new_key_pair() {
  std::array<char, kKeyLength + 1> public_key{}, secret_key{};
  if (zmq_curve_keypair(public_key.data(), secret_key.data()) != 0)
    throw std::runtime_error("this libzmq makes no keys: " + std::string(zmq_strerror(zmq_errno())));
  KeyFile key;
  key.public_key = public_key.data();
  key.secret_key = secret_key.data();
  return key;
}

std::string fingerprint(const std::string& public_key) { return public_key.substr(0, 8); }

}  // namespace trainbus
