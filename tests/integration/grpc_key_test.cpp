// The key that the gateway for gRPC shows the broker.

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/support/key_site.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class GrpcKey : public testing::Test {
 protected:
  GrpcKey() {
    const auto address = broker_.wait_for("listening on ");
    if (!address) throw std::runtime_error("the broker did not start: " + broker_.output());
    address_ = *address;
  }
  std::vector<std::string> with(const std::string& key) const {
    return {"--listen", "127.0.0.1:0", "--broker", address_, "--spool-dir", "", "--key", key};
  }

  test::TempDir dir_;
  test::KeySite site_;
  test::Process broker_{"trainbus-broker",
                        {"--listen", "tcp://127.0.0.1:*", "--state-dir", dir_ / "state", "--keys", site_.folder()}};
  std::string address_;
};

TEST_F(GrpcKey, ThatTheBrokerDoesNotTakeIsOneLine) {
  const auto stranger = site_.stranger(), missing = site_.path("missing");
  const std::vector<std::pair<std::string, std::string>> bad{
      {stranger, "does not take key 'stranger'"}, {"off", "wants a key"}, {missing, "No such file"}};
  for (const auto& [key, why] : bad) {
    test::Process gateway("trainbus-grpc", with(key));
    EXPECT_EQ(gateway.wait(10s), 1) << key;
    EXPECT_THAT(gateway.output(), HasSubstr(why));
    EXPECT_EQ(std::count(gateway.output().begin(), gateway.output().end(), '\n'), 1) << gateway.output();
  }
}

TEST_F(GrpcKey, ThatTheBrokerKnowsServes) {
  test::Process gateway("trainbus-grpc", with(site_.own()));
  EXPECT_TRUE(gateway.wait_for("listening on ")) << gateway.output();
}

}  // namespace
}  // namespace trainbus
