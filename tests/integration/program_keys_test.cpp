// Every program that connects to a broker says in one line what is wrong with its key, and ends.

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>

#include "tests/support/key_site.hpp"
#include "tests/support/process.hpp"
#include "tests/support/running_broker.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(ProgramKeys, AWrongKeyIsOneLineOfEveryProgram) {
  test::KeySite site;
  const test::RunningBroker broker({}, "tcp://127.0.0.1:*", Durability::kProcess, site.folder());
  const test::TempDir dir;
  std::filesystem::create_directory(dir / "spool");
  using Arguments = std::vector<std::string>;
  const std::map<std::string, Arguments> programs{
      {"trainbus-ctl", {"list"}},
      {"trainbus-watch", {"--no-alerts"}},
      {"trainbus-log", {"--once", "--sink", "jsonl:" + (dir / "log.jsonl"), "--state-dir", dir / "log"}},
      {"trainbus-dashboard", {"--listen", "127.0.0.1:0", "--no-login"}},
      {"trainbus-loadgen", {"--seconds", "1"}},
      {"trainbus-spool", {"send", dir / "spool"}}};
  const std::map<std::string, std::string> keys{{site.stranger(), "does not take key 'stranger'"},
                                                {"off", "wants a key"},
                                                {site.path("missing"), "No such file"}};
  for (const auto& [name, arguments] : programs)
    for (const auto& [key, why] : keys) {
      auto all = arguments;
      for (const auto& more : {std::string("--broker"), broker.address(), std::string("--key"), key})
        all.push_back(more);
      test::Process program(name, all);
      EXPECT_EQ(program.wait(20s), 1) << name << ' ' << key << ": " << program.output();
      EXPECT_THAT(program.output(), HasSubstr(why)) << name;
      EXPECT_EQ(std::count(program.output().begin(), program.output().end(), '\n'), 1)
          << name << ": " << program.output();
    }
}

}  // namespace
}  // namespace trainbus
