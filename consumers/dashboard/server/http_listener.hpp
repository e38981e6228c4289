#pragma once
// The listening socket: each connection becomes an HttpSession. Belongs to the asio thread.
//
// Bounded: past max_connections an idle one makes room (ConnectionBook); when there is none, a session only says 503;
// past kMaxRefused of those the connection is dropped.

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>

namespace trainbus {

struct Server;

class HttpListener {
 public:
  static constexpr std::size_t kMaxRefused = 64;

  // Listens at server.options.host and port. Throws std::runtime_error with one line that names the address.
  explicit HttpListener(Server& server);

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  void start();
  void close();

 private:
  void on_accept(boost::asio::ip::tcp::socket socket);

  Server& server_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer retry_;
};

}  // namespace trainbus
