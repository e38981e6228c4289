#include "http_session.hpp"

#include <boost/beast/websocket.hpp>
#include <chrono>

#include "command_api.hpp"
#include "login_api.hpp"
#include "site.hpp"
#include "trainbus/program.hpp"

namespace trainbus {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using beast::string_view;

constexpr std::size_t kMaxHeaderBytes = 8192;
constexpr std::chrono::seconds kHandshake{10};
constexpr std::chrono::seconds kSilence{30};
constexpr std::chrono::seconds kEnding{2};
constexpr std::size_t kMaxLeftover = 256 << 10;  // read and dropped after a refusal, so that the client sees it

// Nothing from elsewhere; the tile worker and its pictures are blobs. Beast's own default has no such headers.
constexpr const char* kContentSecurityPolicy =
    "default-src 'self'; img-src 'self' blob: data:; worker-src 'self' blob:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; object-src 'none'";

std::string_view to_std(string_view text) { return {text.data(), text.size()}; }

template <class Fields>
void add_security(Fields& fields) {
  fields.set(http::field::server, "trainbus");
  fields.set("Content-Security-Policy", kContentSecurityPolicy);
  fields.set("X-Content-Type-Options", "nosniff");
  fields.set("Referrer-Policy", "no-referrer");
  fields.set("Cross-Origin-Resource-Policy", "same-origin");
}

unsigned status_of(beast::error_code error) {
  if (error == http::error::body_limit) return 413;
  if (error == http::error::header_limit || error == http::error::buffer_overflow) return 431;
  return 400;
}

}  // namespace

HttpSession::HttpSession(WebStream stream, Server& server, ConnectionBook::Ticket ticket, bool full)
    : stream_(std::move(stream)), server_(server), ticket_(std::move(ticket)), full_(full) {}

void HttpSession::start() {
  ticket_->on_end([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->stream_.tcp().close();
  });
  if (!stream_.is_tls()) return read();
  ticket_->set_idle(true);
  stream_.tcp().expires_after(kHandshake);
  stream_.tls().async_handshake(asio::ssl::stream_base::server, [self = shared_from_this()](Error error) {
    if (!error) self->read();
  });
}

void HttpSession::read() {
  ticket_->set_idle(true);
  parser_.emplace();
  parser_->header_limit(kMaxHeaderBytes);
  parser_->body_limit(kMaxBodyBytes);
  stream_.tcp().expires_after(kSilence);
  http::async_read(stream_, in_, *parser_,
                   [self = shared_from_this()](Error error, std::size_t) { self->on_read(error); });
}

void HttpSession::on_read(Error error) {
  const bool gone = error == http::error::end_of_stream || error == http::error::partial_message ||
                    (error && error.category() != http::make_error_code(http::error::bad_method).category());
  if (gone) return;
  ticket_->set_idle(false);
  request_ = parser_->release();
  if (error) {
    request_.keep_alive(false);
    const unsigned status = status_of(error);
    send(refusal(status, status == 413 ? "a body may have 4096 bytes" : "not a request: " + error.message()));
  } else {
    route();
  }
}

// Why this request is not answered; empty when it is.
std::optional<Answer> HttpSession::refuse(const RequestTarget* target) const {
  if (full_) return refusal(503, "too many connections");
  if (auto problem = doubled_header(request_); !problem.empty()) return refusal(400, problem);
  const std::string_view host = visitor_.host;
  if (!server_.host_names.answers_to(host)) return refusal(403, "this server does not answer to that Host");
  if (target == nullptr) return refusal(400, "not a path");
  const auto method = request_.method();
  const bool reads = method == http::verb::get || method == http::verb::head;
  if (!reads && method != http::verb::post) {
    Answer answer = refusal(405, "use GET or POST");
    answer.allow = "GET, HEAD, POST";
    return answer;
  }
  const bool upgrade = target->path == "/ws";
  if ((upgrade || !reads) && !origin_matches(to_std(request_[http::field::origin]), host))
    return refusal(403, "a page from elsewhere may not do this");
  if (upgrade && !beast::websocket::is_upgrade(request_)) return refusal(400, "/ws wants a WebSocket upgrade");
  return std::nullopt;
}

void HttpSession::route() {
  Error gone;
  const auto peer = stream_.tcp().socket().remote_endpoint(gone);
  if (gone) return;
  visitor_ = visitor_of(request_, peer.address().to_string(), stream_.is_tls(), server_.options.proxies);
  const auto path = below_base_path(to_std(request_.target()), server_.options.base_path);
  if (!path && !full_) return send(refusal(404, "this server is below " + server_.options.base_path + '/'));
  auto target = path ? parse_target(*path) : std::nullopt;
  Site* const site = target ? server_.site_of(*target) : nullptr;
  if (auto refused = refuse(target ? &*target : nullptr)) {
    if (full_) request_.keep_alive(false);
    return send(*refused);
  }
  const auto token = target->query.find("token");
  if (request_.method() == http::verb::get && target->path == "/" && token != target->query.end() &&
      server_.login.asks())
    return send(enter_by_url(server_.login, token->second, credentials()));
  const auto person = server_.login.person(credentials(), LoginDesk::Clock::now());
  if (!person && !is_open(*target)) return ask_to_log_in(*target);
  if (site == nullptr) return send(refusal(404, "no such site: the sites are at /at/NAME/"));
  if (target->path == "/ws") return upgrade(*site, *person);
  if (!is_api(*target)) return serve_file(*target);
  ApiRequest request{.post = request_.method() == http::verb::post,
                     .target = std::move(*target),
                     .content_type = to_std(request_[http::field::content_type]),
                     .body = request_.body(),
                     .client = visitor_.client,
                     .person = person.value_or(Person{})};
  const auto reply = [self = shared_from_this()](const Answer& answer) { self->send(answer); };
  if (answer_login(server_.login, request, credentials(), reply)) return;
  answer_api(*site, request, reply);
}

Credentials HttpSession::credentials() const {
  return {to_std(request_[http::field::cookie]), to_std(request_[http::field::authorization]), visitor_.client,
          visitor_.secure};
}

// The page itself is there only for who is logged in; in its place is one that asks.
void HttpSession::ask_to_log_in(const RequestTarget& target) {
  const bool page = target.path == "/" || target.path == "/index.html";
  if (page && request_.method() != http::verb::post)
    return serve(StaticFiles::built_in("/login.html", accepts_gzip()), 401);
  send(refusal(401, "log in first: a cookie of /api/login, or the header Authorization: Bearer TOKEN"));
}

void HttpSession::upgrade(Site& site, const Person& person) {
  if (const auto why = ticket_->become_web_socket(); !why.empty()) return send(refusal(503, why));
  std::make_shared<WsSession>(std::move(stream_), site.hub, std::move(ticket_), server_.options.queue_bytes)
      ->accept(request_, server_.login.sessions(), person.session);
}

void HttpSession::serve_file(const RequestTarget& target) {
  if (request_.method() == http::verb::post) {
    Answer answer = refusal(405, "use GET");
    answer.allow = "GET, HEAD";
    return send(answer);
  }
  serve(is_login_page_file(target) ? StaticFiles::built_in(target.path, accepts_gzip())
                                   : server_.files.find(target.path, accepts_gzip()),
        200);
}

bool HttpSession::accepts_gzip() const {
  return request_[http::field::accept_encoding].find("gzip") != string_view::npos;
}

void HttpSession::serve(std::optional<StaticFile> file, unsigned status) {
  if (!file) return send(refusal(404, "no such file"));
  const bool same = status == 200 && request_[http::field::if_none_match] == string_view(file->etag);
  http::response<http::span_body<const char>> response(
      same ? http::status::not_modified : static_cast<http::status>(status), request_.version());
  response.set(http::field::etag, file->etag);
  response.set(http::field::cache_control, "no-cache");  // ask every time; the ETag makes that cheap
  response.set(http::field::vary, "Accept-Encoding");
  if (!same) {
    response.set(http::field::content_type, string_view(file->content_type.data(), file->content_type.size()));
    if (file->gzip) response.set(http::field::content_encoding, "gzip");
    response.body() = {file->bytes.data(), file->bytes.size()};
  }
  write(std::move(response), file->owner);
}

void HttpSession::send(const Answer& answer) {
  http::response<http::string_body> response(static_cast<http::status>(answer.status), request_.version());
  response.set(http::field::content_type, string_view(answer.content_type.data(), answer.content_type.size()));
  response.set(http::field::cache_control, answer.lasting ? "private, max-age=86400, immutable" : "no-store");
  if (!answer.allow.empty()) response.set(http::field::allow, string_view(answer.allow.data(), answer.allow.size()));
  if (!answer.location.empty()) response.set(http::field::location, answer.location);
  for (const auto& cookie : answer.cookies)
    response.insert(http::field::set_cookie, cookie);
  if (answer.retry_after_sec > 0) response.set(http::field::retry_after, std::to_string(answer.retry_after_sec));
  response.body() = answer.body;
  write(std::move(response));
}

template <class Response>
void HttpSession::write(Response response, std::shared_ptr<const void> owner) {
  ++server_.responses[response.result_int()];
  add_security(response);
  if (visitor_.secure) response.set(http::field::strict_transport_security, "max-age=31536000");
  if (response.result_int() == 401) response.set(http::field::www_authenticate, "Bearer");
  response.keep_alive(request_.keep_alive());
  response.prepare_payload();
  if (request_.method() == http::verb::head) response.body() = {};
  const bool keep_alive = response.keep_alive();
  beast::async_write(stream_, http::message_generator(std::move(response)),
                     [self = shared_from_this(), owner, keep_alive](Error error, std::size_t) {
                       if (error) return;
                       keep_alive ? self->read() : self->end();
                     });
}

// What the client still sends is read and dropped: closing on unread bytes would reset the connection under the answer.
void HttpSession::end() {
  ticket_->set_idle(true);
  Error ignored;
  stream_.tcp().socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  if (in_.size() > 0) in_.consume(in_.size());
  stream_.tcp().expires_after(kEnding);
  asio::async_read(stream_.tcp(), in_.prepare(kMaxLeftover), [self = shared_from_this()](Error, std::size_t) {});
}

}  // namespace trainbus
