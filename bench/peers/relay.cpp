// What the broker is compared with: `loop` forwards between an XSUB and an XPUB and does nothing else, the limit of
// what a broker on libzmq can reach; `tcp` copies the bytes of one publisher to every subscriber.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <iostream>
#include <vector>
#include <zmq.hpp>

#include "bench/peers/peer.hpp"
#include "trainbus/program.hpp"

namespace {

using namespace trainbus;

constexpr int kMessagesPerTurn = 1000;  // before looking the other way
constexpr std::size_t kCopyBytes = 256 << 10;

zmq::socket_t bound(zmq::context_t& context, zmq::socket_type type, const std::string& address, int queue) {
  zmq::socket_t socket(context, type);
  socket.set(zmq::sockopt::sndhwm, queue);
  socket.set(zmq::sockopt::rcvhwm, queue);
  socket.set(zmq::sockopt::backlog, 4096);
  socket.bind("tcp://" + address);
  return socket;
}

void forward_between(zmq::socket_t& in, zmq::socket_t& out) {
  zmq::message_t frame;
  zmq::pollitem_t items[] = {{in.handle(), 0, ZMQ_POLLIN, 0}, {out.handle(), 0, ZMQ_POLLIN, 0}};
  for (;;) {
    int moved = 0;
    for (; moved < kMessagesPerTurn && in.recv(frame, zmq::recv_flags::dontwait); ++moved)
      for (bool more = true; more;) {
        more = frame.more();
        out.send(frame, more ? zmq::send_flags::sndmore : zmq::send_flags::none);
        if (more && !in.recv(frame)) return;
      }
    while (out.recv(frame, zmq::recv_flags::dontwait))
      in.send(frame, zmq::send_flags::none);
    if (moved < kMessagesPerTurn) zmq_poll(items, 2, -1);
  }
}

int loop(const std::string& in, const std::string& out, int queue) {
  zmq::context_t context(1);
  context.set(zmq::ctxopt::max_sockets, 4096);
  auto xsub = bound(context, zmq::socket_type::xsub, in, queue);
  auto xpub = bound(context, zmq::socket_type::xpub, out, queue);
  std::cout << "ready" << std::endl;
  forward_between(xsub, xpub);
  return 0;
}

int listen_on(const std::string& address) {
  const auto [host, port] = bench::host_port(address);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_port = htons(static_cast<std::uint16_t>(port));
  inet_pton(AF_INET, host.c_str(), &own.sin_addr);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0 || listen(fd, 64) != 0)
    throw std::runtime_error("relay: " + address + ": " + std::strerror(errno));
  return fd;
}

void write_all(int fd, const char* bytes, std::size_t size) {
  while (size > 0) {
    const auto count = send(fd, bytes, size, MSG_NOSIGNAL);
    if (count <= 0) throw std::runtime_error("relay: a subscriber is gone");
    bytes += count;
    size -= static_cast<std::size_t>(count);
  }
}

int copy_bytes(const std::string& in, const std::string& out, int subscribers) {
  const int out_fd = listen_on(out);
  const int in_fd = listen_on(in);
  std::cout << "ready" << std::endl;
  std::vector<int> takers;
  for (int i = 0; i < subscribers; ++i) {
    takers.push_back(accept(out_fd, nullptr, nullptr));
    const int one = 1;
    setsockopt(takers.back(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  }
  const int giver = accept(in_fd, nullptr, nullptr);
  std::vector<char> buffer(kCopyBytes);
  for (ssize_t count; (count = read(giver, buffer.data(), buffer.size())) > 0;)
    for (const int taker : takers)
      write_all(taker, buffer.data(), static_cast<std::size_t>(count));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  CLI::App app("The bare loop, or the relay of bytes, that scripts/bench-peers compares the broker with.",
               "trainbus-peerrelay");
  std::string kind, in, out;
  int queue = 100'000;
  int subscribers = 1;
  app.add_option("KIND", kind)->required()->check(CLI::IsMember({"loop", "tcp"}));
  app.add_option("--in", in, "HOST:PORT for publishers")->required();
  app.add_option("--out", out, "HOST:PORT for subscribers")->required();
  app.add_option("--queue", queue, "messages a connection of the loop may queue")->check(CLI::PositiveNumber);
  app.add_option("--subscribers", subscribers, "that the relay of bytes waits for")->check(CLI::Range(1, 100));
  return run_program(app, argc, argv,
                     [&] { return kind == "loop" ? loop(in, out, queue) : copy_bytes(in, out, subscribers); });
}
