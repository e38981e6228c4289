// Texts, pictures, histograms and tables of the producer SDK, against the real broker.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "tests/support/eventually.hpp"
#include "tests/support/journal_content.hpp"
#include "tests/support/running_broker.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::eventually;
using test::RunningBroker;
using testing::ElementsAre;
using testing::HasSubstr;

class ProducerMedia : public testing::Test {
 protected:
  std::vector<v1::MediaData> journal() {
    v1::FetchRequest request;
    request.add_kinds(v1::KIND_MEDIA);
    std::vector<v1::MediaData> media;
    for (const auto& record : test::journal_content(broker_.endpoints(), request).records) {
      EXPECT_EQ(record.sequence(), media.size() + 1);
      EXPECT_GT(record.media_data().timestamp_ms(), 0u);
      media.push_back(record.media_data());
    }
    return media;
  }
  std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

  RunningBroker broker_;
  std::mutex mutex_;
  std::vector<std::string> lines_;
  Producer bus_{{.run = "r",
                 .trainer = "t",
                 .broker = broker_.address(),
                 .spool_dir = {},
                 .on_problem = [this](const std::string& line) {
                   const std::lock_guard lock(mutex_);
                   lines_.push_back(line);
                 }}};
};

TEST_F(ProducerMedia, OfEachTypeReachTheJournalAsTheyWereLogged) {
  const std::vector<std::uint8_t> grey(20 * 10, 77);
  const MediaImage images[] = {{.pixels = grey.data(), .width = 20, .height = 10, .channels = 1, .caption = "a seven"},
                               {.pixels = grey.data(), .width = 4, .height = 4, .channels = 3}};
  const std::vector<double> edges{-1, 0, 2.5};
  const std::vector<double> counts{3, 4.5};
  bus_.log_batch({});
  bus_.log_batch({});
  ASSERT_TRUE(bus_.log_text("sample/text", "Once upon a time\n…"));
  ASSERT_TRUE(bus_.log_images("generated", images));
  ASSERT_TRUE(bus_.log_histogram("weights", edges, counts));
  ASSERT_TRUE(bus_.log_histogram("gradients", std::vector<float>{1, 2, 3}, 2));
  ASSERT_TRUE(bus_.log_table("confusion", {{"cat", "dog"}, {"cat", "dog"}, {9, 1, 2, 8}}));
  ASSERT_TRUE(bus_.close(seconds(10)));
  const auto media = journal();
  ASSERT_EQ(media.size(), 5u);
  EXPECT_EQ(media[0].name(), "sample/text");
  EXPECT_EQ(media[0].text(), "Once upon a time\n…");
  EXPECT_EQ(media[0].step(), 2u);
  ASSERT_EQ(media[1].images().images_size(), 2);
  EXPECT_EQ(media[1].images().images(0).width(), 20u);
  EXPECT_EQ(media[1].images().images(0).channels(), 1);
  EXPECT_EQ(media[1].images().images(0).image_bytes().substr(0, 2), "\xff\xd8") << "a JPEG";
  EXPECT_THAT(media[1].images().captions(), ElementsAre("a seven", ""));
  EXPECT_THAT(media[2].histogram().edges(), ElementsAre(-1, 0, 2.5));
  EXPECT_THAT(media[2].histogram().counts(), ElementsAre(3, 4.5));
  EXPECT_THAT(media[3].histogram().edges(), ElementsAre(1, 2, 3));
  EXPECT_THAT(media[3].histogram().counts(), ElementsAre(1, 2));
  EXPECT_THAT(media[4].table().rows(), ElementsAre("cat", "dog"));
  EXPECT_THAT(media[4].table().values(), ElementsAre(9, 1, 2, 8));
  EXPECT_EQ(bus_.counters().media_refused, 0u);
  EXPECT_EQ(bus_.counters().by_kind[v1::KIND_MEDIA].stored, 5u);
}

TEST_F(ProducerMedia, KeepTheirOrderWhateverEachCostsToEncode) {
  const std::vector<std::uint8_t> pixels(1024 * 1024 * 3, 50);
  const MediaImage large{.pixels = pixels.data(), .width = 1024, .height = 1024};
  for (int i = 0; i < 30; ++i) {
    if (i % 3 == 0)
      ASSERT_TRUE(bus_.log_images("m" + std::to_string(i), std::span(&large, 1)));
    else
      ASSERT_TRUE(bus_.log_text("m" + std::to_string(i), "small"));
  }
  ASSERT_TRUE(bus_.close(seconds(60)));
  const auto media = journal();
  ASSERT_EQ(media.size(), 30u);
  for (int i = 0; i < 30; ++i)
    EXPECT_EQ(media[i].name(), "m" + std::to_string(i));
}

TEST_F(ProducerMedia, RefusedAreCountedAndToldAndTheRestGoesOut) {
  EXPECT_FALSE(bus_.log_text("large", std::string(1 << 20, 'x')));
  EXPECT_FALSE(bus_.log_text("bad\n", "x"));
  EXPECT_FALSE(bus_.log_text("t", std::string_view("a\0b", 3)));
  EXPECT_FALSE(bus_.log_table("t", {}));
  EXPECT_FALSE(bus_.log_images("p", {}));
  EXPECT_TRUE(bus_.log_text("good", "x"));
  ASSERT_TRUE(eventually("somebody is told", [&] { return !lines().empty(); }));
  ASSERT_TRUE(bus_.close(seconds(5)));
  EXPECT_FALSE(bus_.log_text("late", "x"));
  EXPECT_EQ(bus_.counters().media_refused, 6u);
  EXPECT_THAT(lines()[0], HasSubstr("refused so far)"));
  EXPECT_EQ(journal().size(), 1u);
}

TEST_F(ProducerMedia, WaitWithinABoundAndWhatIsTooMuchIsRefused) {
  const std::vector<std::uint8_t> pixels(std::size_t{2048} * 2048, 50);
  const MediaImage huge{.pixels = pixels.data(), .width = 2048, .height = 2048, .channels = 1};
  int taken = 0;
  while (taken < 1000 && bus_.log_images("p", std::span(&huge, 1)))
    ++taken;
  EXPECT_LT(taken, 1000);
  EXPECT_EQ(bus_.counters().media_refused, 1u);
  ASSERT_TRUE(bus_.close(seconds(60)));
  EXPECT_EQ(journal().size(), static_cast<std::size_t>(taken));
}

// Nobody steps this producer, so nothing is encoded before close().
TEST(ProducerMediaAtTheEnd, CloseWaitsForTheEncodingAndSaysWhatItDidNotWaitFor) {
  RunningBroker broker;
  for (const bool in_time : {true, false}) {
    ProducerOptions stepped{.run = "r", .trainer = in_time ? "patient" : "hasty", .broker = broker.address()};
    stepped.spool_dir = {};
    stepped.own_threads = false;
    Producer bus(stepped);
    for (int i = 0; i < 10; ++i)
      ASSERT_TRUE(bus.log_text("t", "x"));
    EXPECT_EQ(bus.close(in_time ? seconds(10) : seconds(0)), in_time);
    EXPECT_EQ(bus.counters().by_kind[v1::KIND_MEDIA].accepted, in_time ? 10u : 0u);
    EXPECT_EQ(bus.counters().media_refused, in_time ? 0u : 10u);
    EXPECT_EQ(bus.close(seconds(0)), in_time) << "asked again";
  }
}

}  // namespace
}  // namespace trainbus
