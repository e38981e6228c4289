#include "http_listener.hpp"

#include <chrono>
#include <stdexcept>

#include "http_session.hpp"
#include "site.hpp"

namespace trainbus {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::chrono::milliseconds kRetryInterval{100};

tcp::endpoint endpoint_of(const std::string& host, std::uint16_t port) {
  boost::system::error_code error;
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  const std::string bare = bracketed ? host.substr(1, host.size() - 2) : host;
  const auto address = asio::ip::make_address(bare == "localhost" ? "127.0.0.1" : bare, error);
  if (error) throw std::invalid_argument("--listen '" + host + "': not an IP address");
  return {address, port};
}

}  // namespace

HttpListener::HttpListener(Site& site) : site_(site), acceptor_(site.io), retry_(site.io) {
  const auto endpoint = endpoint_of(site.options.host, site.options.port);
  try {
    acceptor_.open(endpoint.protocol());
    acceptor_.set_option(asio::socket_base::reuse_address(true));
    acceptor_.bind(endpoint);
    acceptor_.listen();
  } catch (const boost::system::system_error& error) {
    throw std::runtime_error("cannot listen on " + site.options.host + ':' + std::to_string(site.options.port) + ": " +
                             error.code().message());
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
  const std::size_t open = site_.connections.current();
  if (open >= site_.options.max_connections + kMaxRefused) return;
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  std::make_shared<HttpSession>(std::move(socket), site_, open >= site_.options.max_connections)->start();
}

void HttpListener::close() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  retry_.cancel();
}

}  // namespace trainbus
