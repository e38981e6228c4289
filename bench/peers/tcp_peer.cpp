// Plain TCP, each message after its length in four bytes: what no broker can be faster than.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "bench/peers/peer.hpp"

namespace trainbus::bench {
namespace {

constexpr std::size_t kWriteBytes = 64 << 10;  // written at once when so much waits

int connect_to(const std::string& address) {
  const auto [host, port] = host_port(address);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(static_cast<std::uint16_t>(port));
  inet_pton(AF_INET, host.c_str(), &peer.sin_addr);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&peer), sizeof peer) != 0)
    throw std::runtime_error("tcp: " + address + ": " + std::strerror(errno));
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

class TcpPublisher : public Publisher {
 public:
  explicit TcpPublisher(const PeerOptions& options) : fd_(connect_to(options.in)) {}
  bool send(std::string_view, std::string_view body) override {
    const auto size = static_cast<std::uint32_t>(body.size());
    waiting_.append(reinterpret_cast<const char*>(&size), sizeof size);
    waiting_.append(body);
    if (waiting_.size() >= kWriteBytes) flush();
    return true;
  }
  void flush() override {
    for (std::size_t done = 0; done < waiting_.size();) {
      const auto count = ::send(fd_, waiting_.data() + done, waiting_.size() - done, MSG_NOSIGNAL);
      if (count <= 0) throw std::runtime_error(std::string("tcp: ") + std::strerror(errno));
      done += static_cast<std::size_t>(count);
    }
    waiting_.clear();
  }

 private:
  const int fd_;
  std::string waiting_;
};

class TcpSubscriber : public Subscriber {
 public:
  explicit TcpSubscriber(const PeerOptions& options) : address_(options.out) {}
  void start() override { fd_ = connect_to(address_); }
  void run(const Receive& receive) override {
    std::vector<char> buffer(2 << 20);
    std::size_t have = 0;
    for (;;) {
      const auto count = read(fd_, buffer.data() + have, buffer.size() - have);
      if (count <= 0) throw std::runtime_error("tcp: the relay ended");
      have += static_cast<std::size_t>(count);
      std::size_t done = 0;
      for (std::uint32_t size = 0; have - done >= sizeof size; done += sizeof size + size) {
        std::memcpy(&size, buffer.data() + done, sizeof size);
        if (have - done - sizeof size < size) break;
        receive({buffer.data() + done + sizeof size, size});
      }
      std::memmove(buffer.data(), buffer.data() + done, have - done);
      have -= done;
    }
  }

 private:
  const std::string address_;
  int fd_ = -1;
};

}  // namespace

std::unique_ptr<Publisher> tcp_publisher(const PeerOptions& options) { return std::make_unique<TcpPublisher>(options); }
std::unique_ptr<Subscriber> tcp_subscriber(const PeerOptions& options) {
  return std::make_unique<TcpSubscriber>(options);
}

}  // namespace trainbus::bench
