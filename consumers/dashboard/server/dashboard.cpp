#include "dashboard.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>

#include "http_listener.hpp"
#include "site.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

constexpr milliseconds kListInterval{500};
constexpr milliseconds kGoodbyeTime{1200};  // a browser is cut a second after its bye
constexpr milliseconds kGoodbyeCheck{20};

}  // namespace

class Dashboard::Core {
 public:
  explicit Core(const DashboardOptions& options) : server_(options), listener_(server_), timer_(server_.io) {
    server_.login.open(port(), LoginDesk::Clock::now());
    show_lists();
    listener_.start();
  }

  std::uint16_t port() const { return listener_.port(); }
  void run() { server_.io.run(); }
  void stop() {
    asio::post(server_.io, [this] {
      listener_.close();
      for (const auto& site : server_.sites)
        site->hub.goodbye("the server is going away");
      wait_for_goodbyes(std::chrono::steady_clock::now() + kGoodbyeTime);
    });
  }
  std::string url() const {
    const std::string& host = server_.options.host;
    const bool bracketed = host.find(':') != std::string::npos && host.front() != '[';
    return (server_.tls ? "https://" : "http://") + (bracketed ? '[' + host + ']' : host) + ':' +
           std::to_string(port()) + server_.options.base_path + '/';
  }
  std::string login_url() const {
    const auto token = server_.login.one_time_token(LoginDesk::Clock::now());
    return token.empty() ? url() : url() + "?token=" + token;
  }
  void reload() {
    asio::post(server_.io, [this] {
      if (server_.tls) server_.tls->reload();
    });
  }

 private:
  void show_lists() {
    timer_.expires_after(kListInterval);
    timer_.async_wait([this](boost::system::error_code error) {
      if (error) return;
      for (const auto& site : server_.sites) {
        site->limits.look(steady_ms());
        site->hub.show_lists();
      }
      server_.login.tick(LoginDesk::Clock::now());
      show_lists();
    });
  }

  // Until the WebSockets have gone: what is then still connected are idle HTTP clients.
  void wait_for_goodbyes(std::chrono::steady_clock::time_point until) {
    if (server_.connections.web_sockets() == 0 || std::chrono::steady_clock::now() >= until) {
      server_.io.stop();
      return;
    }
    timer_.expires_after(kGoodbyeCheck);
    timer_.async_wait([this, until](boost::system::error_code) { wait_for_goodbyes(until); });
  }

  Server server_;
  HttpListener listener_;
  asio::steady_timer timer_;
};

Dashboard::Dashboard(const DashboardOptions& options) : core_(std::make_unique<Core>(options)) {}
Dashboard::~Dashboard() = default;
std::uint16_t Dashboard::port() const { return core_->port(); }
std::string Dashboard::url() const { return core_->url(); }
std::string Dashboard::login_url() const { return core_->login_url(); }
void Dashboard::reload() { core_->reload(); }
void Dashboard::run() { core_->run(); }
void Dashboard::stop() { core_->stop(); }

}  // namespace trainbus
