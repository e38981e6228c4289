#include "ws_session.hpp"

#include <chrono>

#include "hub.hpp"
#include "server_message.hpp"

namespace trainbus {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using std::chrono::seconds;

constexpr std::size_t kMaxMessageBytes = 4096;
constexpr seconds kHandshakeTimeout{10};
constexpr seconds kIdleTimeout{30};  // pinged at half of it
constexpr seconds kByeTimeout{1};
constexpr seconds kAskWithin{30};

// For what says that it is worth it (Outgoing::compress): fast, and with the memory of what was sent before.
websocket::permessage_deflate compression() {
  websocket::permessage_deflate option;
  option.server_enable = true;
  option.client_no_context_takeover = true;
  option.compLevel = 3;
  option.memLevel = 8;
  return option;
}

}  // namespace

WsSession::WsSession(WebStream&& stream, Hub& hub, ConnectionBook::Ticket ticket, std::size_t queue_bytes)
    : stream_(std::move(stream)),
      hub_(hub),
      ticket_(std::move(ticket)),
      queue_(queue_bytes),
      ask_timer_(stream_.get_executor()),
      cut_timer_(stream_.get_executor()) {
  stream_.set_option(websocket::stream_base::timeout{kHandshakeTimeout, kIdleTimeout, true});
  stream_.read_message_max(kMaxMessageBytes);
  stream_.auto_fragment(false);  // Beast's 4 KiB frames cost eight times the CPU
  stream_.set_option(compression());
}

void WsSession::accept(const Upgrade& request, Sessions& logins, const std::string& login) {
  beast::get_lowest_layer(stream_).expires_never();  // the WebSocket has its own timeouts
  if (!login.empty())
    login_ = logins.on_end(login, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->logged_out();
    });
  stream_.async_accept(request, [self = shared_from_this()](Error error) {
    if (error) return;
    if (self->leaving_) return self->cut();
    self->joined_ = true;
    self->hub_.join(self);
    self->wait_for_question();
    self->read();
  });
}

void WsSession::logged_out() {
  if (joined_)
    bye("this login is over");
  else
    leaving_ = true;  // the handshake is under way
}

void WsSession::wait_for_question() {
  const auto end = [weak = weak_from_this()](std::string_view why) {
    if (const auto self = weak.lock(); self && !self->asked_) self->bye(why);
  };
  ticket_->on_end([end] { end("made room for another browser: this one never said what it watches"); });
  ask_timer_.expires_after(kAskWithin);
  ask_timer_.async_wait([end](Error error) {
    if (!error) end("say within 30 s what you watch");
  });
}

void WsSession::read() {
  stream_.async_read(in_, [self = shared_from_this()](Error error, std::size_t) {
    if (error) {
      if (error == websocket::error::message_too_big) self->hub_.count_bad_message();
      self->leave();
      self->cut();
      return;
    }
    self->on_message();
    self->read();
  });
}

void WsSession::on_message() {
  if (!leaving_) {
    const auto bytes = in_.data();
    const std::string_view text(static_cast<const char*>(bytes.data()), bytes.size());
    const auto message = stream_.got_text() ? parse_client_message(text)
                                            : ClientMessage{BadMessage{"binary messages are not understood"}};
    asked_ = true;
    ticket_->set_idle(false);
    ask_timer_.cancel();
    std::visit([this](const auto& request) { answer(request); }, message);
  }
  in_.consume(in_.size());
}

void WsSession::answer(const ListRequest& request) { hub_.list(*this, request.columns); }
void WsSession::answer(const WatchRequest& request) { hub_.watch(*this, request); }

void WsSession::answer(const TilesRequest& request) {
  if (request.session) {
    queue_.start_tiles(request.credit, request.max_rate_hz);
  } else {
    queue_.stop_tiles();
  }
  hub_.watch_tiles(*this, request);
}

void WsSession::answer(const CreditGrant& grant) {
  queue_.grant(grant.n);
  pump();
}

void WsSession::answer(const BadMessage& bad) {
  hub_.count_bad_message();
  bye(bad.why);
}

void WsSession::keep(Outgoing message) {
  if (leaving_) return;
  if (queue_.keep(std::move(message))) {
    pump();
  } else {
    hub_.count_slow_reader();
    bye("this browser reads too slowly: its queue is full");
  }
}

void WsSession::show_bus(Outgoing bus) {
  if (leaving_) return;
  queue_.show_bus(std::move(bus));
  pump();
}

void WsSession::show_list(Outgoing list) {
  if (leaving_) return;
  queue_.show_list(std::move(list));
  pump();
}

void WsSession::offer_tiles(const std::shared_ptr<TilePicture>& picture, BrowserQueue::Clock::time_point now) {
  if (leaving_) return;
  if (queue_.offer_tiles(picture, now)) hub_.count_dropped_tiles();
  pump();
}

void WsSession::bye(std::string_view reason) {
  if (leaving_) return;
  leave();
  queue_.clear();
  [[maybe_unused]] const bool fits = queue_.keep({std::make_shared<const std::string>(bye_message(reason)), false});
  cut_timer_.expires_after(kByeTimeout);
  cut_timer_.async_wait([self = shared_from_this()](Error error) {
    if (!error) self->cut();
  });
  pump();
}

void WsSession::pump() {
  if (writing_) return;
  auto next = queue_.next();
  if (!next) {
    if (leaving_) close();
    return;
  }
  out_ = std::move(*next);
  writing_ = true;
  stream_.binary(out_.binary);
  stream_.compress(out_.compress);
  stream_.async_write(asio::buffer(*out_.bytes),
                      [self = shared_from_this()](Error error, std::size_t) { self->on_written(error); });
}

void WsSession::on_written(Error error) {
  writing_ = false;
  hub_.count_sent(out_);
  out_ = {};
  if (error) {
    leave();
    cut();
  } else {
    pump();
  }
}

void WsSession::close() {
  writing_ = true;  // nothing may follow the close frame
  stream_.async_close(websocket::close_code::going_away, [self = shared_from_this()](Error) { self->cut(); });
}

// The hub knows this session no longer.
void WsSession::leave() {
  leaving_ = true;
  if (std::exchange(joined_, false)) hub_.leave(*this);
}

void WsSession::cut() {
  ask_timer_.cancel();
  cut_timer_.cancel();
  beast::get_lowest_layer(stream_).close();
}

}  // namespace trainbus
