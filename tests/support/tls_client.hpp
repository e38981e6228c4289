#pragma once
// A browser's side of the dashboard over TLS, and the certificate of a server in a test.

#include <boost/asio/ssl.hpp>
#include <boost/beast/ssl.hpp>

#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/web_client.hpp"

namespace trainbus::test {

// Files of a certificate for 127.0.0.1, which signs itself, and of its key.
struct Certificate {
  std::string certificate, key;
};

inline Certificate make_certificate(const TempDir& dir, const std::string& name) {
  const Certificate made{dir / (name + ".cert.pem"), dir / (name + ".key.pem")};
  Process openssl("/usr/bin/openssl", {"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                                       "-nodes", "-days", "2", "-subj", "/CN=" + name, "-addext",
                                       "subjectAltName=IP:127.0.0.1", "-keyout", made.key, "-out", made.certificate});
  if (openssl.wait(std::chrono::seconds(30)) != 0) throw std::runtime_error("openssl: " + openssl.output());
  return made;
}

// One connection, of HTTP requests or of one WebSocket.
class TlsClient : WebLine {
 public:
  using Tls = beast::ssl_stream<beast::tcp_stream>;

  // Trusts the certificates of the file `ca` alone, and with them only 127.0.0.1. `version`: the only one it
  // offers, as OpenSSL numbers them; 0: any.
  TlsClient(std::uint16_t port, const std::string& ca, int version = 0) : WebLine(port) {
    context_.load_verify_file(ca);
    context_.set_verify_mode(boost::asio::ssl::verify_peer);
    context_.set_verify_callback(boost::asio::ssl::host_name_verification("127.0.0.1"));
    SSL_CTX_set_security_level(context_.native_handle(), version != 0 ? 0 : 1);
    SSL_CTX_set_min_proto_version(context_.native_handle(), version);
    SSL_CTX_set_max_proto_version(context_.native_handle(), version);
    socket_.emplace(std::move(stream_), context_);
    trouble_ = wait_for([&](auto done) { tls().async_handshake(boost::asio::ssl::stream_base::client, done); });
  }

  // Why there is no connection.
  Error trouble() const { return trouble_; }
  WebAnswer ask(http::verb method, const std::string& target, const std::string& body = {},
                const Headers& headers = {}) {
    return exchange(tls(), method, target, body, headers);
  }
  // The status of an upgrade to a WebSocket: 101.
  unsigned upgrade(const Headers& headers, const std::string& path = "/ws") {
    socket_->set_option(beast::websocket::stream_base::decorator([&](beast::websocket::request_type& request) {
      for (const auto& [name, value] : headers)
        request.set(name, value);
    }));
    beast::websocket::response_type response;
    wait_for([&](auto done) { socket_->async_handshake(response, host(), path, done); });
    return response.result_int();
  }
  void say(const std::string& text) {
    socket_->text(true);
    wait_for([&](auto done) { socket_->async_write(boost::asio::buffer(text), done); });
  }
  // The next text of this type; null when the connection ended before.
  nlohmann::json next_of(const std::string& type) {
    for (;;) {
      beast::flat_buffer in;
      if (wait_for([&](auto done) { socket_->async_read(in, done); })) return {};
      if (!socket_->got_text()) continue;
      auto message = nlohmann::json::parse(beast::buffers_to_string(in.data()));
      if (message.value("type", "") == type) return message;
    }
  }

 private:
  Tls& tls() { return socket_->next_layer(); }

  boost::asio::ssl::context context_{boost::asio::ssl::context::tls_client};
  std::optional<beast::websocket::stream<Tls>> socket_;
  Error trouble_;
};

}  // namespace trainbus::test
