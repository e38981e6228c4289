#include "http_listener.hpp"

#include <chrono>
#include <stdexcept>

#include "http_session.hpp"
#include "listen_address.hpp"
#include "server.hpp"

namespace trainbus {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::chrono::milliseconds kRetryInterval{100};

}  // namespace

HttpListener::HttpListener(Server& server) : server_(server), acceptor_(server.io), retry_(server.io) {
  const auto endpoint = endpoint_of({server.options.host, server.options.port});
  try {
    acceptor_.open(endpoint.protocol());
    acceptor_.set_option(asio::socket_base::reuse_address(true));
    acceptor_.bind(endpoint);
    acceptor_.listen();
  } catch (const boost::system::system_error& error) {
    throw std::runtime_error("cannot listen on " + server.options.host + ':' + std::to_string(server.options.port) +
                             ": " + error.code().message());
  }
}

void HttpListener::start() {
  acceptor_.async_accept([this](boost::system::error_code error, tcp::socket socket) {
    if (!acceptor_.is_open()) return;
    if (!error) {
      on_accept(std::move(socket));
      start();
      return;
    }
    // Out of file descriptors: trying again at once would only spin.
    retry_.expires_after(kRetryInterval);
    retry_.async_wait([this](boost::system::error_code cancelled) {
      if (!cancelled) start();
    });
  });
}

void HttpListener::on_accept(tcp::socket socket) {
  if (server_.connections.current() >= server_.options.max_connections + kMaxRefused) return;
  boost::system::error_code error;
  const auto client = socket.remote_endpoint(error);
  if (error) return;
  socket.set_option(tcp::no_delay(true), error);
  bool full = false;
  auto ticket = server_.connections.enter(client.address().to_string(), full);
  std::make_shared<HttpSession>(WebStream(std::move(socket), server_.tls ? &server_.tls->context() : nullptr), server_,
                                std::move(ticket), full)
      ->start();
}

void HttpListener::close() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  retry_.cancel();
}

}  // namespace trainbus
