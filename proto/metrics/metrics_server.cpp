#include "metrics_server.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <optional>
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
constexpr char kMetrics[] = "/metrics";
constexpr char kMetricsType[] = "text/plain; version=0.0.4; charset=utf-8";

std::string bare_host(const std::string& host) {
  return host.starts_with('[') && host.ends_with(']') ? host.substr(1, host.size() - 2) : host;
}

struct Page {
  unsigned status = 0;
  std::string text;
  const char* content_type = kPlainText;
};

}  // namespace

class MetricsServer::Listener : public MetricsDesk {
 public:
  Listener(const ListenAddress& listen, std::vector<std::string> names, Collect collect, Probes probes,
           BearerToken token)
      : collect_(std::move(collect)),
        probes_(std::move(probes)),
        names_(bare_host(listen.host), std::move(names)),
        token_(std::move(token)) {
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

  bool has(std::string_view path) const override { return path == kMetrics || probes_.find(path) != probes_.end(); }
  void ask(std::shared_ptr<MetricsSession> session, const std::string& path) override {
    asking_[path].push_back(std::move(session));
    if (answered_by_.empty()) answer_all_who_ask();
  }
  bool answers_to(std::string_view host) const override { return names_.answers_to(host); }
  bool lets_in(std::string_view path, std::string_view authorization) const override {
    return path != kMetrics || token_.lets_in(authorization);
  }
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

  // Each page once for all who ask by now.
  void answer_all_who_ask() {
    answered_by_ = std::exchange(asking_, {});
    std::vector<std::string> paths;
    for (const auto& [path, sessions] : answered_by_)
      paths.push_back(path);
    asio::post(collecting_, [this, paths = std::move(paths), responses = responses_, late = late_, crowded = crowded_] {
      std::map<std::string, Page> pages;
      for (const auto& path : paths)
        pages[path] = path == kMetrics ? metrics(responses, late, crowded) : probe(path);
      asio::post(io_, [this, pages = std::move(pages)] { answer(pages); });
    });
  }

  Page metrics(const std::map<unsigned, std::uint64_t>& responses, std::uint64_t late, std::uint64_t crowded) const {
    try {
      auto families = collect_();
      add_own(families, responses, late, crowded);
      return {200, families.text(), kMetricsType};
    } catch (const std::exception& error) {
      spdlog::error("metrics: {}", error.what());
      return {500, "the metrics could not be collected\n"};
    }
  }

  Page probe(const std::string& path) const {
    try {
      const auto standing = probes_.at(path)();
      return {standing.good ? 200U : 503U, standing.text + '\n'};
    } catch (const std::exception& error) {
      return {503, std::string(error.what()) + '\n'};
    }
  }

  void answer(const std::map<std::string, Page>& pages) {
    for (const auto& [path, sessions] : std::exchange(answered_by_, {}))
      for (const auto& session : sessions) {
        const auto& page = pages.at(path);
        session->answer(page.status, page.text, page.content_type);
      }
    if (!asking_.empty()) answer_all_who_ask();
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

  using Asking = std::map<std::string, std::vector<std::shared_ptr<MetricsSession>>>;  // by path

  const Collect collect_;
  const Probes probes_;
  const HostNames names_;
  const BearerToken token_;
  std::map<unsigned, std::uint64_t> responses_;  // by status
  std::uint64_t late_ = 0, crowded_ = 0;
  Clock::time_point say_at_{};
  std::list<std::weak_ptr<MetricsSession>> sessions_;  // oldest first
  asio::io_context io_{1};
  asio::io_context collecting_{1};
  asio::executor_work_guard<asio::io_context::executor_type> collecting_on_{collecting_.get_executor()};
  tcp::acceptor acceptor_{io_};
  asio::steady_timer retry_{io_};
  Asking asking_, answered_by_;
  std::thread connections_thread_, collect_thread_;
};

MetricsServer::MetricsServer(const ListenAddress& listen, std::vector<std::string> host_names, Collect collect,
                             Probes probes, BearerToken token)
    : listener_(std::make_unique<Listener>(listen, std::move(host_names), std::move(collect), std::move(probes),
                                           std::move(token))) {}
MetricsServer::~MetricsServer() = default;

std::uint16_t MetricsServer::port() const { return listener_->port(); }

}  // namespace trainbus
