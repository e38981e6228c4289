// The dashboard behind nginx, as its README says: below a path, over TLS, and nginx's own headers.

#include <gmock/gmock.h>

#include <fstream>

#include "proto/beast/secret_file.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/running_dashboard.hpp"
#include "tests/support/server_process.hpp"
#include "tests/support/tls_client.hpp"

namespace trainbus {
namespace {

using nlohmann::json;
using test::eventually;
using test::Headers;
using test::TlsClient;
using test::WebAnswer;
using ::testing::HasSubstr;
using ::testing::StartsWith;
namespace http = boost::beast::http;

constexpr char kNginx[] = "/usr/sbin/nginx";

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class BehindNginx : public test::DashboardTest {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kNginx)) GTEST_SKIP() << "no nginx";
    dashboard_port_ = serve({.login_dir = dir_ / "login", .base_path = "/bus", .proxies = {"127.0.0.1"}});
    std::ofstream(dir_ / "nginx.conf") << configuration();
    nginx_ = std::make_unique<test::ServerProcess>(
        kNginx, std::vector<std::string>{"-c", dir_ / "nginx.conf", "-p", dir_.path().string()}, dir_ / "nginx.log");
    ASSERT_TRUE(eventually("nginx serves", [&] {
      try {
        return !TlsClient(port_, pair_.certificate).trouble();
      } catch (const std::exception&) {
        return false;
      }
    })) << nginx_->log();
  }
  void TearDown() override { dashboard_.reset(); }  // it keeps its sessions in dir_

  // The location of the README, with the port of this dashboard.
  std::string configuration() const {
    const auto readme = text_of(TRAINBUS_SOURCE "/consumers/dashboard/README.md");
    const std::string begin = "```nginx\n", upstream = "127.0.0.1:8080";
    const auto from = readme.find(begin) + begin.size();
    auto location = readme.substr(from, readme.find("```", from) - from);
    location.replace(location.find(upstream), upstream.size(), "127.0.0.1:" + std::to_string(dashboard_port_));
    const auto file = [&](const char* name) { return ' ' + (dir_ / name) + ";\n"; };
    return "daemon off;\nmaster_process off;\nerror_log stderr;\npid" + file("pid") +
           "events {}\nhttp {\naccess_log off;\nclient_body_temp_path" + file("b") + "proxy_temp_path" + file("p") +
           "fastcgi_temp_path" + file("f") + "uwsgi_temp_path" + file("u") + "scgi_temp_path" + file("s") +
           "server {\nlisten 127.0.0.1:" + std::to_string(port_) + " ssl;\nssl_certificate " + pair_.certificate +
           ";\nssl_certificate_key " + pair_.key + ";\n" + location + "}\n}\n";
  }
  WebAnswer ask(http::verb method, const std::string& target, const std::string& body = {},
                const Headers& headers = {{"Content-Type", "application/json"}}) {
    return TlsClient(port_, pair_.certificate).ask(method, target, body, headers);
  }

  test::TempDir dir_;
  test::Certificate pair_ = test::make_certificate(dir_, "proxy");
  std::uint16_t port_ = static_cast<std::uint16_t>(test::free_port()), dashboard_port_ = 0;
  std::unique_ptr<test::ServerProcess> nginx_;
};

TEST_F(BehindNginx, TheLoginAndTheWebSocketWorkBelowAPath) {
  train(1).run();
  EXPECT_EQ(ask(http::verb::get, "/bus/api/trainers").status, 401U);
  EXPECT_EQ(ask(http::verb::get, "/bus/healthz").status, 200U);
  auto token = read_secret_file(dir_ / "login/token").value_or("");
  token = token.substr(0, token.find('\n'));
  const auto entered = ask(http::verb::post, "/bus/api/login", json{{"token", token}}.dump());
  ASSERT_EQ(entered.status, 200U) << entered.body << nginx_->log();
  const std::string set(entered.fields["Set-Cookie"]);
  EXPECT_THAT(set, StartsWith("__Host-trainbus-")) << "the proxy says that the browser came over TLS";
  const Headers cookie{{"Cookie", set.substr(0, set.find(';'))}};
  EXPECT_THAT(ask(http::verb::get, "/bus/", {}, cookie).body, HasSubstr("app.js"));

  // What a browser says of where its page is from is compared with the proxy's name.
  const auto own = "https://127.0.0.1:" + std::to_string(port_);
  for (const auto& [origin, status] : std::map<std::string, unsigned>{{own, 101}, {"https://127.0.0.1:1", 403}}) {
    TlsClient browser(port_, pair_.certificate);
    auto headers = cookie;
    headers["Origin"] = origin;
    EXPECT_EQ(browser.upgrade(headers, "/bus/ws"), status) << origin;
    if (status == 101) {
      EXPECT_EQ(browser.next_of("hello").value("type", ""), "hello");
    }
  }
  EXPECT_EQ(ask(http::verb::post, "/bus/api/logout", "", cookie).status, 204U);
  EXPECT_EQ(ask(http::verb::get, "/bus/api/trainers", {}, cookie).status, 401U);
}

// A client that says it comes from elsewhere, or over TLS to another name, only speaks to nginx.
TEST_F(BehindNginx, WhatAClientForgesIsNotTheProxys) {
  EXPECT_EQ(ask(http::verb::get, "/bus/healthz", {}, {{"Host", "evil.example"}}).status, 403U);
  const Headers forged{{"X-Forwarded-Host", "evil.example"},
                       {"X-Forwarded-Proto", "http"},
                       {"X-Forwarded-For", "10.0.0.1"},
                       {"Content-Type", "application/json"}};
  EXPECT_EQ(ask(http::verb::get, "/bus/healthz", {}, forged).status, 200U);
  unsigned status = 0;
  for (int tries = 0; tries < 40 && status != 429; ++tries) {
    auto headers = forged;
    headers["X-Forwarded-For"] = "10.0.0." + std::to_string(tries);
    status = ask(http::verb::post, "/bus/api/login",
                 json{{"user", "nobody" + std::to_string(tries)}, {"password", "guess"}}.dump(), headers)
                 .status;
  }
  EXPECT_EQ(status, 429U) << "each attempt would be from another address";
}

}  // namespace
}  // namespace trainbus
