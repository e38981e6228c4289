#include "webhook_channel.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <future>
#include <optional>
#include <stdexcept>
#include <thread>

#include "near_address.hpp"
#include "text_forms.hpp"
#include "trainbus/program.hpp"
#include "webhook_answer.hpp"
#include "webhook_url.hpp"

namespace trainbus {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace ssl = asio::ssl;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPostTurn{50};
constexpr char kLate[] = "not within the time limit";

// One post: each step with a limit of time, given up on stop.
class Post {
 public:
  // `from_elsewhere`: a server that is not of this host or link has sent us here, and may not send us to these.
  Post(const WebhookUrl& url, ssl::context& tls, Clock::time_point until, const std::atomic<bool>& stop,
       bool from_elsewhere)
      : url_(url), stream_(io_, tls), until_(until), stop_(stop), from_elsewhere_(from_elsewhere) {}

  // The answer; else failure() says why there is none.
  std::optional<http::response<http::string_body>> send(const std::string& body) {
    const auto addresses = resolve();
    is_near_ = std::ranges::any_of(addresses, [](const auto& entry) { return is_near(entry.endpoint().address()); });
    if (is_near_ && from_elsewhere_) failure_ = "it is an address of this host or its link, and came from elsewhere";
    step("no connection", [&](auto done) { tcp_stream().async_connect(addresses, done); });
    if (url_.tls) handshake();
    return url_.tls ? exchange(stream_, body) : exchange(tcp_stream(), body);
  }
  const std::string& failure() const { return failure_; }
  // Of this host or link; after send().
  bool was_near() const { return is_near_; }

 private:
  beast::tcp_stream& tcp_stream() { return stream_.next_layer(); }

  // In a thread of its own: a name server that is silent cannot be interrupted, only left.
  tcp::resolver::results_type resolve() {
    using Found = std::pair<beast::error_code, tcp::resolver::results_type>;
    const auto found = std::make_shared<std::promise<Found>>();
    auto answer = found->get_future();
    std::thread([found, host = url_.host_name(), port = url_.port] {
      asio::io_context io;
      beast::error_code error;
      auto addresses = tcp::resolver(io).resolve(host, port, error);
      found->set_value({error, std::move(addresses)});
    }).detach();
    while (!stop_ && Clock::now() < until_)
      if (answer.wait_for(kPostTurn) == std::future_status::ready) {
        auto [error, addresses] = answer.get();
        if (error) failure_ = "no such host: " + error.message();
        return addresses;
      }
    failure_ = std::string("no such host: ") + (stop_ ? "stopped" : kLate);
    return {};
  }

  void handshake() {
    if (!failure_.empty()) return;
    SSL_set_tlsext_host_name(stream_.native_handle(), url_.host_name().c_str());
    stream_.set_verify_callback(ssl::host_name_verification(url_.host_name()));
    step("no TLS", [&](auto done) { stream_.async_handshake(ssl::stream_base::client, done); });
  }

  template <class Stream>
  std::optional<http::response<http::string_body>> exchange(Stream& stream, const std::string& body) {
    http::request<http::string_body> request(http::verb::post, url_.target, 11);
    request.set(http::field::host, url_.authority());
    request.set(http::field::user_agent, std::string("trainbus-watch/") + version());
    request.set(http::field::content_type, "application/json");
    request.set(http::field::connection, "close");
    request.body() = body;
    request.prepare_payload();
    step("not sent", [&](auto done) { http::async_write(stream, request, done); });
    beast::flat_buffer in(64 << 10);
    http::response_parser<http::string_body> parser;
    parser.body_limit(1 << 20);
    // The header is enough; what a server says besides is nobody's.
    step("no answer", [&](auto done) { http::async_read_header(stream, in, parser, done); });
    if (!failure_.empty()) return std::nullopt;
    return parser.release();
  }

  // Runs one asynchronous operation to its end, unless an earlier one failed.
  template <class Start>
  void step(const char* what, Start start) {
    if (!failure_.empty()) return;
    std::optional<beast::error_code> result;
    start([&](beast::error_code error, auto&&...) { result = error; });
    io_.restart();
    while (!result && !stop_ && Clock::now() < until_)
      io_.run_one_for(std::min<Clock::duration>(kPostTurn, until_ - Clock::now()));
    if (result && !*result) return;
    failure_ = std::string(what) + ": " + (result ? result->message() : stop_ ? "stopped" : kLate);
    if (result) return;
    tcp_stream().close();
    io_.restart();
    io_.run_for(kPostTurn);  // lets it end; what still runs dies with its io_context
  }

  const WebhookUrl& url_;
  asio::io_context io_;
  ssl::stream<beast::tcp_stream> stream_;
  const Clock::time_point until_;
  const std::atomic<bool>& stop_;
  const bool from_elsewhere_;
  bool is_near_ = false;
  std::string failure_;
};

class WebhookChannel final : public Channel {
 public:
  explicit WebhookChannel(const ChannelSpec& spec)
      : url_(*parse_webhook_url(spec.webhook)), timeout_(spec.timeout), tls_(ssl::context::tls_client) {
    beast::error_code error;
    tls_.set_verify_mode(ssl::verify_peer);
    spec.ca_file.empty() ? tls_.set_default_verify_paths(error) : tls_.load_verify_file(spec.ca_file, error);
    if (error)
      throw std::runtime_error("channel '" + spec.name + "': no certificates in '" + spec.ca_file +
                               "': " + error.message());
  }

  Attempt deliver(const Notice& notice, const std::atomic<bool>& stop) override {
    const auto until = Clock::now() + timeout_;
    const auto body = notice_json(notice);
    auto url = url_;
    bool elsewhere = false;
    for (int hops = 0;; ++hops) {
      const auto from = hops == 0 ? std::string{} : ", redirected to " + url.shown();
      Post post(url, tls_, until, stop, elsewhere);
      const auto answer = post.send(body);
      elsewhere = !post.was_near();
      if (!answer) return failed(printable(post.failure()) + from, hops);
      const auto status = answer->result_int();
      if (!is_redirection(status)) return attempt_of(*answer, hops, from);
      const auto said = "answer " + std::to_string(status) + from;
      if (hops == kMostRedirections) return failed(said + ": too many redirections", hops);
      const auto next = redirected_url(url, text((*answer)[http::field::location]));
      if (!next) return failed(said + ": its Location is no address of a webhook", hops);
      if (url.tls && !next->tls) return failed(said + ": from https to " + next->shown() + " is not followed", hops);
      url = *next;
    }
  }
  std::string shown() const override { return url_.shown(); }

 private:
  using Answer = http::response<http::string_body>;
  static std::string_view text(beast::string_view view) { return {view.data(), view.size()}; }
  static Attempt failed(std::string why, int redirections) {
    return {.result = Attempt::kFailed, .detail = std::move(why), .redirections = redirections};
  }
  static Attempt attempt_of(const Answer& answer, int redirections, const std::string& from) {
    auto attempt = attempt_of_answer(answer.result_int(), text(answer[http::field::retry_after]),
                                     std::chrono::system_clock::now());
    attempt.detail += from;
    attempt.redirections = redirections;
    const bool page = beast::iequals(answer[http::field::content_type].substr(0, 9), "text/html");
    if (redirections > 0 && page && attempt.result == Attempt::kDelivered)
      return failed(attempt.detail + ": a web page, which takes no notices", redirections);
    return attempt;
  }

  const WebhookUrl url_;
  const std::chrono::milliseconds timeout_;
  ssl::context tls_;
};

}  // namespace

std::unique_ptr<Channel> make_webhook_channel(const ChannelSpec& spec) {
  return std::make_unique<WebhookChannel>(spec);
}

}  // namespace trainbus
