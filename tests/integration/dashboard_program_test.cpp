// The dashboard as a program.

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/support/process.hpp"
#include "tests/support/running_dashboard.hpp"

namespace trainbus {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using test::WebSocketClient;
using ::testing::HasSubstr;

TEST(DashboardProgram, SaysWhereItServesAndEndsCleanlyWithAGoodbye) {
  const test::RunningBroker broker;
  test::Process program("trainbus-dashboard", {"--listen", "127.0.0.1:0", "--no-login", "--broker", broker.address()});
  const auto port_text = program.wait_for("open http://127.0.0.1:");
  ASSERT_TRUE(port_text) << program.output();
  const int port = std::stoi(*port_text);
  test::Process second("trainbus-dashboard", {"--listen", "127.0.0.1:" + std::to_string(port), "--no-login"});
  EXPECT_EQ(second.wait(seconds(5)), 1);
  EXPECT_THAT(second.output(), HasSubstr("127.0.0.1:" + std::to_string(port)));
  WebSocketClient browser(static_cast<std::uint16_t>(port));
  EXPECT_EQ(browser.next().type(), "hello");
  program.signal(SIGTERM);
  EXPECT_EQ(browser.next_of("bye").json().value("reason", ""), "the server is going away");
  EXPECT_TRUE(browser.next().bytes.empty());
  EXPECT_EQ(program.wait(seconds(2)), 0);
}

TEST(DashboardProgram, RefusesBadFlagsWithOneLine) {
  const std::vector<std::pair<std::vector<std::string>, int>> refused = {
      {{"--listen", "0.0.0.0:0"}, 1}, {{"--listen", "8080"}, 1},       {{"--listen", "127.0.0.1:99999"}, 1},
      {{"--broker", "nowhere"}, 1},   {{"--www-root", "/nowhere"}, 1}, {{"--nonsense"}, 2}};
  for (const auto& [arguments, code] : refused) {
    test::Process program("trainbus-dashboard", arguments);
    EXPECT_EQ(program.wait(seconds(5)), code) << arguments.front();
    EXPECT_EQ(std::count(program.output().begin(), program.output().end(), '\n'), 1) << program.output();
  }
}

}  // namespace
}  // namespace trainbus
