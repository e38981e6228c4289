#pragma once
// One connection to the metrics server.

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "host_names.hpp"

namespace trainbus {

class MetricsSession;

inline constexpr char kPlainText[] = "text/plain; charset=utf-8";

// What a session asks of the server, all in the thread of the connections.
class MetricsDesk {
 public:
  virtual ~MetricsDesk() = default;
  virtual bool has(std::string_view path) const = 0;
  // answer() of the session comes later.
  virtual void ask(std::shared_ptr<MetricsSession> session, const std::string& path) = 0;
  virtual bool answers_to(std::string_view host) const = 0;
  virtual bool lets_in(std::string_view path, std::string_view authorization) const = 0;
  virtual void count_response(unsigned status) = 0;
  virtual void count_late() = 0;  // a request that did not come in time
};

// Belongs to the thread of the connections; lives as long as an operation of it is under way. `desk` outlives those.
class MetricsSession : public std::enable_shared_from_this<MetricsSession> {
 public:
  MetricsSession(boost::asio::ip::tcp::socket socket, MetricsDesk& desk) : stream_(std::move(socket)), desk_(desk) {}

  void start();
  // What was asked for.
  void answer(unsigned status, const std::string& text, const char* content_type);
  // A request is not there yet.
  bool is_waiting() const { return waiting_; }
  void cut();

 private:
  using Error = boost::beast::error_code;

  void read(std::chrono::seconds within);
  void on_read(Error error);
  void route();
  void send(unsigned status, const std::string& body, const char* content_type = kPlainText);
  void end();

  boost::beast::tcp_stream stream_;
  MetricsDesk& desk_;
  boost::beast::flat_buffer in_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::empty_body>> parser_;
  boost::beast::http::request<boost::beast::http::empty_body> request_;
  bool waiting_ = true;
  bool asked_before_ = false;
};

}  // namespace trainbus
