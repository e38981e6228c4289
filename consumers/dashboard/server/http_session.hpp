#pragma once
// One HTTP connection: reads requests, lets in who may ask, and hands them to the API, the files or a WsSession.
//
// Belongs to the asio thread. Alive while an operation is under way. Bounds: 8 KiB of headers, 4 KiB of body, 30 s of
// silence.

#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <memory>
#include <optional>
#include <string>

#include "../login/login_desk.hpp"
#include "api.hpp"
#include "connection_book.hpp"
#include "static_files.hpp"
#include "visitor.hpp"
#include "web_stream.hpp"

namespace trainbus {

struct Server;
struct Site;

class HttpSession : public std::enable_shared_from_this<HttpSession> {
 public:
  // `full`: there are too many connections, every request is answered 503.
  HttpSession(WebStream stream, Server& server, ConnectionBook::Ticket ticket, bool full);
  void start();

 private:
  using Error = boost::beast::error_code;
  using Body = boost::beast::http::string_body;

  void read();
  void on_read(Error error);
  void route();
  void upgrade(Site& site, const Person& person);
  Credentials credentials() const;
  void ask_to_log_in(const RequestTarget& target);
  std::optional<Answer> refuse(const RequestTarget* target) const;
  void serve_file(const RequestTarget& target);
  void serve(std::optional<StaticFile> file, unsigned status);
  bool accepts_gzip() const;
  void send(const Answer& answer);
  template <class Response>
  void write(Response response, std::shared_ptr<const void> owner = nullptr);
  void end();

  WebStream stream_;
  Server& server_;
  ConnectionBook::Ticket ticket_;
  const bool full_;
  boost::beast::flat_buffer in_;
  std::optional<boost::beast::http::request_parser<Body>> parser_;
  boost::beast::http::request<Body> request_;
  Visitor visitor_;  // of the request
};

}  // namespace trainbus
