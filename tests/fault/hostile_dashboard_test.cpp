// Ten thousand hostile connections to the dashboard: bytes that are no HTTP, requests that are damaged or go on for
// ever, WebSocket frames that lie.

#include <deque>

#include "tests/support/siege.hpp"
#include "tests/support/zmtp_peer.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::ZmtpPeer;

constexpr int kInputs = 10'000;

class HostileDashboard : public test::Siege {
 protected:
  HostileDashboard()
      : dashboard_("trainbus-dashboard", {"--broker", address_, "--listen", "127.0.0.1:0", "--no-login"}),
        address_of_it_(dashboard_.wait_for("http://127.0.0.1:").value_or("")),
        port_(std::atoi(address_of_it_.c_str())) {}

  std::string head(const std::string& method, const std::string& target, const std::string& more) const {
    return method + ' ' + target + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port_) + "\r\n" + more + "\r\n";
  }
  std::string upgrade() const {
    return head("GET", "/ws",
                "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n");
  }
  // A frame from a client, its mask all zero; `said` is the length in its header.
  static std::string web_frame(std::uint8_t first, std::string_view body, std::uint64_t said) {
    std::string bytes(1, static_cast<char>(first));
    const int length_bytes = said < 126 ? 0 : said < 65'536 ? 2 : 8;
    bytes += static_cast<char>(0x80 | (length_bytes == 0 ? said : length_bytes == 2 ? 126 : 127));
    for (int shift = 8 * (length_bytes - 1); shift >= 0; shift -= 8)
      bytes += static_cast<char>(said >> shift & 0xff);
    return bytes.append(4, '\0').append(body);
  }
  std::string request() {
    static const std::string kTargets[] = {"/",
                                           "/api/trainers",
                                           "/metrics",
                                           "/ws",
                                           "/../../etc/passwd",
                                           "/%00",
                                           "*",
                                           "/api/trainers/witness/t0/series?name=batch_loss&max_points=1e999"};
    const std::string json = R"({"type":"CHANGE_LEARNING_RATE","value":"0.1"})";
    switch (hostile_.below(6)) {
      case 0: return hostile_.bytes(1 + hostile_.below(2000));
      case 1: return hostile_.damaged(head("GET", hostile_.pick(kTargets), {}));
      case 2: return head("GET", hostile_.pick(kTargets), "X: " + std::string(hostile_.below(20'000), 'x') + "\r\n");
      case 3: return head(hostile_.text(), hostile_.pick(kTargets), "Content-Length: 99999999999999999999\r\n");
      case 4:
        return head("POST", "/api/trainers/witness/t0/commands",
                    "Content-Type: application/json\r\nContent-Length: " + std::to_string(hostile_.below(9000)) +
                        "\r\n") +
               hostile_.damaged(json);
      default: return head("POST", "/", "Transfer-Encoding: chunked\r\n") + "ffffffffffffffff\r\n" + hostile_.bytes(50);
    }
  }
  std::string web_message() {
    const std::string json = R"({"type":"watch","run":"witness","trainer":"t0","max_points":2000})";
    switch (hostile_.below(4)) {
      case 0: return hostile_.bytes(1 + hostile_.below(200));
      case 1: return web_frame(0x81, hostile_.damaged(json), json.size());
      case 2: return web_frame(static_cast<std::uint8_t>(hostile_.below(256)), json, hostile_.number());
      default: return web_frame(0x81, json, json.size()) + web_frame(0x81, hostile_.bytes(20), 20);
    }
  }
  bool healthy() {
    ZmtpPeer peer(port_);
    return peer.send(head("GET", "/healthz", {})) && peer.hears("200 OK");
  }

  test::Process dashboard_;
  const std::string address_of_it_;
  const int port_;
};

TEST_F(HostileDashboard, TenThousandConnectionsChangeNothing) {
  ASSERT_NE(port_, 0) << dashboard_.output();
  ASSERT_TRUE(healthy());
  const long memory_before = test::memory_mib(dashboard_.pid(), "VmRSS");
  const long descriptors_before = test::open_descriptors(dashboard_.pid());
  constexpr std::size_t kOpenAtOnce = 100;
  std::deque<ZmtpPeer> open;
  for (int i = 0; i < kInputs; ++i) {
    ZmtpPeer peer(port_);
    if (hostile_.one_in(4)) {
      if (peer.send(upgrade()) && peer.hears("101 Switching Protocols\r\n")) peer.send(web_message());
    } else {
      peer.send(request());
      if (hostile_.one_in(2)) peer.shut_down_sending();
    }
    open.push_back(std::move(peer));
    if (open.size() < kOpenAtOnce) continue;
    open.front().reset();
    open.pop_front();
  }
  for (auto& peer : open)
    peer.reset();
  EXPECT_TRUE(eventually("connections are closed",
                         [&] { return test::open_descriptors(dashboard_.pid()) <= descriptors_before + 4; }));
  EXPECT_TRUE(healthy());
  EXPECT_LE(test::memory_mib(dashboard_.pid(), "VmRSS") - memory_before, kMaxKeptMib);
  dashboard_.signal(SIGTERM);
  EXPECT_EQ(dashboard_.wait(5s), 0) << dashboard_.output();
  expect_unharmed();
}

}  // namespace
}  // namespace trainbus
