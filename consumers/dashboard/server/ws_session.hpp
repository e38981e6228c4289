#pragma once
// One browser's WebSocket: reads what it asks for, sends what its queue holds, one message at a time.
//
// Belongs to the asio thread. Alive while an operation is under way; the hub knows it from accepting to the bye or the
// end of the connection. Bounds: 4 KiB a message in, the queue's bytes out; a full queue, a senseless message, or no
// word on what it watches within 30 s ends the connection with a reason.

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <memory>
#include <string_view>

#include "../login/sessions.hpp"
#include "browser_queue.hpp"
#include "client_message.hpp"
#include "connection_book.hpp"
#include "web_stream.hpp"

namespace trainbus {

class Hub;

class WsSession : public std::enable_shared_from_this<WsSession> {
 public:
  using Upgrade = boost::beast::http::request<boost::beast::http::string_body>;

  WsSession(WebStream&& stream, Hub& hub, ConnectionBook::Ticket ticket, std::size_t queue_bytes);
  // `login`: a session of `logins`, with which this one ends; "": of none.
  void accept(const Upgrade& request, Sessions& logins, const std::string& login);

  // For the hub.
  void keep(Outgoing message);
  void show_bus(Outgoing bus);
  // False while an earlier list waits.
  bool takes_list() const { return !leaving_ && !queue_.list_waits(); }
  void show_list(Outgoing list);
  void offer_tiles(const std::shared_ptr<TilePicture>& picture, BrowserQueue::Clock::time_point now);
  // Says why, closes, and cuts the line when the browser does not follow within a second.
  void bye(std::string_view reason);

 private:
  using Error = boost::beast::error_code;

  void logged_out();
  void wait_for_question();
  void read();
  void on_message();
  void answer(const ListRequest& request);
  void answer(const WatchRequest& request);
  void answer(const TilesRequest& request);
  void answer(const CreditGrant& grant);
  void answer(const BadMessage& bad);
  void pump();
  void on_written(Error error);
  void close();
  void leave();
  void cut();

  boost::beast::websocket::stream<WebStream> stream_;
  Hub& hub_;
  ConnectionBook::Ticket ticket_;
  BrowserQueue queue_;
  boost::beast::flat_buffer in_;
  Outgoing out_;  // being written
  Sessions::EndWatch login_;
  bool writing_ = false;
  bool joined_ = false;
  bool leaving_ = false;
  bool asked_ = false;  // it said what it watches
  boost::asio::steady_timer ask_timer_;
  boost::asio::steady_timer cut_timer_;
};

}  // namespace trainbus
