// What the trainer says about its key: a training goes on whatever the bus says.

#include <gmock/gmock.h>

#include "tests/support/key_site.hpp"
#include "tests/support/process.hpp"
#include "tests/support/running_broker.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class TrainerKeys : public testing::Test {
 protected:
  test::Process trainer(const std::string& key) const {
    return test::Process("trainbus-train",
                         {"--broker", broker_.address(), "--key", key, "--dataset", "shapes", "--run", "r", "--name",
                          "t", "--limit-samples", "320", "--epochs", "1000", "--checkpoint", dir_ / "t.safetensors"});
  }

  test::KeySite site_;
  const test::RunningBroker broker_{{}, "tcp://127.0.0.1:*", Durability::kProcess, site_.folder()};
  const test::TempDir dir_;
};

TEST_F(TrainerKeys, AKeyThatIsNotTakenIsOneLineAndTheTrainingGoesOn) {
  const std::map<std::string, std::string> keys{{site_.stranger(), "does not take key 'stranger'"},
                                                {"off", "wants a key"},
                                                {site_.add("bob", "viewer"), "key 'bob' (viewer) may not publish"}};
  for (const auto& [key, why] : keys) {
    auto training = trainer(key);
    EXPECT_TRUE(training.wait_for(why, 60s)) << training.output();
    EXPECT_FALSE(training.wait(0ms)) << training.output();
    const auto first = training.output().find(why);
    EXPECT_EQ(training.output().find(why, first + 1), std::string::npos) << training.output();
    training.signal(SIGTERM);
    EXPECT_EQ(training.wait(60s), 0) << training.output();
  }
}

TEST_F(TrainerKeys, AFileThatIsNoneEndsIt) {
  auto training = trainer(site_.path("missing"));
  EXPECT_EQ(training.wait(60s), 1);
  EXPECT_THAT(training.output(), HasSubstr("No such file"));
  EXPECT_EQ(std::ranges::count(training.output(), '\n'), 1) << training.output();
}

}  // namespace
}  // namespace trainbus
