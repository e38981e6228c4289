#pragma once
// A webhook's server: real HTTP (or HTTPS) on a free port, whose answers the test chooses. One thread.

#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

namespace trainbus::test {

class HookServer {
 public:
  static constexpr int kHang = -1;   // never answers, keeps the connection
  static constexpr int kReset = -2;  // takes the request, then resets the connection
  using Answer = std::function<int(const std::string& body)>;

  // `pem`: a file with certificate and key, for HTTPS; "": HTTP. `address`: of this host.
  explicit HookServer(int status = 200, const std::string& pem = {}, const std::string& address = "127.0.0.1")
      : answer_([status](const std::string&) { return status; }),
        address_(address),
        acceptor_(io_, {boost::asio::ip::make_address(address), 0}) {
    if (!pem.empty()) {
      tls_ = std::make_unique<boost::asio::ssl::context>(boost::asio::ssl::context::tls_server);
      tls_->use_certificate_file(pem, boost::asio::ssl::context::pem);
      tls_->use_private_key_file(pem, boost::asio::ssl::context::pem);
    }
    thread_ = std::thread([this] { run(); });
  }
  ~HookServer() {
    stop_ = true;
    thread_.join();
  }
  HookServer(const HookServer&) = delete;
  HookServer& operator=(const HookServer&) = delete;

  std::string url(const std::string& path = "/hook") const {
    return (tls_ ? "https://localhost:" : "http://" + address_ + ':') +
           std::to_string(acceptor_.local_endpoint().port()) + path;
  }
  // Of what comes from now on: a status, kHang or kReset.
  void answer(int status) {
    answer([status](const std::string&) { return status; });
  }
  void answer(Answer answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  // Of each answer from now on.
  void headers(std::map<std::string, std::string> headers) {
    const std::lock_guard lock(mutex_);
    headers_ = std::move(headers);
  }
  // What came last, with its headers.
  boost::beast::http::request<boost::beast::http::string_body> last_request() const {
    const std::lock_guard lock(mutex_);
    return last_request_;
  }
  std::size_t requests() const { return requests_; }
  // The notices that were answered with 2xx.
  std::vector<nlohmann::json> taken() const {
    const std::lock_guard lock(mutex_);
    return taken_;
  }

 private:
  using Tcp = boost::asio::ip::tcp;
  void run() {
    while (!stop_) {
      pollfd waiting{acceptor_.native_handle(), POLLIN, 0};
      if (poll(&waiting, 1, 10) != 1) continue;
      boost::system::error_code error;
      Tcp::socket socket(io_);
      acceptor_.accept(socket, error);
      if (error) continue;
      const timeval patience{2, 0};
      setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
      if (!tls_) {
        serve(socket, socket);
        continue;
      }
      boost::asio::ssl::stream<Tcp::socket&> stream(socket, *tls_);
      stream.handshake(boost::asio::ssl::stream_base::server, error);
      if (!error) serve(stream, socket);
    }
  }

  template <class Stream>
  void serve(Stream& stream, Tcp::socket& socket) {
    namespace http = boost::beast::http;
    boost::beast::flat_buffer in;
    http::request<http::string_body> request;
    boost::system::error_code error;
    http::read(stream, in, request, error);
    if (error) return;
    ++requests_;
    {
      const std::lock_guard lock(mutex_);
      last_request_ = request;
    }
    const int status = status_for(request.body());
    if (status == kHang) {
      hanging_.push_back(std::move(socket));
    } else if (status == kReset) {
      socket.set_option(boost::asio::socket_base::linger(true, 0), error);
      socket.close(error);
    } else {
      http::response<http::string_body> response(static_cast<http::status>(status), 11);
      response.set(http::field::connection, "close");
      {
        const std::lock_guard lock(mutex_);
        for (const auto& [name, value] : headers_)
          response.set(name, value);
      }
      response.prepare_payload();
      http::write(stream, response, error);
    }
  }

  int status_for(const std::string& body) {
    const std::lock_guard lock(mutex_);
    const int status = answer_(body);
    if (status / 100 == 2) taken_.push_back(nlohmann::json::parse(body));
    return status;
  }

  mutable std::mutex mutex_;
  Answer answer_;                                                              // guarded
  std::vector<nlohmann::json> taken_;                                          // guarded
  std::map<std::string, std::string> headers_;                                 // guarded
  boost::beast::http::request<boost::beast::http::string_body> last_request_;  // guarded
  std::atomic<std::size_t> requests_{0};
  std::atomic<bool> stop_{false};
  const std::string address_;
  boost::asio::io_context io_;
  Tcp::acceptor acceptor_;
  std::unique_ptr<boost::asio::ssl::context> tls_;
  std::list<Tcp::socket> hanging_;
  std::thread thread_;
};

}  // namespace trainbus::test
