// Whom the page lets in: before a login, as a viewer, after the end of a session, and through a proxy.

#include <gmock/gmock.h>

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "consumers/dashboard/login/one_time.hpp"
#include "consumers/dashboard/login/page_users.hpp"
#include "consumers/dashboard/login/password.hpp"
#include "proto/beast/secret_file.hpp"
#include "tests/support/running_dashboard.hpp"
#include "tests/support/temp_dir.hpp"

namespace trainbus {
namespace {

using nlohmann::json;
using test::DashboardTest;
using test::eventually;
using test::get;
using test::Headers;
using test::HttpClient;
using test::post;
using test::WebAnswer;
using test::WebSocketClient;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kCommands = "/api/trainers/r/t/commands";
constexpr const char* kResume = R"({"type":"RESUME_TRAINING"})";

class LoginTest : public DashboardTest {
 protected:
  ~LoginTest() override { dashboard_.reset(); }  // it keeps its sessions in dir_
  std::uint16_t ask_all(DashboardOptions options = {}) {
    options.login_dir = folder();
    port_ = serve(options);
    return port_;
  }
  std::string folder() const { return dir_ / "login"; }
  void set_user(const std::string& name, PageRole role, const std::string& password) {
    std::filesystem::create_directories(folder());
    auto users = read_page_users(folder() + "/users");
    users[name] = {role, hash_password(password)};
    write_page_users(folder() + "/users", users);
  }
  std::string bearer() const {
    auto token = read_secret_file(folder() + "/token").value_or("");
    return "Bearer " + token.substr(0, token.find('\n'));
  }
  Headers owner(Headers headers = {{"Content-Type", "application/json"}}) const {
    headers["Authorization"] = bearer();
    return headers;
  }
  WebAnswer log_in(const json& who, const Headers& headers = {{"Content-Type", "application/json"}}) const {
    return post(port_, "/api/login", who.dump(), headers);
  }
  // The header Cookie of a user who has just logged in.
  Headers cookie(const std::string& user, const std::string& password) const {
    return with_cookie(log_in({{"user", user}, {"password", password}}));
  }
  static std::string set_cookie(const WebAnswer& answer) { return std::string(answer.fields["Set-Cookie"]); }
  static Headers with_cookie(const WebAnswer& answer) {
    const auto set = set_cookie(answer);
    return {{"Cookie", set.substr(0, set.find(';'))}, {"Content-Type", "application/json"}};
  }
  // A request as it is written, and what follows it.
  std::string raw(const std::string& head, const std::string& rest = {}) const {
    boost::asio::io_context io;
    boost::asio::ip::tcp::socket socket(io);
    socket.connect({boost::asio::ip::make_address("127.0.0.1"), port_});
    boost::asio::write(socket,
                       boost::asio::buffer(head + (rest.empty() ? "Connection: close\r\n" : "") + "\r\n" + rest));
    std::string answer;
    boost::system::error_code end;
    boost::asio::read(socket, boost::asio::dynamic_buffer(answer), end);
    return answer;
  }

  test::TempDir dir_;
  std::uint16_t port_ = 0;
};

TEST_F(LoginTest, BeforeALoginNothingIsAnswered) {
  ask_all();
  train(1);
  const std::vector<std::string> paths{"/",
                                       "/index.html",
                                       "/app.js",
                                       "/tiles.js",
                                       "/style.css",
                                       "/nothing",
                                       "/metrics",
                                       "/api",
                                       "/api/",
                                       "/api/trainers",
                                       "/api/trainers?after=r/t&limit=1",
                                       "/api/trainers/r/t",
                                       "/api/trainers/r/t/series",
                                       "/api/trainers/r/t/series?name=batch_loss&max_points=4",
                                       "/api/trainers/r/t/media",
                                       "/api/trainers/r/t/media/1/0",
                                       kCommands,
                                       "/api/alerts",
                                       "/api/names",
                                       "/api/commands/00000000000000000000000000000000",
                                       "/api/session",
                                       "/api/logout",
                                       "/ws",
                                       "//api/trainers",
                                       "/api//trainers",
                                       "/%61pi/trainers",
                                       "/API/trainers",
                                       "/api/trainers;x",
                                       "/api/trainers%23",
                                       "/healthz/api/trainers",
                                       "/healthz/../api/trainers",
                                       "/healthz%2f..%2fapi/trainers",
                                       "/login.js/api/trainers",
                                       "/login.html",
                                       "/api/login/../trainers",
                                       "/api/trainers?token=x",
                                       "/at/a/",
                                       "/at/a/api/trainers",
                                       "/at/a/metrics",
                                       "/at/a/ws",
                                       "/at/../api/trainers",
                                       "/at//api/trainers",
                                       "/at/a/healthz/../api/trainers"};
  using http = boost::beast::http::verb;
  for (const auto& path : paths)
    for (const auto method : {http::get, http::head, http::post, http::put, http::delete_, http::patch, http::options,
                              http::trace, http::propfind}) {
      const auto answer = HttpClient(port_).ask(method, path, method == http::trace ? "" : "{}",
                                                {{"Content-Type", "application/json"}});
      EXPECT_THAT(answer.status, AnyOf(400U, 401U, 405U)) << method << ' ' << path;
      EXPECT_THAT(answer.body, Not(AnyOf(HasSubstr("\"trainers\""), HasSubstr("trainbus_"), HasSubstr("app.js"))))
          << method << ' ' << path;
    }
  EXPECT_EQ(WebSocketClient(port_).status(), 401U);
  EXPECT_EQ(WebSocketClient(port_, {{"Cookie", "trainbus-" + std::to_string(port_) + "=stale"}}).status(), 401U);
  EXPECT_EQ(WebSocketClient(port_, {{"Authorization", "Bearer stale"}}).status(), 401U);
  EXPECT_EQ(get(port_, "/healthz").status, 200U);
  for (const auto* open : {"/login.js", "/login.css", "/favicon.svg"})
    EXPECT_EQ(get(port_, open).status, 200U) << open;
  EXPECT_THAT(get(port_, "/").body, HasSubstr("login.js"));
}

TEST_F(LoginTest, ATokenInTheAddressOpensOnce) {
  ask_all();
  ASSERT_EQ(get(port_, "/healthz").status, 200U);  // it serves
  const auto address = "/?token=" + make_one_time_token(bearer().substr(7), OneTimeClock::now());
  EXPECT_EQ(HttpClient(port_).ask(boost::beast::http::verb::head, address).status, 401U) << "no look before the login";
  const auto answer = get(port_, address);
  EXPECT_EQ(answer.status, 303U);
  EXPECT_EQ(answer.fields["Location"], "./");
  EXPECT_EQ(answer.fields["Referrer-Policy"], "no-referrer");
  EXPECT_EQ(answer.fields["Cache-Control"], "no-store");
  EXPECT_THAT(set_cookie(answer), StartsWith("trainbus-" + std::to_string(port_) + '='));
  const auto again = get(port_, address);
  EXPECT_EQ(again.status, 303U);
  EXPECT_THAT(set_cookie(again), IsEmpty());
  const auto with = with_cookie(answer);
  EXPECT_THAT(get(port_, "/", with).body, HasSubstr("app.js"));
  EXPECT_EQ(get(port_, "/api/trainers", with).status, 200U);
  EXPECT_EQ(WebSocketClient(port_, with).status(), 101U);
  EXPECT_EQ(get(port_, "/metrics", owner()).status, 200U);
  EXPECT_EQ(WebSocketClient(port_, owner()).status(), 101U);
}

// What a browser may tell others of where it was, and a WebSocket that does not wait for the answer.
TEST_F(LoginTest, NeitherARefererNorWhatFollowsAnUpgradeEnters) {
  ask_all();
  ASSERT_EQ(get(port_, "/healthz").status, 200U);  // it serves
  const auto token = make_one_time_token(bearer().substr(7), OneTimeClock::now());
  const auto page = "http://127.0.0.1:" + std::to_string(port_) + "/?token=" + token;
  EXPECT_EQ(get(port_, "/api/trainers", {{"Referer", page}}).status, 401U);
  EXPECT_EQ(get(port_, "/api/trainers?token=" + token).status, 401U) << "only the page's address logs in";
  const std::string frame("\x81\x84\0\0\0\0list", 10);
  const auto answer =
      raw("GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
          frame);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(answer, Not(HasSubstr("HTTP/1.1 101")));
  EXPECT_THAT(set_cookie(get(port_, "/?token=" + token)), StartsWith("trainbus-")) << "nobody has used it yet";
}

TEST_F(LoginTest, KeepsItsFilesToItself) {
  set_user("alice", PageRole::kOperator, "password of alice");
  ask_all();
  const auto alice = cookie("alice", "password of alice");
  ASSERT_TRUE(eventually("the session is kept",
                         [&] { return std::filesystem::exists(folder() + "/sessions-" + std::to_string(port_)); }));
  using std::filesystem::perms;
  const auto others = perms::group_all | perms::others_all;
  EXPECT_EQ(std::filesystem::status(folder()).permissions() & others, perms::none);
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder())) {
    EXPECT_EQ(entry.status().permissions() & others, perms::none) << entry.path();
    const auto text = read_secret_file(entry.path().string()).value_or("");
    EXPECT_THAT(text, Not(AnyOf(HasSubstr("password of alice"), HasSubstr(alice.at("Cookie").substr(20)))));
    ++files;
  }
  EXPECT_GE(files, 3) << "token, users and sessions";
}

TEST_F(LoginTest, AViewerWatchesAndTheRecordNamesWhoCommands) {
  set_user("alice", PageRole::kOperator, "password of alice");
  set_user("bob", PageRole::kViewer, "password of bob");
  ask_all();
  train(1).run();
  const auto alice = cookie("alice", "password of alice"), bob = cookie("bob", "password of bob");
  EXPECT_EQ(get(port_, "/api/session", bob).json(), (json{{"user", "bob"}, {"role", "viewer"}, {"login", true}}));
  ASSERT_TRUE(eventually("the trainer is listed", [&] { return get(port_, test::kTrainer, bob).status == 200; }));
  EXPECT_EQ(WebSocketClient(port_, bob).status(), 101U);
  for (const auto* command :
       {kResume, R"({"type":"STOP_TRAINING"})", R"({"type":"SET_KNOB","name":"x","value":"1"})", "nonsense"})
    EXPECT_EQ(post(port_, kCommands, command, bob).status, 403U) << command;
  EXPECT_EQ(post(port_, "/api/trainers/r/*/commands", kResume, bob).status, 403U);
  for (const auto* history : {R"({"type":"ARCHIVE_HISTORY"})", R"({"type":"DELETE_HISTORY"})"})
    EXPECT_EQ(post(port_, kCommands, history, alice).status, 403U) << history;
  const auto issued = post(port_, kCommands, kResume, alice);
  ASSERT_EQ(issued.status, 202U) << issued.body;
  const auto found = get(port_, "/api/commands/" + issued.json()["command_id"].get<std::string>(), bob);
  EXPECT_EQ(found.json()["commands"].at(0)["issuer"], "dashboard:alice") << found.body;
}

// No method but one that reads is a viewer's, on any path.
TEST_F(LoginTest, AViewerChangesNothingByAnyMethod) {
  set_user("bob", PageRole::kViewer, "password of bob");
  ask_all();
  train(1);
  const auto bob = cookie("bob", "password of bob");
  using http = boost::beast::http::verb;
  for (const auto* path : {"/", "/api/trainers", test::kTrainer, kCommands, "/api/trainers/r/*/commands", "/api/alerts",
                           "/api/names", "/metrics", "/api/commands/00000000000000000000000000000000"})
    for (const auto method : {http::post, http::put, http::delete_, http::patch, http::options, http::trace,
                              http::propfind, http::mkcol, http::connect}) {
      const auto answer = HttpClient(port_).ask(method, path, method == http::trace ? "" : kResume, bob);
      EXPECT_THAT(answer.status, AnyOf(400U, 403U, 405U)) << method << ' ' << path;
    }
}

// What a proxy and this server could understand differently is no request.
TEST_F(LoginTest, ARequestHasOneLength) {
  ask_all();
  const auto head = "POST /api/logout HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: " + bearer() + "\r\n";
  EXPECT_THAT(raw(head + "Content-Length: 0\r\n"), StartsWith("HTTP/1.1 204"));
  const std::string hidden = "GET /api/trainers HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
  for (const auto* lengths :
       {"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
        "Content-Length: 0\r\nContent-Length: 50\r\n", "Content-Length: -1\r\n", "Content-Length: +0\r\n",
        "Content-Length: 0x5\r\n", "Content-Length: 99999999999999999999\r\n", "Content-Length : 0\r\n",
        "Content-Length: 0\n\n", "Content-Length: 0, 50\r\n"})
    EXPECT_THAT(raw(head + lengths, hidden), StartsWith("HTTP/1.1 4")) << lengths;
}

// One that was chosen before the login is none after it.
TEST_F(LoginTest, ACookieOfBeforeIsNoSession) {
  set_user("alice", PageRole::kViewer, "password of alice");
  ask_all();
  const auto name = "trainbus-" + std::to_string(port_);
  const Headers fixed{{"Cookie", name + "=chosen-by-somebody-else"}, {"Content-Type", "application/json"}};
  const auto answer = log_in({{"user", "alice"}, {"password", "password of alice"}}, fixed);
  ASSERT_EQ(answer.status, 200U);
  EXPECT_THAT(set_cookie(answer), Not(HasSubstr("chosen-by-somebody-else")));
  EXPECT_EQ(get(port_, "/api/trainers", fixed).status, 401U);
  const auto again = log_in({{"user", "alice"}, {"password", "password of alice"}}, with_cookie(answer));
  EXPECT_NE(set_cookie(again).substr(0, 60), set_cookie(answer).substr(0, 60)) << "a new one at each login";
}

TEST_F(LoginTest, TheEndOfASessionEndsItsWebSockets) {
  set_user("alice", PageRole::kOperator, "password of alice");
  set_user("bob", PageRole::kViewer, "password of bob");
  ask_all();
  const auto bob = cookie("bob", "password of bob");
  WebSocketClient bystander(port_, bob);
  const auto ends = [&](const char* how, const std::string& password, const std::function<void(const Headers&)>& end) {
    const auto alice = cookie("alice", password);
    WebSocketClient browser(port_, alice);
    ASSERT_EQ(browser.status(), 101U) << how;
    ASSERT_EQ(browser.next().type(), "hello");
    end(alice);
    EXPECT_EQ(browser.next_of("bye").json().value("reason", ""), "this login is over") << how;
    EXPECT_EQ(get(port_, "/api/trainers", alice).status, 401U) << how;
    EXPECT_EQ(WebSocketClient(port_, alice).status(), 401U) << how;
  };
  ends("logout", "password of alice",
       [&](const Headers& alice) { EXPECT_EQ(post(port_, "/api/logout", "", alice).status, 204U); });
  ends("another password", "password of alice",
       [&](const Headers&) { set_user("alice", PageRole::kOperator, "another password"); });
  ends("another role", "another password",
       [&](const Headers&) { set_user("alice", PageRole::kViewer, "another password"); });
  EXPECT_EQ(get(port_, "/api/trainers", bob).status, 200U);
  EXPECT_EQ(bystander.next_of("bus").type(), "bus");
}

TEST_F(LoginTest, WrongLoginsAreAllAlikeAndLimited) {
  set_user("alice", PageRole::kViewer, "password of alice");
  ask_all();
  const auto wrong = log_in({{"user", "alice"}, {"password", "password of bob"}});
  EXPECT_EQ(wrong.status, 401U);
  EXPECT_EQ(log_in({{"user", "nobody"}, {"password", "x"}}).body, wrong.body);
  EXPECT_EQ(log_in({{"user", 1}, {"password", json::array()}}).body, wrong.body);
  EXPECT_EQ(log_in({{"token", "guess"}}).status, 401U);
  EXPECT_EQ(log_in("nonsense").status, 400U);
  EXPECT_EQ(log_in({{"token", bearer().substr(7)}}, {{"Content-Type", "text/plain"}}).status, 415U);
  EXPECT_EQ(
      log_in({{"token", bearer().substr(7)}}, {{"Content-Type", "application/json"}, {"Origin", "http://evil.example"}})
          .status,
      403U);
  EXPECT_EQ(get(port_, "/api/login").status, 405U);
  EXPECT_EQ(log_in({{"token", bearer().substr(7)}}).status, 200U) << "a token is never limited";
}

TEST_F(LoginTest, HeadersThatDecideAreThereOnce) {
  ask_all();
  const auto host = "Host: 127.0.0.1:" + std::to_string(port_) + "\r\n";
  const auto good = "Authorization: " + bearer() + "\r\n";
  const std::string ask = "GET /api/trainers HTTP/1.1\r\n";
  EXPECT_THAT(raw(ask + host + good), StartsWith("HTTP/1.1 200"));
  for (const auto& twice : {host + "Host: evil.example\r\n" + good, "Host: evil.example\r\n" + host + good,
                            host + good + "Authorization: Bearer x\r\n", host + good + "Cookie: a=1\r\nCookie: b=2\r\n",
                            host + good + "Origin: http://127.0.0.1\r\nOrigin: http://evil.example\r\n"})
    EXPECT_THAT(raw(ask + twice), StartsWith("HTTP/1.1 400")) << twice;
  EXPECT_THAT(raw(ask + good), StartsWith("HTTP/1.1 403")) << "no Host";
}

TEST_F(LoginTest, ForwardedHeadersAreBelievedOfAListedProxyOnly) {
  const Headers forwarded{{"X-Forwarded-Host", "bus.lab"},
                          {"X-Forwarded-Proto", "https"},
                          {"X-Forwarded-For", "10.0.0.9"},
                          {"Content-Type", "application/json"}};
  const auto origin = [&](const std::string& said) {
    auto headers = owner(forwarded);
    headers["Origin"] = said;
    return headers;
  };
  ask_all({.allowed_hosts = {"bus.lab"}});
  const auto direct = log_in({{"token", bearer().substr(7)}}, forwarded);
  EXPECT_THAT(set_cookie(direct), Not(HasSubstr("Secure")));
  EXPECT_EQ(direct.fields.count("Strict-Transport-Security"), 0U);
  EXPECT_EQ(WebSocketClient(port_, origin("https://bus.lab")).status(), 403U);

  ask_all({.allowed_hosts = {"bus.lab"}, .proxies = {"127.0.0.1"}});
  const auto through = log_in({{"token", bearer().substr(7)}}, forwarded);
  EXPECT_THAT(set_cookie(through), AllOf(StartsWith("__Host-trainbus-"), HasSubstr("; Secure")));
  EXPECT_EQ(through.fields.count("Strict-Transport-Security"), 1U);
  EXPECT_EQ(WebSocketClient(port_, origin("https://bus.lab")).status(), 101U);
  EXPECT_EQ(WebSocketClient(port_, origin("https://evil.example")).status(), 403U);
  auto evil = owner(forwarded);
  evil["X-Forwarded-Host"] = "evil.example";
  EXPECT_EQ(get(port_, "/api/trainers", evil).status, 403U);
  evil["X-Forwarded-Host"] = "bus.lab, evil.example";
  EXPECT_EQ(get(port_, "/api/trainers", evil).status, 403U) << "the proxy's own is the last";
}

TEST_F(LoginTest, EverythingIsBelowTheBasePath) {
  ask_all({.base_path = "/bus"});
  EXPECT_EQ(get(port_, "/bus/api/trainers", owner()).status, 200U);
  EXPECT_THAT(get(port_, "/bus/", owner()).body, HasSubstr("app.js"));
  EXPECT_EQ(get(port_, "/bus/healthz").status, 200U);
  EXPECT_EQ(get(port_, "/bus/api/trainers").status, 401U);
  for (const auto* elsewhere : {"/", "/api/trainers", "/bus", "/business/api/trainers", "/healthz"})
    EXPECT_EQ(get(port_, elsewhere, owner()).status, 404U) << elsewhere;
}

}  // namespace
}  // namespace trainbus
