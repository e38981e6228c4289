// Curves that memory holds thinned are read from the broker's journal when somebody looks closer.

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/support/running_dashboard.hpp"

namespace trainbus {
namespace {

using nlohmann::json;
using test::DashboardTest;
using test::eventually;
using test::get;

class DashboardHistory : public DashboardTest {
 protected:
  static constexpr int kBatches = 6000;
  static constexpr std::size_t kLittle = 40'000;  // bytes: a few hundred points a curve

  std::uint16_t serve_thinned() {
    const auto port = serve({.max_memory_bytes = kLittle});
    train(kBatches);
    EXPECT_TRUE(eventually("the last batch", [&] {
      const auto answer = get(port, std::string(test::kTrainer) + "/series");
      if (answer.status != 200) return false;
      const json list = answer.json()["series"];
      return std::ranges::any_of(
          list, [](const json& series) { return series["name"] == "batch_loss" && series["last_x"] == kBatches; });
    }));
    return port;
  }
  static json curve(std::uint16_t port, const std::string& query) {
    return get(port, std::string(test::kTrainer) + "/series?name=batch_loss&" + query).json();
  }
  // x of every point is one more than that before, from `first` to `last`.
  static void expect_every_step(const json& answer, int first, int last) {
    ASSERT_EQ(answer["total"], last - first + 1) << answer["from"];
    for (int i = 0; i <= last - first; ++i)
      ASSERT_EQ(answer["points"][i][0], first + i);
    EXPECT_EQ(answer["from"], "journal");
    EXPECT_EQ(answer["thinned"], false);
  }
};

TEST_F(DashboardHistory, ARangeIsReadExactly) {
  const auto port = serve_thinned();
  const auto answer = curve(port, "max_points=1000&x_min=2001&x_max=2100");
  expect_every_step(answer, 2001, 2100);
  EXPECT_DOUBLE_EQ(answer["points"].at(0).at(1).get<double>(), 1.0 / 2001);
  expect_every_step(curve(port, "max_points=1000&x_min=-5&x_max=3"), 1, 3);
  expect_every_step(curve(port, "max_points=1000&x_min=5990&x_max=7000"), 5990, 6000);
  expect_every_step(curve(port, "max_points=10000"), 1, kBatches);
  const auto accuracy = get(port, std::string(test::kTrainer) + "/series?name=batch_accuracy&x_min=7&x_max=9").json();
  EXPECT_EQ(accuracy["points"], json::parse("[[7,0.5],[8,0.5],[9,0.5]]"));
}

TEST_F(DashboardHistory, WhatMemoryHasIsNotReadAgain) {
  const auto port = serve();
  train(100);
  ASSERT_TRUE(knows(100));
  const auto answer = curve(port, "max_points=1000&x_min=11&x_max=20");
  EXPECT_EQ(answer["from"], "memory");
  EXPECT_EQ(answer["thinned"], false);
  EXPECT_EQ(answer["total"], 10);
}

TEST_F(DashboardHistory, EachIncarnationIsReadAtItsPlace) {
  const auto port = serve_thinned();
  trainer_->stop();
  trainer_.reset();
  Producer again({.run = "r", .trainer = "t", .broker = broker_.address()});
  again.start({.total_epochs = 10, .batches_per_epoch = 100, .first_step = 5000});
  for (int batch = 0; batch < 1000; ++batch)
    again.log_batch({.epoch = 1, .batch = 5000 + batch, .loss = 7});
  EXPECT_TRUE(eventually("the end of the second", [&] {
    const auto end = curve(port, "max_points=1000&x_min=5999");
    return end["total"] == 2 && end["points"].at(0).at(1) == 7;
  }));
  const auto seam = curve(port, "max_points=1000&x_min=4999&x_max=5002");
  expect_every_step(seam, 4999, 5002);
  EXPECT_DOUBLE_EQ(seam["points"].at(1).at(1).get<double>(), 1.0 / 5000);
  EXPECT_EQ(seam["points"].at(2).at(1), 7);
  const auto list = get(port, std::string(test::kTrainer) + "/series").json()["incarnations"];
  const std::string first = list.at(0).at("incarnation");
  const auto superseded = curve(port, "max_points=1000&x_min=5001&x_max=5002&incarnation=" + first);
  expect_every_step(superseded, 5001, 5002);
  EXPECT_DOUBLE_EQ(superseded["points"].at(0).at(1).get<double>(), 1.0 / 5001);
  EXPECT_EQ(get(port, std::string(test::kTrainer) + "/series?name=batch_loss&incarnation=7").status, 404U);
}

TEST_F(DashboardHistory, WithoutTheBrokerMemoryAnswersAndSaysThatItIsThinned) {
  const auto port = serve_thinned();
  trainer_.reset();  // with all its records in the journal, none in a spool
  broker_.stop();
  const auto answer = curve(port, "max_points=1000&x_min=2001&x_max=2100");
  EXPECT_EQ(answer["from"], "memory");
  EXPECT_EQ(answer["thinned"], true);
  EXPECT_LT(answer["total"], 100);
}

}  // namespace
}  // namespace trainbus
