#pragma once
// A browser's side of the dashboard: HTTP requests and a WebSocket, each call with a limit of time.

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>

#include "tests/support/patience.hpp"

namespace trainbus::test {

namespace beast = boost::beast;
namespace http = beast::http;
using Headers = std::map<std::string, std::string>;

struct WebAnswer {
  unsigned status = 0;  // 0: the connection ended without an answer
  std::string body;
  http::fields fields;
  nlohmann::json json() const { return nlohmann::json::parse(body); }
};

// One connection that runs one operation at a time.
class WebLine {
 public:
  explicit WebLine(std::uint16_t port) : stream_(io_), port_(port) {
    stream_.connect({boost::asio::ip::make_address("127.0.0.1"), port});
  }

 protected:
  using Error = beast::error_code;

  // Starts an operation with a handler and waits for it; throws when it takes longer than 10 s.
  template <class Start>
  Error wait_for(Start start) {
    std::optional<Error> result;
    start([&](Error error, auto&&...) { result = error; });
    io_.restart();
    for (const Patience patience(std::chrono::seconds(10)); !result && !patience.over();)
      io_.run_for(std::chrono::milliseconds(20));
    if (!result) throw std::runtime_error("the dashboard said nothing for 10 s");
    return *result;
  }
  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }

  // Over `stream`: the line's own, or one that it is below.
  template <class Stream>
  WebAnswer exchange(Stream& stream, http::verb method, const std::string& target, const std::string& body,
                     const Headers& headers) {
    http::request<http::string_body> request(method, target, 11);
    request.set(http::field::host, host());
    for (const auto& [name, value] : headers)
      request.set(name, value);
    request.body() = body;
    request.prepare_payload();
    wait_for([&](auto done) { http::async_write(stream, request, done); });
    http::response_parser<http::string_body> parser;
    if (method == http::verb::head) parser.skip(true);
    if (wait_for([&](auto done) { http::async_read(stream, in_, parser, done); })) return {};
    const auto response = parser.release();
    return {response.result_int(), response.body(), response.base()};
  }

  boost::asio::io_context io_;
  beast::tcp_stream stream_;
  std::uint16_t port_;
  beast::flat_buffer in_;
};

class HttpClient : WebLine {
 public:
  using WebLine::WebLine;

  WebAnswer ask(http::verb method, const std::string& target, const std::string& body = {},
                const Headers& headers = {}) {
    return exchange(stream_, method, target, body, headers);
  }
};

// On a connection of its own.
inline WebAnswer get(std::uint16_t port, const std::string& target, const Headers& headers = {}) {
  return HttpClient(port).ask(http::verb::get, target, {}, headers);
}
inline WebAnswer post(std::uint16_t port, const std::string& target, const std::string& body,
                      const Headers& headers = {{"Content-Type", "application/json"}}) {
  return HttpClient(port).ask(http::verb::post, target, body, headers);
}

struct WebMessage {
  bool binary = false;
  std::string bytes;  // empty: the connection has ended
  // Of a text message; null for others.
  nlohmann::json json() const { return binary || bytes.empty() ? nlohmann::json() : nlohmann::json::parse(bytes); }
  std::string type() const { return binary || bytes.empty() ? std::string{} : json().value("type", ""); }
};

class WebSocketClient : WebLine {
 public:
  // status() is 101 when the dashboard let it in.
  explicit WebSocketClient(std::uint16_t port, const Headers& headers = {})
      : WebLine(port), socket_(std::move(stream_)) {
    socket_.set_option(beast::websocket::stream_base::decorator([&](beast::websocket::request_type& request) {
      for (const auto& [name, value] : headers)
        request.set(name, value);
    }));
    socket_.read_message_max(64 << 20);
    beast::websocket::response_type response;
    wait_for([&](auto done) { socket_.async_handshake(response, host(), "/ws", done); });
    status_ = response.result_int();
  }

  unsigned status() const { return status_; }
  void say(const std::string& text) {
    socket_.text(true);
    wait_for([&](auto done) { socket_.async_write(boost::asio::buffer(text), done); });
  }
  WebMessage next() {
    beast::flat_buffer in;
    if (wait_for([&](auto done) { socket_.async_read(in, done); })) return {};
    return {socket_.got_binary(), beast::buffers_to_string(in.data())};
  }
  // Skips messages up to a text of this type; an empty message when the connection ended before.
  WebMessage next_of(const std::string& type) {
    for (;;) {
      WebMessage message = next();
      if (message.bytes.empty() || message.type() == type) return message;
    }
  }

 private:
  beast::websocket::stream<beast::tcp_stream> socket_;
  unsigned status_ = 0;
};

}  // namespace trainbus::test
