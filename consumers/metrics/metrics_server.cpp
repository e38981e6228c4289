#include "metrics_server.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <stdexcept>
#include <thread>
#include <utility>

#include "metrics_session.hpp"

namespace trainbus {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kRetryAccept{100};
constexpr std::chrono::minutes kSayEvery{1};

std::string bare_host(const std::string& host) {
  return host.starts_with('[') && host.ends_with(']') ? host.substr(1, host.size() - 2) : host;
}

}  // namespace

class MetricsServer::Listener : public MetricsDesk {
 public:
  Listener(const ListenAddress& listen, std::vector<std::string> names, Collect collect)
      : collect_(std::move(collect)), names_(bare_host(listen.host), std::move(names)) {
    const auto endpoint = endpoint_of(listen);
    try {
      acceptor_.open(endpoint.protocol());
      acceptor_.set_option(asio::socket_base::reuse_address(true));
      acceptor_.bind(endpoint);
      acceptor_.listen();
    } catch (const boost::system::system_error& error) {
      throw std::runtime_error("cannot listen on '" + listen.host + ':' + std::to_string(listen.port) +
                               "': " + error.code().message());
    }
    accept();
    connections_thread_ = std::thread([this] { io_.run(); });
    collect_thread_ = std::thread([this] { collecting_.run(); });
  }
  ~Listener() override {
    collecting_.stop();
    collect_thread_.join();
    io_.stop();
    connections_thread_.join();
  }
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

  void ask(std::shared_ptr<MetricsSession> session) override {
    asking_.push_back(std::move(session));
    if (answered_by_.empty()) collect_for_all();
  }
  bool answers_to(std::string_view host) const override { return names_.answers_to(host); }
  void count_response(unsigned status) override { ++responses_[status]; }
  void count_late() override { ++late_; }

 private:
  void accept() {
    acceptor_.async_accept([this](boost::system::error_code error, tcp::socket socket) {
      if (!error) {
        take(std::move(socket));
        return accept();
      }
      // Out of file descriptors: trying again at once would only spin.
      retry_.expires_after(kRetryAccept);
      retry_.async_wait([this](boost::system::error_code cancelled) {
        if (!cancelled) accept();
      });
    });
  }

  void take(tcp::socket socket) {
    sessions_.remove_if([](const auto& session) { return session.expired(); });
    if (sessions_.size() >= kMostConnections && !make_room()) return;  // closes it
    boost::system::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    const auto session = std::make_shared<MetricsSession>(std::move(socket), *this);
    sessions_.push_back(session);
    session->start();
  }

  // Cuts the oldest connection that waits for a request; false when all are being answered.
  bool make_room() {
    ++crowded_;
    if (const auto now = Clock::now(); now >= say_at_) {
      spdlog::warn("metrics: {} connections are open at once; the one that waited longest is cut", kMostConnections);
      say_at_ = now + kSayEvery;
    }
    for (auto at = sessions_.begin(); at != sessions_.end(); ++at) {
      const auto session = at->lock();
      if (session && !session->is_waiting()) continue;
      if (session) session->cut();
      sessions_.erase(at);
      return true;
    }
    return false;
  }

  // One collection for all who ask by now.
  void collect_for_all() {
    answered_by_ = std::exchange(asking_, {});
    asio::post(collecting_, [this, responses = responses_, late = late_, crowded = crowded_] {
      std::optional<std::string> text;
      try {
        auto families = collect_();
        add_own(families, responses, late, crowded);
        text = families.text();
      } catch (const std::exception& error) {
        spdlog::error("metrics: {}", error.what());
      }
      asio::post(io_, [this, text = std::move(text)] { answer_all(text); });
    });
  }

  void answer_all(const std::optional<std::string>& text) {
    for (const auto& session : std::exchange(answered_by_, {}))
      session->answer(text);
    if (!asking_.empty()) collect_for_all();
  }

  static void add_own(MetricFamilies& families, const std::map<unsigned, std::uint64_t>& responses, std::uint64_t late,
                      std::uint64_t crowded) {
    for (const auto& [status, count] : responses)
      families.counter("metrics_http_responses_total", "Answers of this HTTP server",
                       {{"code", std::to_string(status)}}, count);
    const char* help = "Connections that this HTTP server cut";
    families.counter("metrics_http_connections_cut_total", help, {{"reason", "no_request"}}, late);
    families.counter("metrics_http_connections_cut_total", help, {{"reason", "too_many"}}, crowded);
  }

  const Collect collect_;
  const HostNames names_;
  std::map<unsigned, std::uint64_t> responses_;  // by status
  std::uint64_t late_ = 0, crowded_ = 0;
  Clock::time_point say_at_{};
  std::list<std::weak_ptr<MetricsSession>> sessions_;  // oldest first
  asio::io_context io_{1};
  asio::io_context collecting_{1};
  asio::executor_work_guard<asio::io_context::executor_type> collecting_on_{collecting_.get_executor()};
  tcp::acceptor acceptor_{io_};
  asio::steady_timer retry_{io_};
  std::vector<std::shared_ptr<MetricsSession>> asking_, answered_by_;
  std::thread connections_thread_, collect_thread_;
};

MetricsServer::MetricsServer(const ListenAddress& listen, std::vector<std::string> host_names, Collect collect)
    : listener_(std::make_unique<Listener>(listen, std::move(host_names), std::move(collect))) {}
MetricsServer::~MetricsServer() = default;

std::uint16_t MetricsServer::port() const { return listener_->port(); }

}  // namespace trainbus
