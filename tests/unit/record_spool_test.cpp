// The trainer's durable outbox, without a broker: segments, the chain of them, and what another incarnation finds.
#include "record_spool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <random>

#include "spool_delivery.hpp"
#include "tests/support/temp_dir.hpp"

namespace trainbus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::size_t kSmall = 8192;

std::vector<std::uint64_t> numbers(std::uint64_t from, std::uint64_t to) {
  std::vector<std::uint64_t> all;
  for (auto number = from; number <= to; ++number)
    all.push_back(number);
  return all;
}

class RecordSpoolTest : public testing::Test {
 protected:
  std::unique_ptr<RecordSpool> owner(std::uint64_t incarnation, std::size_t disk_bytes = 16 * kSmall) {
    return std::make_unique<RecordSpool>(
        SpoolOwner{{"r", "t"}, incarnation}, folder_, "tcp://here:1",
        RecordSpool::Limits{.disk_bytes = disk_bytes, .memory_bytes = 3 * kSmall, .segment_bytes = kSmall});
  }
  // As a kill leaves it where its memory is gone too: the files of a living one, elsewhere.
  void kill(std::unique_ptr<RecordSpool>& spool) {
    write_files(*spool);
    std::filesystem::copy(folder_, temp_ / "copy");
    spool.reset();
    std::filesystem::remove_all(folder_);
    std::filesystem::rename(temp_ / "copy", folder_);
  }
  // What is logged is in the files a moment later.
  static void write_files(RecordSpool& spool) {
    const auto until = RecordSpool::Clock::now() + std::chrono::milliseconds(60);
    while (RecordSpool::Clock::now() < until)
      spool.prepare();
    spool.prepare();
  }
  // All of the sequences of one kind are stored but those above.
  static RecordSpool::Left end(RecordSpool& spool, std::uint64_t stored = 0) {
    RecordSpool::Counts counts{};
    counts[v1::KIND_BATCH] = stored;
    return spool.end(counts, {});
  }
  void overwrite(const std::filesystem::path& file, std::size_t at, std::string_view bytes) const {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(static_cast<std::streamoff>(at));
    stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  // Logs batches until one is refused, or `count`; returns how many were taken.
  static int log(RecordSpool& spool, int count) {
    const int first = static_cast<int>(spool.accepted()[v1::KIND_BATCH]);
    for (int batch = 0; batch < count; ++batch) {
      const BatchMetrics metrics{.batch = first + batch, .loss = 0.5, .accuracy = 0.5, .learning_rate = 0.1};
      if (!spool.push({1, 1, &metrics})) return batch;
    }
    return count;
  }
  static std::vector<std::uint64_t> take(RecordSpool& spool, std::size_t count = 100'000) {
    std::vector<RecordSpool::Record> records;
    for (std::size_t before = 1; before != records.size() && records.size() < count;) {
      before = records.size();
      spool.take(records, count - before);
      spool.prepare();  // brings back what is in the files only
    }
    std::vector<std::uint64_t> sequences;
    for (const auto& record : records) {
      last_segment_ = record.segment;
      if (record.bytes.empty()) {
        lost_through_ = record.sequence;
        continue;
      }
      v1::MetricsRequest message;
      EXPECT_TRUE(message.ParseFromArray(record.bytes.data(), static_cast<int>(record.bytes.size())));
      EXPECT_EQ(message.sequence(), record.sequence);
      sequences.push_back(record.sequence);
    }
    return sequences;
  }
  // What a delivery sends; all of it is acknowledged when `stored`.
  std::vector<std::uint64_t> deliver(bool stored = true) {
    SpoolDelivery delivery(folder_, std::nullopt, broker_);
    std::vector<std::uint64_t> sequences;
    std::uint64_t incarnation = 0;
    const SpoolDelivery::Clock::time_point now{};
    for (std::size_t before = 1; before != sequences.size() + 2 && !delivery.done();) {
      before = sequences.size() + 2;
      delivery.send(
          now, {},
          [&](const std::string& topic, std::string_view bytes) {
            v1::MetricsRequest message;
            EXPECT_TRUE(message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
            EXPECT_EQ(topic, "batch/r/t/");
            EXPECT_EQ(message.batch_data().batch_idx() + 1, static_cast<int>(message.sequence()));
            sequences.push_back(message.sequence());
            incarnation = message.incarnation();
            return true;
          },
          [&](const v1::MetricsRequest& hello) {
            EXPECT_TRUE(hello.hello().from_spool());
            EXPECT_EQ(hello.session_id(), "r/t");
            EXPECT_FALSE(hello.hello().has_session()) << "that would be the trainer itself";
            for (const auto& position : hello.hello().stored())
              gone_.push_back(position.sequence());
            return true;
          });
      if (!stored || sequences.empty()) continue;
      v1::Acknowledgment ack;
      ack.set_incarnation(incarnation);
      auto& position = *ack.add_stored();
      position.set_kind(v1::KIND_BATCH);
      position.set_sequence(sequences.back());
      delivery.acknowledge("r/t", ack, now);
      before = 0;
    }
    EXPECT_EQ(delivery.done(), stored || sequences.empty());
    damaged_ = delivery.damaged();
    refused_ = delivery.refused();
    return sequences;
  }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder_), {}));
  }

  test::TempDir temp_;
  const std::filesystem::path folder_ = temp_ / "a/spool";
  static inline std::uint64_t last_segment_ = 0;
  std::vector<std::uint64_t> gone_;  // as deliver() said it: up to here there is nothing
  std::uint64_t damaged_ = 0;
  static inline std::uint64_t lost_through_ = 0;
  SpoolDelivery::Broker broker_{.address = "tcp://here:1", .id = "id1"};
  std::vector<std::string> refused_;
};

// The second began under a clock that is behind.
TEST_F(RecordSpoolTest, WhatIsLeftGoesOutInTheOrderOfTheStarts) {
  for (const std::uint64_t incarnation : {9, 5, 7}) {
    auto spool = owner(incarnation);
    log(*spool, 3);
    write_files(*spool);
    end(*spool);
  }
  std::vector<std::uint64_t> order;
  for (const auto& files : scan_spool(folder_))
    order.push_back(files.owner.incarnation);
  EXPECT_THAT(order, ElementsAre(9, 5, 7));
}

TEST_F(RecordSpoolTest, GivesBackInOrderWhatWasLoggedAcrossSegments) {
  const auto spool = owner(1);
  ASSERT_EQ(log(*spool, 500), 500);
  EXPECT_EQ(take(*spool), numbers(1, 500));
  EXPECT_GT(last_segment_, 2u);
  EXPECT_THAT(take(*spool), IsEmpty());
  EXPECT_EQ(spool->accepted()[v1::KIND_BATCH], 500u);
  EXPECT_EQ(spool->problem(), "");
  EXPECT_EQ(spool->unsafe(), 0u);
}

TEST_F(RecordSpoolTest, WritesTheSamePagesAgainWhileEverythingIsStored) {
  const auto spool = owner(1);
  for (int round = 0; round < 100; ++round) {
    ASSERT_EQ(log(*spool, 10), 10);
    EXPECT_EQ(take(*spool).size(), 10u);
    spool->release(std::nullopt);
    spool->prepare();
  }
  EXPECT_EQ(last_segment_, 1u);
  EXPECT_EQ(files(), 2u);  // the lock and one segment
}

TEST_F(RecordSpoolTest, DeletesSegmentsThatAreStoredAndNoOthers) {
  const auto spool = owner(1);
  log(*spool, 500);
  take(*spool);
  const auto exists = [&](std::uint64_t number) {
    return std::filesystem::exists(SpoolOwner{{"r", "t"}, 1}.segment_file(folder_, number));
  };
  const auto last = last_segment_;
  spool->release(last - 1);
  write_files(*spool);
  for (std::uint64_t number = 1; number <= last; ++number)
    EXPECT_EQ(exists(number), number >= last - 1) << number;
  spool->release(std::nullopt);
  write_files(*spool);
  for (std::uint64_t number = 1; number <= last; ++number)
    EXPECT_EQ(exists(number), number == last) << number;
}

TEST_F(RecordSpoolTest, WhatIsNotReleasedIsReadAgainAfterItsMemoryWasGivenBack) {
  const auto spool = owner(1);
  log(*spool, 400);
  spool->prepare();
  EXPECT_EQ(take(*spool), numbers(1, 400));
}

TEST_F(RecordSpoolTest, RefusesPastItsBoundAndTakesAgainWhenThereIsRoom) {
  const auto spool = owner(1, 3 * kSmall);
  const int taken = log(*spool, 10'000);
  EXPECT_GT(taken, 100);
  EXPECT_LT(taken, 1000);
  EXPECT_EQ(spool->refused(), 1u);
  EXPECT_THAT(spool->problem(), testing::HasSubstr("its bound is"));
  EXPECT_LE(spooled_bytes(folder_, {"r", "t"}), 3 * kSmall);
  EXPECT_EQ(take(*spool).size(), static_cast<std::size_t>(taken));
  spool->release(std::nullopt);
  EXPECT_EQ(log(*spool, 50), 50);
  EXPECT_EQ(take(*spool), numbers(static_cast<std::uint64_t>(taken) + 1, static_cast<std::uint64_t>(taken) + 50));
}

TEST_F(RecordSpoolTest, AFolderThatCannotBeUsedIsSaidAndRecordsStayInMemory) {
  std::filesystem::create_directories(folder_.parent_path());
  std::ofstream(folder_) << "a file";
  const auto spool = owner(1);
  const int taken = log(*spool, 10'000);
  EXPECT_GT(taken, 100);
  EXPECT_EQ(spool->unsafe(), static_cast<std::uint64_t>(taken));
  EXPECT_THAT(spool->problem(), testing::HasSubstr("spool"));
  EXPECT_EQ(take(*spool).size(), static_cast<std::size_t>(taken));
}

TEST_F(RecordSpoolTest, TheNextIncarnationDeliversWhatADeadOneLeftAndDeletesIt) {
  auto spool = owner(1);
  log(*spool, 500);
  take(*spool);
  spool->release(last_segment_);
  EXPECT_THAT(deliver(false), IsEmpty()) << "a living one's spool is its own";
  end(*spool);
  const auto left = deliver();
  EXPECT_EQ(left.back(), 500u);
  EXPECT_EQ(left, numbers(left.front(), 500));
  EXPECT_EQ(files(), 0u);
}

TEST_F(RecordSpoolTest, LeavesNothingBehindWhenAllIsStored) {
  auto spool = owner(1);
  log(*spool, 500);
  end(*spool, 500);
  EXPECT_EQ(files(), 0u);
  spool = owner(2);
  spool.reset();
  EXPECT_EQ(files(), 0u) << "nothing was logged";
}

TEST_F(RecordSpoolTest, DeliversTheOldestIncarnationFirst) {
  for (const std::uint64_t incarnation : {1u, 2u, 10u}) {
    const auto spool = owner(incarnation);
    for (std::uint64_t i = 0; i < incarnation; ++i)
      log(*spool, 1);
    end(*spool);
  }
  EXPECT_THAT(deliver(), ElementsAre(1, 1, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
}

TEST_F(RecordSpoolTest, WhatIsNotAcknowledgedStays) {
  const auto spool = owner(1);
  log(*spool, 20);
  end(*spool);
  EXPECT_EQ(deliver(false), numbers(1, 20));
  EXPECT_EQ(deliver(true), numbers(1, 20));
}

// A kill in the middle of a record, at every byte of it.
TEST_F(RecordSpoolTest, ATornLastRecordIsTheEnd) {
  const auto spool = owner(1);
  log(*spool, 3);
  end(*spool);
  const auto file = SpoolOwner{{"r", "t"}, 1}.segment_file(folder_, 1);
  const auto whole = std::filesystem::file_size(file);
  const auto third = (whole - SpoolSegment::kFirst) / 3;
  for (std::size_t cut = 1; cut < third; ++cut) {
    std::filesystem::resize_file(file, whole - cut);
    std::filesystem::resize_file(file, whole);  // zeros, as in a page that was reserved
    ASSERT_EQ(deliver(false), numbers(1, 2)) << cut << " bytes are missing";
  }
}

TEST_F(RecordSpoolTest, HostileFilesAreNoRecords) {
  std::filesystem::create_directories(folder_);
  const SpoolOwner dead{{"r", "t"}, 1};
  std::ofstream(dead.segment_file(folder_, 1));
  std::ofstream(dead.segment_file(folder_, 2)) << "TBSPOOL1" << std::string(200, '\xff');
  std::ofstream(dead.segment_file(folder_, 3)) << "something else that is longer than a header";
  std::ofstream(folder_ / "r~t~x~1.spool") << "x";
  std::ofstream(folder_ / "~~1~1.spool") << "x";
  EXPECT_THAT(deliver(), IsEmpty());
  EXPECT_EQ(damaged_, 2u) << "the empty one is no damage";
  EXPECT_EQ(files(), 4u);  // they are kept under another name, and those with names that are not ours stay
}

TEST_F(RecordSpoolTest, ReadsOnBehindADamagedRecordAndSaysWhatIsGone) {
  const auto spool = owner(1);
  log(*spool, 20);
  end(*spool);
  const auto file = SpoolOwner{{"r", "t"}, 1}.segment_file(folder_, 1);
  const auto entry = (std::filesystem::file_size(file) - SpoolSegment::kFirst) / 20;
  overwrite(file, SpoolSegment::kFirst + 4 * entry + entry / 2, std::string(2 * entry, '\x5a'));
  auto expected = numbers(1, 4);
  const auto rest = numbers(8, 20);
  expected.insert(expected.end(), rest.begin(), rest.end());
  EXPECT_EQ(deliver(), expected);
  EXPECT_THAT(gone_, ElementsAre(7));
  EXPECT_EQ(damaged_, 1u);
  EXPECT_TRUE(std::filesystem::exists(file.string() + ".damaged"));
  EXPECT_EQ(files(), 1u);
}

TEST_F(RecordSpoolTest, APageOfZerosIsNotTakenForTheEnd) {
  const auto spool = owner(1);
  log(*spool, 100);
  end(*spool);
  overwrite(SpoolOwner{{"r", "t"}, 1}.segment_file(folder_, 1), 4096, std::string(1024, '\0'));
  const auto sequences = deliver();
  EXPECT_LT(sequences.size(), 100u);
  EXPECT_EQ(sequences.back(), 100u);
  EXPECT_EQ(gone_.size(), 1u);
  EXPECT_EQ(damaged_, 1u);
}

TEST_F(RecordSpoolTest, AMissingSegmentIsGoneAndSaid) {
  const auto spool = owner(1);
  log(*spool, 500);
  end(*spool);
  const auto before = files();
  std::filesystem::remove(SpoolOwner{{"r", "t"}, 1}.segment_file(folder_, 2));
  ASSERT_EQ(files(), before - 1);
  const auto sequences = deliver();
  EXPECT_EQ(sequences.front(), 1u);
  EXPECT_EQ(sequences.back(), 500u);
  EXPECT_EQ(gone_.size(), 1u);
  EXPECT_EQ(damaged_, 0u);
}

TEST_F(RecordSpoolTest, WhatWasStoredBeforeTheKillIsNotDeliveredAgainButSaidToBeGone) {
  auto spool = owner(1);
  log(*spool, 60);
  take(*spool);
  spool->release(std::nullopt);
  log(*spool, 5);
  kill(spool);
  EXPECT_EQ(deliver(), numbers(61, 65));
  EXPECT_THAT(gone_, ElementsAre(60));
  EXPECT_EQ(damaged_, 0u);
}

// What a kill leaves in memory only is delivered too: the process ends between two turns.
TEST_F(RecordSpoolTest, AKillLosesNothingThatIsNotInAFileYet) {
  const pid_t child = fork();
  if (child == 0) {
    const auto spool = owner(1);
    log(*spool, 40);
    write_files(*spool);
    const bool logged = log(*spool, 25) == 25;
    ::kill(getpid(), logged ? SIGKILL : SIGTERM);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(WTERMSIG(status), SIGKILL);
  EXPECT_EQ(deliver(), numbers(1, 65));
  EXPECT_EQ(files(), 0u);
}

// A child that makes a segment which never gets a file, because the folder is full.
TEST_F(RecordSpoolTest, AKillLosesNothingThatTheDiskHadNoRoomFor) {
  const pid_t child = fork();
  if (child == 0) {
    const auto spool = owner(1, kSmall);
    int taken = log(*spool, 125);
    write_files(*spool);
    taken += log(*spool, 25);
    ::kill(getpid(), taken == 150 && spool->unsafe() > 0 ? SIGKILL : SIGTERM);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(WTERMSIG(status), SIGKILL);
  EXPECT_EQ(deliver(), numbers(1, 150));
}

TEST_F(RecordSpoolTest, AFileThatSomebodyShortensIsWrittenAgain) {
  const auto file = SpoolOwner{{"r", "t"}, 1}.segment_file(folder_, 1);
  for (const std::uintmax_t bytes : {std::uintmax_t{0}, std::uintmax_t{kSmall / 2}, std::uintmax_t{1}}) {
    auto spool = owner(1);
    ASSERT_EQ(log(*spool, 30), 30);
    write_files(*spool);
    std::filesystem::resize_file(file, bytes);
    ASSERT_EQ(log(*spool, 30), 30);
    const auto left = end(*spool);
    EXPECT_EQ(left.in_spool[v1::KIND_BATCH], 60u);
    EXPECT_EQ(left.gone[v1::KIND_BATCH], 0u);
    EXPECT_EQ(deliver(), numbers(1, 60)) << "shortened to " << bytes;
  }
}

TEST_F(RecordSpoolTest, AFolderThatVanishesIsMadeAgain) {
  auto spool = owner(1);
  ASSERT_EQ(log(*spool, 30), 30);
  write_files(*spool);
  std::filesystem::remove_all(folder_);
  ASSERT_EQ(log(*spool, 30), 30);
  EXPECT_EQ(end(*spool).in_spool[v1::KIND_BATCH], 60u);
  EXPECT_EQ(deliver(), numbers(1, 60));
}

// Its memory was given away for the file: the records are gone, which is counted, and those behind it go on.
TEST_F(RecordSpoolTest, ABacklogWhoseFileIsTakenIsReportedAsGone) {
  const auto spool = owner(1);
  ASSERT_EQ(log(*spool, 500), 500);
  write_files(*spool);
  std::filesystem::remove(SpoolOwner{{"r", "t"}, 1}.segment_file(folder_, 2));
  const auto sequences = take(*spool);
  EXPECT_EQ(sequences.back(), 500u);
  EXPECT_LT(sequences.size(), 500u);
  EXPECT_GT(lost_through_, 0u);
  EXPECT_EQ(std::count(sequences.begin(), sequences.end(), lost_through_), 0);
  EXPECT_EQ(std::count(sequences.begin(), sequences.end(), lost_through_ + 1), 1);
}

// The limit of the process on file sizes: an error of the call, not the end of the training.
TEST_F(RecordSpoolTest, ALimitOnFileSizesDoesNotEndTheTraining) {
  const pid_t child = fork();
  if (child == 0) {
    const rlimit limit{kSmall / 2, kSmall / 2};
    setrlimit(RLIMIT_FSIZE, &limit);
    auto spool = owner(1);
    bool good = log(*spool, 100) == 100;
    write_files(*spool);
    good = good && spool->unsafe() == 100 && !spool->problem().empty();
    spool.reset();
    _exit(good ? 7 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

TEST_F(RecordSpoolTest, WhatTheDiskHasNoRoomForIsGoneAtTheEndAndCounted) {
  const auto spool = owner(1, kSmall);
  ASSERT_EQ(log(*spool, 150), 150);
  const auto left = end(*spool, 10);
  EXPECT_GT(left.in_spool[v1::KIND_BATCH], 10u);
  EXPECT_GT(left.gone[v1::KIND_BATCH], 10u);
  EXPECT_EQ(left.in_spool[v1::KIND_BATCH] + left.gone[v1::KIND_BATCH], 140u);
  EXPECT_EQ(deliver().size(), left.in_spool[v1::KIND_BATCH] + 10);
}

TEST_F(RecordSpoolTest, WhatEarlierLivesLeftCountsForTheBound) {
  for (const std::uint64_t incarnation : {1u, 2u}) {
    const auto spool = owner(incarnation, 3 * kSmall);
    log(*spool, 80);
    end(*spool);
  }
  const auto spool = owner(3, 3 * kSmall);
  log(*spool, 10'000);
  EXPECT_LE(spooled_bytes(folder_, {"r", "t"}), 3 * kSmall);
  EXPECT_THAT(spool->problem(), testing::HasSubstr("its bound is"));
}

TEST_F(RecordSpoolTest, IsNotDeliveredToAnotherBroker) {
  auto spool = owner(1);
  spool->set_broker_id("id1");
  log(*spool, 5);
  end(*spool);
  broker_ = {.address = "tcp://here:1", .id = "id2"};
  EXPECT_THAT(deliver(), IsEmpty());
  ASSERT_EQ(refused_.size(), 1u);
  EXPECT_THAT(refused_[0],
              testing::AllOf(testing::HasSubstr("id1"), testing::HasSubstr("id2"), testing::HasSubstr("--any-broker")));
  broker_ = {.address = "tcp://elsewhere:1", .id = "id1"};
  EXPECT_EQ(deliver(), numbers(1, 5)) << "the same one at another address";
}

TEST_F(RecordSpoolTest, UntilABrokerHasSaidWhoItIsItsAddressCounts) {
  auto spool = owner(1);
  log(*spool, 5);
  end(*spool);
  broker_.address = "tcp://elsewhere:1";
  EXPECT_THAT(deliver(), IsEmpty());
  EXPECT_EQ(refused_.size(), 1u);
  broker_.whatever = true;
  EXPECT_EQ(deliver(), numbers(1, 5));
}

// Whatever bits are flipped: what is delivered is what was logged, in order, once.
TEST_F(RecordSpoolTest, NeverDeliversWhatWasNotLogged) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (std::uint64_t incarnation = 1; incarnation <= 20; ++incarnation) {
    auto spool = owner(incarnation, 1 << 20);
    log(*spool, 250);
    if (incarnation % 2 == 0)
      kill(spool);
    else
      end(*spool);
    std::size_t damages = 0;
    for (const auto& file : std::filesystem::directory_iterator(folder_)) {
      if (file.path().extension() != ".spool") continue;
      const auto size = file.file_size();
      for (int i = 0; i < 3; ++i, ++damages)
        overwrite(file.path(), std::uniform_int_distribution<std::size_t>(0, size - 2)(random),
                  std::string(2, static_cast<char>(random())));
    }
    const auto sequences = deliver();
    EXPECT_TRUE(std::is_sorted(sequences.begin(), sequences.end(), std::less_equal<>()));
    EXPECT_GE(sequences.size() + 2 * damages, 250u) << "two bytes damage two records at most";
  }
}

}  // namespace
}  // namespace trainbus
