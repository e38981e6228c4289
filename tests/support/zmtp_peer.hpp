#pragma once
// A peer that speaks ZMTP 3.0 by hand, or anything else: one TCP connection and the bytes the test chooses.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "tests/support/patience.hpp"

namespace trainbus::test {

namespace zmtp {

inline std::string greeting() {
  std::string bytes("\xff\0\0\0\0\0\0\0\0\x7f\3\0NULL", 16);
  bytes.resize(64, '\0');
  return bytes;
}

inline constexpr std::uint8_t kMore = 1, kLong = 2, kCommand = 4;

// One frame; `said` is the length in its header, which may lie.
inline std::string frame(std::string_view body, std::uint8_t flags, std::uint64_t said) {
  const bool is_long = said > 255 || (flags & kLong) != 0;
  std::string bytes(1, static_cast<char>(flags | (is_long ? kLong : 0)));
  for (int shift = is_long ? 56 : 0; shift >= 0; shift -= 8)
    bytes += static_cast<char>(said >> shift & 0xff);
  bytes += body;
  return bytes;
}
inline std::string frame(std::string_view body, std::uint8_t flags = 0) { return frame(body, flags, body.size()); }

inline std::string command(std::string_view name, std::string_view data) {
  return frame(std::string(1, static_cast<char>(name.size())) + std::string(name) + std::string(data), kCommand);
}

inline std::string property(std::string_view name, std::string_view value) {
  return static_cast<char>(name.size()) + std::string(name) + std::string(3, '\0') + static_cast<char>(value.size()) +
         std::string(value);
}
// What a peer says of itself at the end of a handshake.
inline std::string metadata(std::string_view socket_type, std::string_view identity = {}) {
  return property("Socket-Type", socket_type) + (identity.empty() ? "" : property("Identity", identity));
}

inline std::string handshake(std::string_view socket_type, std::string_view identity = {}) {
  return greeting() + command("READY", metadata(socket_type, identity));
}

inline std::string message(std::span<const std::string> frames) {
  std::string bytes;
  for (std::size_t i = 0; i < frames.size(); ++i)
    bytes += frame(frames[i], i + 1 < frames.size() ? kMore : 0);
  return bytes;
}

}  // namespace zmtp

// Owns the connection. Not thread-safe.
class ZmtpPeer {
 public:
  explicit ZmtpPeer(int port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return;
    const std::string reason = std::strerror(errno);
    close(std::exchange(fd_, -1));
    throw std::runtime_error("port " + std::to_string(port) + " does not take a connection: " + reason);
  }
  ZmtpPeer(ZmtpPeer&& other) noexcept : fd_(std::exchange(other.fd_, -1)), heard_(other.heard_) {}
  ZmtpPeer& operator=(ZmtpPeer&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(heard_, other.heard_);
    return *this;
  }
  ~ZmtpPeer() {
    if (fd_ >= 0) close(fd_);
  }

  // The handshake up to the other side's READY: only then do messages count. False when it does not come.
  bool shake_hands(std::string_view socket_type, std::string_view identity = {}) {
    constexpr std::size_t kGreeting = 64;
    if (!send(zmtp::handshake(socket_type, identity))) return false;
    std::string heard;
    while (wait_for(POLLIN, std::chrono::seconds(1))) {
      char buffer[256];
      const auto count = recv(fd_, buffer, sizeof buffer, 0);
      heard_ = true;
      if (count <= 0) return false;
      heard.append(buffer, static_cast<std::size_t>(count));
      if (heard.size() < kGreeting + 2) continue;
      if (heard.size() >= kGreeting + 2 + static_cast<std::uint8_t>(heard[kGreeting + 1])) return true;
    }
    return false;
  }
  // What the other side says meanwhile is read and dropped. False when it has hung up.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(count));
        continue;
      }
      if (errno != EAGAIN && errno != EWOULDBLOCK) return false;
      wait_for(POLLIN | POLLOUT, std::chrono::seconds(5));
      if (!drain()) return false;
    }
    return true;
  }
  // False when the other side has hung up.
  bool drain() {
    char buffer[4096];
    ssize_t count = 0;
    while ((count = recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT)) > 0) {
    }
    return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  }
  // Reads until these bytes come; false when the other side hangs up, or says nothing for 5 s.
  bool hears(std::string_view wanted) {
    std::string heard;
    while (wait_for(POLLIN, std::chrono::seconds(5))) {
      char buffer[4096];
      const auto count = recv(fd_, buffer, sizeof buffer, 0);
      if (count <= 0) return false;
      heard.append(buffer, static_cast<std::size_t>(count));
      if (heard.find(wanted) != std::string::npos) return true;
      heard.erase(0, heard.size() - std::min(heard.size(), wanted.size()));
    }
    return false;
  }
  // The next `count` bytes; fewer when the other side hangs up, or says nothing for 5 s.
  std::string read(std::size_t count) {
    std::string heard;
    while (heard.size() < count && wait_for(POLLIN, std::chrono::seconds(5))) {
      std::string piece(count - heard.size(), '\0');
      const auto got = recv(fd_, piece.data(), piece.size(), 0);
      if (got <= 0) break;
      heard.append(piece, 0, static_cast<std::size_t>(got));
    }
    return heard;
  }
  // Waits until the other side has said something, or hung up: it looks at this connection.
  void wait_until_heard() {
    if (std::exchange(heard_, true)) return;
    wait_for(POLLIN, std::chrono::seconds(1));
  }
  void shut_down_sending() { shutdown(fd_, SHUT_WR); }
  // Ends with a reset: nothing lingers, and no port stays taken.
  void reset() {
    const linger hard{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(std::exchange(fd_, -1));
  }

 private:
  // True as soon as one of the events is there.
  bool wait_for(short events, std::chrono::milliseconds limit) const {
    const Patience patience(limit);
    do {
      pollfd waiting{fd_, events, 0};
      if (poll(&waiting, 1, 20) == 1) return true;
    } while (!patience.over());
    return false;
  }

  int fd_ = -1;
  bool heard_ = false;  // by us
};

}  // namespace trainbus::test
