// Who may scrape /metrics, and what half requests, many connections and a slow collection do to the others.
#include "metrics_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <atomic>
#include <boost/asio/write.hpp>
#include <future>
#include <list>
#include <thread>

#include "secret_file.hpp"
#include "support/eventually.hpp"
#include "support/temp_dir.hpp"
#include "support/web_client.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::get;
using test::HttpClient;
using testing::HasSubstr;

// A connection that sends what it is told, and reads nothing.
class RawLine {
 public:
  explicit RawLine(std::uint16_t port) : socket_(io_) {
    socket_.connect({boost::asio::ip::make_address("127.0.0.1"), port});
  }
  void say(const std::string& text) { boost::asio::write(socket_, boost::asio::buffer(text)); }

 private:
  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_;
};

class MetricsServerTest : public testing::Test {
 protected:
  MetricsServerTest() { spdlog::set_level(spdlog::level::off); }
  MetricFamilies collect() {
    ++collections_;
    while (slow_)
      std::this_thread::sleep_for(1ms);
    MetricFamilies families;
    families.gauge("sample", "Of this test", {}, 7);
    return families;
  }
  std::uint16_t port() const { return server_.port(); }

  std::atomic<int> collections_{0};
  std::atomic<bool> slow_{false};
  MetricsServer server_{{"127.0.0.1", 0}, {"head.lab"}, [this] { return collect(); }};
};

TEST_F(MetricsServerTest, ServesMetricsAndNothingElse) {
  const auto answer = get(port(), "/metrics");
  EXPECT_EQ(answer.status, 200U);
  EXPECT_THAT(answer.body, HasSubstr("\ntrainbus_sample 7\n"));
  EXPECT_EQ(answer.fields[test::http::field::content_type], "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(get(port(), "/metrics?x=y").status, 200U);
  for (const char* other : {"/", "/metrics/", "/metricsx", "/../metrics", "*"})
    EXPECT_EQ(get(port(), other).status, 404U) << other;
  EXPECT_EQ(HttpClient(port()).ask(test::http::verb::post, "/metrics").status, 405U);
  const auto head = HttpClient(port()).ask(test::http::verb::head, "/metrics");
  EXPECT_EQ(head.status, 200U);
  EXPECT_EQ(head.body, "");
  EXPECT_THAT(get(port(), "/metrics").body, HasSubstr("trainbus_metrics_http_responses_total{code=\"404\"} 5\n"));
}

TEST_F(MetricsServerTest, KeepsAConnectionForTheNextScrape) {
  HttpClient client(port());
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(client.ask(test::http::verb::get, "/metrics").status, 200U);
}

TEST_F(MetricsServerTest, AnswersToItsOwnNamesOnly) {
  for (const char* host : {"localhost", "127.0.0.1", "[::1]:9464", "HEAD.lab:9464"})
    EXPECT_EQ(get(port(), "/metrics", {{"Host", host}}).status, 200U) << host;
  for (const char* host : {"evil.example", "127.0.0.1.evil.example", "10.0.0.7", "", "head.lab.evil.example"})
    EXPECT_EQ(get(port(), "/metrics", {{"Host", host}}).status, 403U) << host;
}

TEST_F(MetricsServerTest, AnswersWhileHalfRequestsHang) {
  std::list<RawLine> lines;
  for (int i = 0; i < 8; ++i)
    lines.emplace_back(port()).say("GET /metrics HTTP/1.1\r\nHost: loc");
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(get(port(), "/metrics").status, 200U);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 2s);
}

TEST_F(MetricsServerTest, CutsTheOldestThatWaitsWhenThereAreTooMany) {
  std::list<RawLine> lines;
  for (std::size_t i = 0; i < MetricsServer::kMostConnections + 10; ++i)
    lines.emplace_back(port()).say("GET /met");
  EXPECT_EQ(get(port(), "/metrics").status, 200U);
  EXPECT_THAT(get(port(), "/metrics").body,
              HasSubstr("trainbus_metrics_http_connections_cut_total{reason=\"too_many\"} 1"));
}

TEST_F(MetricsServerTest, EndsARequestThatDrips) {
  RawLine line(port());
  line.say("GET /metrics HTTP/1.1\r\n");
  EXPECT_TRUE(eventually(
      "it is cut",
      [&] {
        try {
          line.say("X: y\r\n");
        } catch (const std::exception&) {
          return true;
        }
        return false;
      },
      MetricsServer::kRequestWithin + 5s));
  EXPECT_THAT(get(port(), "/metrics").body,
              HasSubstr("trainbus_metrics_http_connections_cut_total{reason=\"no_request\"} 1\n"));
}

TEST_F(MetricsServerTest, CollectsOnceForAllWhoAskMeanwhile) {
  slow_ = true;
  std::vector<std::future<unsigned>> answers;
  const auto ask = [&] {
    answers.push_back(std::async(std::launch::async, [this] { return get(port(), "/metrics").status; }));
  };
  ask();
  ASSERT_TRUE(eventually("the first collection runs", [&] { return collections_ == 1; }));
  for (int i = 0; i < 9; ++i)
    ask();
  EXPECT_EQ(get(port(), "/").status, 404U) << "others are answered meanwhile";
  std::this_thread::sleep_for(300ms);  // most of them wait by then; nothing says when
  slow_ = false;
  for (auto& answer : answers)
    EXPECT_EQ(answer.get(), 200U);
  EXPECT_LE(collections_, 4);
}

TEST_F(MetricsServerTest, RefusesWhatIsNoRequest) {
  EXPECT_EQ(get(port(), "/metrics", {{"X", std::string(9000, 'x')}}).status, 431U);
  EXPECT_EQ(HttpClient(port()).ask(test::http::verb::get, "/metrics", "a body").status, 400U);
}

// Whoever has no token learns nothing, whatever they say instead of it.
TEST(MetricsServer, AsksForItsToken) {
  spdlog::set_level(spdlog::level::off);
  const test::TempDir dir;
  const std::string file = dir / "token", token = "0123456789abcdef";
  write_secret_file(file, token + "\n");
  MetricsServer server(
      {"127.0.0.1", 0}, {}, [] { return MetricFamilies(); }, {{"/healthz", [] { return MetricsServer::Standing{}; }}},
      BearerToken(file));
  const auto asked = [&](const std::string& shown) {
    return get(server.port(), "/metrics", {{"Authorization", shown}});
  };
  EXPECT_EQ(asked("Bearer " + token).status, 200U);
  for (const std::string& other : std::vector<std::string>{
           "", token, "Bearer", "Bearer ", "Bearer " + token + "x", "Bearer " + token.substr(1), "Bearer x" + token,
           "bearer " + token, "Basic " + token, "Bearer  " + token, "Bearer " + token.substr(0, 15) + "g"}) {
    const auto answer = asked(other);
    EXPECT_EQ(answer.status, 401U) << other;
    EXPECT_EQ(answer.fields[test::http::field::www_authenticate], "Bearer");
    EXPECT_EQ(answer.body.find("trainbus_"), std::string::npos);
  }
  EXPECT_EQ(get(server.port(), "/metrics").status, 401U);
  EXPECT_EQ(get(server.port(), "/healthz").status, 200U) << "a probe has no token";
  EXPECT_EQ(get(server.port(), "/metrics?token=" + token).status, 401U) << "an address ends in logs";
  EXPECT_EQ(get(server.port(), "/metrics", {{"Authorization", "Bearer " + token}, {"Host", "evil"}}).status, 403U);
}

TEST(MetricsServer, RefusesATokenThatIsNoSecret) {
  const test::TempDir dir;
  const std::string file = dir / "token";
  EXPECT_THROW(BearerToken{file}, std::runtime_error) << "is not there";
  for (const auto* text : {"", "\n0123456789abcdef\n", "0123456789abcde\n"}) {
    write_secret_file(file, text);
    EXPECT_THROW(BearerToken{file}, std::runtime_error) << text;
  }
  write_secret_file(file, "0123456789abcdef\n");
  EXPECT_NO_THROW(BearerToken{file});
  chmod(file.c_str(), 0644);
  EXPECT_THROW(BearerToken{file}, std::runtime_error) << "others can read it";
}

TEST(MetricsServer, SaysWhenItCannotListen) {
  const auto none = [] { return MetricFamilies{}; };
  const MetricsServer first({"127.0.0.1", 0}, {}, none);
  try {
    MetricsServer({"127.0.0.1", first.port()}, {}, none);
    ADD_FAILURE() << "listens twice";
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(error.what(),
              "cannot listen on '127.0.0.1:" + std::to_string(first.port()) + "': Address already in use");
  }
  EXPECT_FALSE(parse_listen("127.0.0.1"));
  EXPECT_FALSE(parse_listen(":9464"));
  EXPECT_FALSE(parse_listen("127.0.0.1:65536"));
  EXPECT_FALSE(parse_listen("127.0.0.1:"));
  EXPECT_EQ(parse_listen("[::1]:0")->host, "[::1]");
}

}  // namespace
}  // namespace trainbus
