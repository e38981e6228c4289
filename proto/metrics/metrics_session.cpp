#include "metrics_session.hpp"

#include <boost/asio/read.hpp>

#include "metrics_server.hpp"

namespace trainbus {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::size_t kMaxHeaderBytes = 8192;
constexpr std::size_t kMaxLeftover = 64 << 10;  // read and dropped after a refusal, so that the client sees it
constexpr std::chrono::seconds kEnding{2};

}  // namespace

void MetricsSession::start() { read(MetricsServer::kRequestWithin); }

void MetricsSession::read(std::chrono::seconds within) {
  waiting_ = true;
  parser_.emplace();
  parser_->header_limit(kMaxHeaderBytes);
  parser_->body_limit(0);
  stream_.expires_after(within);  // for all of it, however slowly it drips
  http::async_read(stream_, in_, *parser_,
                   [self = shared_from_this()](Error error, std::size_t) { self->on_read(error); });
}

void MetricsSession::on_read(Error error) {
  waiting_ = false;
  if (error == beast::error::timeout && !asked_before_) desk_.count_late();
  const bool gone = error == http::error::end_of_stream || error == http::error::partial_message ||
                    (error && error.category() != http::make_error_code(http::error::bad_method).category());
  if (gone) return;
  asked_before_ = true;
  request_ = parser_->release();
  if (!error) return route();
  request_.keep_alive(false);
  send(error == http::error::header_limit || error == http::error::buffer_overflow ? 431 : 400,
       "not a request for metrics\n");
}

void MetricsSession::route() {
  const auto text = [](beast::string_view view) { return std::string_view(view.data(), view.size()); };
  const auto target = text(request_.target());
  if (!desk_.answers_to(text(request_[http::field::host])))
    return send(403, "this server does not answer to that Host\n");
  const auto path = target.substr(0, target.find('?'));
  if (!desk_.has(path)) return send(404, "nothing is here; try /metrics\n");
  const auto shown = text(request_[http::field::authorization]);
  if (request_.count(http::field::authorization) > 1 || !desk_.lets_in(path, shown))
    return send(401, "show the token: Authorization: Bearer TOKEN\n");
  if (request_.method() != http::verb::get && request_.method() != http::verb::head) return send(405, "use GET\n");
  stream_.expires_never();
  desk_.ask(shared_from_this(), std::string(path));
}

void MetricsSession::answer(unsigned status, const std::string& text, const char* content_type) {
  send(status, text, content_type);
}

void MetricsSession::send(unsigned status, const std::string& body, const char* content_type) {
  desk_.count_response(status);
  http::response<http::string_body> response(static_cast<http::status>(status), request_.version());
  response.set(http::field::server, "trainbus");
  response.set(http::field::content_type, content_type);
  response.set(http::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  if (status == 405) response.set(http::field::allow, "GET, HEAD");
  if (status == 401) response.set(http::field::www_authenticate, "Bearer");
  response.body() = body;
  response.keep_alive(request_.keep_alive() && status == 200);
  response.prepare_payload();
  if (request_.method() == http::verb::head) response.body().clear();
  const bool keep_alive = response.keep_alive();
  stream_.expires_after(MetricsServer::kAnswerWithin);
  beast::async_write(stream_, http::message_generator(std::move(response)),
                     [self = shared_from_this(), keep_alive](Error error, std::size_t) {
                       if (error) return;
                       keep_alive ? self->read(MetricsServer::kIdle) : self->end();
                     });
}

// Closing on unread bytes would reset the connection under the answer.
void MetricsSession::end() {
  Error ignored;
  stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  if (in_.size() > 0) in_.consume(in_.size());
  stream_.expires_after(kEnding);
  waiting_ = true;  // may be cut
  asio::async_read(stream_, in_.prepare(kMaxLeftover), [self = shared_from_this()](Error, std::size_t) {});
}

void MetricsSession::cut() {
  waiting_ = false;
  stream_.close();
}

}  // namespace trainbus
