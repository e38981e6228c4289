#include "dashboard.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>

#include "bus_feed.hpp"
#include "http_listener.hpp"
#include "site.hpp"

namespace trainbus {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

constexpr milliseconds kListInterval{500};
constexpr milliseconds kGoodbyeTime{1200};  // a browser is cut a second after its bye
constexpr milliseconds kGoodbyeCheck{20};

DashboardOptions checked(DashboardOptions options) {
  parse_endpoints(options.broker);  // here, with one line, and not in a thread
  return options;
}

}  // namespace

Site::Site(const DashboardOptions& chosen)
    : options(checked(chosen)),
      tiles(io, options.broker),
      hub(model, tiles, options.broker),
      files(options.www_root),
      host_names(options.host, options.allowed_hosts),
      command_rate(options.commands_per_second, options.command_burst),
      connections({options.max_connections}),
      desk(options.broker, [this](BrokerFigures figures) {
        asio::post(io, [this, figures = std::move(figures)]() mutable {
          for (const auto& one : figures.standings)
            if (const auto session = parse_session_id(one.session_id))
              model.set_standing(*session, one.incarnation, one.standing);
          broker = std::move(figures);
        });
      }) {}

class Dashboard::Core {
 public:
  explicit Core(const DashboardOptions& options)
      : site_(options),
        listener_(site_),
        timer_(site_.io),
        feed_(site_.options.broker, [this](BusBatch batch) { deliver(std::move(batch)); }) {
    show_lists();
    listener_.start();
  }

  std::uint16_t port() const { return listener_.port(); }
  void run() { site_.io.run(); }
  void stop() {
    asio::post(site_.io, [this] {
      listener_.close();
      site_.hub.goodbye("the server is going away");
      wait_for_goodbyes(std::chrono::steady_clock::now() + kGoodbyeTime);
    });
  }
  std::string url() const {
    const std::string& host = site_.options.host;
    const bool bracketed = host.find(':') != std::string::npos && host.front() != '[';
    return "http://" + (bracketed ? '[' + host + ']' : host) + ':' + std::to_string(port()) + '/';
  }

 private:
  // In the bus thread.
  void deliver(BusBatch batch) {
    asio::post(site_.io, [this, batch = std::move(batch)] {
      site_.hub.publish(batch);
      feed_.taken();
    });
  }

  void show_lists() {
    timer_.expires_after(kListInterval);
    timer_.async_wait([this](boost::system::error_code error) {
      if (error) return;
      site_.hub.show_lists();
      show_lists();
    });
  }

  // Until the WebSockets have gone: what is then still connected are idle HTTP clients.
  void wait_for_goodbyes(std::chrono::steady_clock::time_point until) {
    if (site_.connections.web_sockets() == 0 || std::chrono::steady_clock::now() >= until) {
      site_.io.stop();
      return;
    }
    timer_.expires_after(kGoodbyeCheck);
    timer_.async_wait([this, until](boost::system::error_code) { wait_for_goodbyes(until); });
  }

  Site site_;
  HttpListener listener_;
  asio::steady_timer timer_;
  BusFeed feed_;
};

Dashboard::Dashboard(const DashboardOptions& options) : core_(std::make_unique<Core>(options)) {}
Dashboard::~Dashboard() = default;
std::uint16_t Dashboard::port() const { return core_->port(); }
std::string Dashboard::url() const { return core_->url(); }
void Dashboard::run() { core_->run(); }
void Dashboard::stop() { core_->stop(); }

}  // namespace trainbus
