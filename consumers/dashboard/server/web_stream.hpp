#pragma once
// A connection, plain or over TLS, as one type of stream for Beast. Belongs to the asio thread.

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/teardown.hpp>
#include <memory>
#include <optional>
#include <utility>

namespace trainbus {

class WebStream {
 public:
  using Tcp = boost::beast::tcp_stream;
  using Tls = boost::beast::ssl_stream<Tcp>;
  using executor_type = Tcp::executor_type;

  // Without a context: plain.
  WebStream(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context* context) {
    if (context == nullptr)
      plain_.emplace(std::move(socket));
    else
      tls_ = std::make_unique<Tls>(Tcp(std::move(socket)), *context);
  }

  bool is_tls() const { return tls_ != nullptr; }
  Tcp& tcp() { return tls_ ? tls_->next_layer() : *plain_; }
  Tls& tls() { return *tls_; }

  // What Beast asks of a stream.
  executor_type get_executor() { return tcp().get_executor(); }
  Tcp& next_layer() { return tcp(); }
  const Tcp& next_layer() const { return tls_ ? tls_->next_layer() : *plain_; }
  template <class Buffers, class Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    if (tls_)
      tls_->async_read_some(buffers, std::forward<Handler>(handler));
    else
      plain_->async_read_some(buffers, std::forward<Handler>(handler));
  }
  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    if (tls_)
      tls_->async_write_some(buffers, std::forward<Handler>(handler));
    else
      plain_->async_write_some(buffers, std::forward<Handler>(handler));
  }

 private:
  std::unique_ptr<Tls> tls_;
  std::optional<Tcp> plain_;
};

// How a WebSocket over it ends.
template <class Handler>
void async_teardown(boost::beast::role_type role, WebStream& stream, Handler&& handler) {
  using boost::beast::websocket::async_teardown;
  if (stream.is_tls())
    async_teardown(role, stream.tls(), std::forward<Handler>(handler));
  else
    async_teardown(role, stream.tcp(), std::forward<Handler>(handler));
}

}  // namespace trainbus
