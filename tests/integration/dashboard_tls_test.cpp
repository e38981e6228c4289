// The dashboard over TLS, with certificates that the test makes.

#include <gmock/gmock.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <fstream>

#include "proto/beast/secret_file.hpp"
#include "tests/support/running_dashboard.hpp"
#include "tests/support/tls_client.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using test::Certificate;
using test::eventually;
using test::Headers;
using test::Process;
using test::TlsClient;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
namespace http = boost::beast::http;

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class DashboardTls : public test::DashboardTest {
 protected:
  ~DashboardTls() override { dashboard_.reset(); }  // it keeps its sessions in dir_
  std::uint16_t serve_tls() {
    return serve({.login_dir = dir_ / "login", .tls_cert = pair_.certificate, .tls_key = pair_.key});
  }
  json token() const {
    auto text = read_secret_file(dir_ / "login/token").value_or("");
    return {{"token", text.substr(0, text.find('\n'))}};
  }

  test::TempDir dir_;
  Certificate pair_ = test::make_certificate(dir_, "first");
};

TEST_F(DashboardTls, ServesTheLoginAndTheWebSocket) {
  const auto port = serve_tls();
  train(1).run();
  const Headers content{{"Content-Type", "application/json"}};
  TlsClient client(port, pair_.certificate);
  ASSERT_FALSE(client.trouble()) << client.trouble().message();
  EXPECT_EQ(client.ask(http::verb::get, "/api/trainers").status, 401U);
  const auto entered = client.ask(http::verb::post, "/api/login", token().dump(), content);
  ASSERT_EQ(entered.status, 200U) << entered.body;
  EXPECT_EQ(entered.fields.count("Strict-Transport-Security"), 1U);
  const std::string set(entered.fields["Set-Cookie"]);
  EXPECT_THAT(set, AllOf(StartsWith("__Host-trainbus-"), HasSubstr("; Secure"), HasSubstr("; Path=/"),
                         HasSubstr("; HttpOnly"), Not(HasSubstr("Domain"))));
  const Headers cookie{{"Cookie", set.substr(0, set.find(';'))}};
  EXPECT_EQ(client.ask(http::verb::get, "/api/trainers", {}, cookie).status, 200U);

  TlsClient browser(port, pair_.certificate), foreign(port, pair_.certificate), nobody(port, pair_.certificate);
  EXPECT_EQ(nobody.upgrade({}), 401U);
  auto from_elsewhere = cookie;
  from_elsewhere["Origin"] = "https://evil.example";
  EXPECT_EQ(foreign.upgrade(from_elsewhere), 403U);
  ASSERT_EQ(browser.upgrade(cookie), 101U);
  EXPECT_EQ(browser.next_of("hello").value("type", ""), "hello");
  EXPECT_EQ(client.ask(http::verb::post, "/api/logout", "", cookie).status, 204U);
  EXPECT_EQ(browser.next_of("bye").value("reason", ""), "this login is over");
}

TEST_F(DashboardTls, SpeaksNothingOlderThanTls12AndNoPlainHttp) {
  const auto port = serve_tls();
  EXPECT_TRUE(TlsClient(port, pair_.certificate, TLS1_1_VERSION).trouble());
  EXPECT_FALSE(TlsClient(port, pair_.certificate, TLS1_2_VERSION).trouble());
  EXPECT_EQ(test::get(port, "/healthz").status, 0U);
  const auto stranger = test::make_certificate(dir_, "stranger");
  EXPECT_EQ(TlsClient(port, stranger.certificate).trouble().category(), boost::asio::error::get_ssl_category());
  EXPECT_FALSE(TlsClient(port, pair_.certificate).trouble()) << "and it goes on";
}

// A program, and SIGHUP: what is open goes on, who comes then sees the new certificate.
TEST_F(DashboardTls, ReadsItsCertificateAgain) {
  const auto second = test::make_certificate(dir_, "second");
  Process program("trainbus-dashboard", {"--listen", "127.0.0.1:0", "--broker", broker_.address(), "--state-dir",
                                         dir_ / "login", "--tls-cert", pair_.certificate, "--tls-key", pair_.key});
  const auto at = program.wait_for("open https://127.0.0.1:");
  ASSERT_TRUE(at) << program.output();
  const auto port = static_cast<std::uint16_t>(std::stoi(*at));
  TlsClient before(port, pair_.certificate);
  ASSERT_FALSE(before.trouble()) << before.trouble().message();

  // Half a renewal: the key is not the certificate's.
  std::filesystem::copy_file(second.key, pair_.key, std::filesystem::copy_options::overwrite_existing);
  program.signal(SIGHUP);
  ASSERT_TRUE(program.wait_for("the certificate stays as it was")) << program.output();
  EXPECT_THAT(program.output(), HasSubstr("--tls-key '" + pair_.key + "'"));
  EXPECT_FALSE(TlsClient(port, pair_.certificate).trouble());

  const auto first = dir_ / "first.kept";
  std::filesystem::copy_file(pair_.certificate, first);
  std::filesystem::copy_file(second.certificate, pair_.certificate, std::filesystem::copy_options::overwrite_existing);
  program.signal(SIGHUP);
  ASSERT_TRUE(program.wait_for("read the certificate '")) << program.output();
  EXPECT_TRUE(eventually("the second is shown", [&] { return !TlsClient(port, second.certificate).trouble(); }));
  EXPECT_TRUE(TlsClient(port, first).trouble()) << "the first is no longer";
  EXPECT_EQ(before.ask(http::verb::get, "/healthz").status, 200U);
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(10s), 0) << program.output();
  EXPECT_THAT(program.output(), Not(HasSubstr(text_of(second.key).substr(30, 40)))) << "no secret in the log";
}

TEST_F(DashboardTls, SaysWhichFileIsNone) {
  const auto other = test::make_certificate(dir_, "other");
  const auto said = [&](const std::string& certificate, const std::string& key) {
    Process program("trainbus-dashboard", {"--listen", "127.0.0.1:0", "--broker", broker_.address(), "--state-dir",
                                           dir_ / "login", "--tls-cert", certificate, "--tls-key", key});
    EXPECT_EQ(program.wait(10s), 1) << program.output();
    EXPECT_EQ(std::count(program.output().begin(), program.output().end(), '\n'), 1) << program.output();
    return program.output();
  };
  EXPECT_THAT(said(dir_ / "missing", pair_.key), HasSubstr("--tls-cert '" + (dir_ / "missing")));
  EXPECT_THAT(said(pair_.certificate, pair_.certificate), HasSubstr("--tls-key '" + pair_.certificate));
  EXPECT_THAT(said(pair_.certificate, other.key), HasSubstr("--tls-key '" + other.key));
  for (const mode_t open : {0604, 0606, 0602}) {
    ASSERT_EQ(chmod(pair_.key.c_str(), open), 0);
    EXPECT_THAT(said(pair_.certificate, pair_.key), HasSubstr("chmod 600 " + pair_.key)) << open;
  }
}

}  // namespace
}  // namespace trainbus
