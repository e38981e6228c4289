// The journal, damaged at random: the broker starts or says why in its last line, and what it serves is what was
// written. What is missing is said to be lost. The seed is printed and can be given by TRAINBUS_DAMAGE_SEED.

#include <gmock/gmock.h>

#include <fstream>
#include <iostream>
#include <optional>
#include <random>
#include <set>
#include <sstream>

#include "tests/support/eventually.hpp"
#include "tests/support/journal_content.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"
#include "trainbus/consumer.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using test::eventually;
using test::Process;

constexpr int kTrainers = 4;
constexpr std::uint64_t kBatches = 300;               // of each, half of them in the main file, half in the WAL
using Place = std::pair<std::string, std::uint64_t>;  // session, sequence

// The lines of a text that have a part in them.
std::vector<std::string> lines_with(const std::string& text, const std::string& part) {
  std::vector<std::string> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.find(part) != std::string::npos) found.push_back(line);
  return found;
}

class DamageTest : public testing::Test {
 protected:
  DamageTest() {
    const char* given = std::getenv("TRAINBUS_DAMAGE_SEED");
    const unsigned seed = given != nullptr ? static_cast<unsigned>(std::stoul(given)) : std::random_device{}();
    std::cout << "TRAINBUS_DAMAGE_SEED=" << seed << std::endl;
    random_.seed(seed);
  }
  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_); }

  static std::unique_ptr<Process> start(const fs::path& state, const std::string& listen = "tcp://127.0.0.1:*") {
    return std::make_unique<Process>("trainbus-broker",
                                     std::vector<std::string>{"--listen", listen, "--state-dir", state});
  }
  // A journal with records in both files, as a kill leaves it.
  void make_journal() {
    auto broker = start(whole_);
    auto address = broker->wait_for("listening on ");
    ASSERT_TRUE(address) << broker->output();
    std::vector<std::unique_ptr<Producer>> trainers;
    for (int i = 0; i < kTrainers; ++i)
      trainers.push_back(std::make_unique<Producer>(ProducerOptions{.run = "r",
                                                                    .trainer = "t" + std::to_string(i),
                                                                    .broker = *address,
                                                                    .spool_dir = folder_ / "spool",
                                                                    .meter_resources = false}));
    const auto log_half = [&](std::uint64_t from) {
      for (std::uint64_t batch = from; batch < from + kBatches / 2; ++batch)
        for (auto& trainer : trainers)
          trainer->log_batch({.epoch = 1, .batch = static_cast<int>(batch), .loss = static_cast<double>(batch) / 7});
      for (auto& trainer : trainers)
        ASSERT_TRUE(eventually("stored", [&] { return trainer->counters().in_outbox == 0; }));
    };
    log_half(0);
    broker->signal(SIGTERM);
    ASSERT_EQ(broker->wait(60s), 0);
    broker = start(whole_, *address);
    ASSERT_TRUE(broker->wait_for("listening on "));
    log_half(kBatches / 2);
    for (const auto& record : test::journal_content(parse_endpoints(*address)).records)
      written_[{record.session_id(), record.sequence()}] = record.SerializeAsString();
    for (auto& trainer : trainers)
      incarnations_.push_back(trainer->incarnation());
    broker->signal(SIGKILL);
    ASSERT_TRUE(broker->wait(60s));
    ASSERT_EQ(written_.size(), kTrainers * kBatches);
    for (auto& trainer : trainers)
      trainer->close(0ms);
  }

  // Returns what was done.
  std::string damage(const fs::path& state) {
    const fs::path file = state / (below(2) == 0 ? "journal.sqlite" : "journal.sqlite-wal");
    const auto size = fs::file_size(file);
    if (size == 0) return "nothing";
    const std::size_t at = below(size);
    const std::string where = file.filename().string() + " at " + std::to_string(at) + " of " + std::to_string(size);
    if (below(4) == 0) {
      fs::resize_file(file, at);
      return "cut " + where;
    }
    const std::size_t length = below(2) == 0 ? 1 : std::min<std::size_t>(size - at, 1 + below(4096));
    std::string bytes(length, '\0');
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(at));
    stream.read(bytes.data(), static_cast<std::streamsize>(length));
    if (length == 1)
      bytes[0] = static_cast<char>(bytes[0] ^ (1 << below(8)));
    else
      std::generate(bytes.begin(), bytes.end(), [this] { return static_cast<char>(below(256)); });
    stream.seekp(static_cast<std::streamoff>(at));
    stream.write(bytes.data(), static_cast<std::streamsize>(length));
    return (length == 1 ? "one bit of " : std::to_string(length) + " bytes of ") + where;
  }

  // The trainers come back: each says what it was told is stored, and goes on with one more record.
  void greet(const Endpoints& broker) {
    test::PlainPeer peer(broker);
    for (int i = 0; i < kTrainers; ++i) {
      v1::MetricsRequest hello;
      hello.set_session_id("r/t" + std::to_string(i));
      hello.set_incarnation(incarnations_[static_cast<std::size_t>(i)]);
      hello.mutable_hello()->mutable_session()->set_client_name("test");
      auto* stored = hello.mutable_hello()->add_stored();
      stored->set_kind(v1::KIND_BATCH);
      stored->set_sequence(kBatches);
      peer.ask(hello);
      auto record = test::PlainPeer::record(kBatches + 1, hello.incarnation());
      record.set_session_id(hello.session_id());
      peer.resend_as("batch/" + hello.session_id() + "/", record);
    }
  }

  enum class End { kRefused, kFailing, kServed };
  // Starts a broker on the damaged journal and checks what it says and serves.
  End check(const fs::path& state) {
    auto broker = start(state);
    const auto address = broker->wait_for("listening on ");
    if (!address) {
      EXPECT_EQ(broker->wait(60s), 1) << broker->output();
      EXPECT_THAT(broker->output(), testing::HasSubstr("journal"));
      // Before the reason may stand what was tried, line by line; each says of which file.
      EXPECT_THAT(lines_with(broker->output(), "trainbus-broker: "), testing::SizeIs(1)) << broker->output();
      EXPECT_EQ(lines_with(broker->output(), "journal"), lines_with(broker->output(), "")) << broker->output();
      return End::kRefused;
    }
    const auto endpoints = parse_endpoints(*address);
    greet(endpoints);
    test::JournalContent content;
    std::set<Place> served;
    const auto fetch = [&] {
      content = test::journal_content(endpoints);
      served.clear();
      int last = 0;
      for (const auto& record : content.records) {
        if (record.session_id() == "trainbus/broker") continue;  // its own alert
        if (record.sequence() == kBatches + 1) {
          ++last;
          continue;
        }
        const Place place{record.session_id(), record.sequence()};
        const auto was = written_.find(place);
        EXPECT_TRUE(was != written_.end() && record.SerializeAsString() == was->second)
            << "served wrong: " << record.ShortDebugString();
        EXPECT_TRUE(served.insert(place).second) << "served twice: " << record.ShortDebugString();
      }
      return !content.error.empty() || last == kTrainers || broker->wait(0ms) ||
             broker->output().find("nothing is acknowledged") != std::string::npos;
    };
    EXPECT_TRUE(eventually("the newest records are served, or it is said why not", fetch, 15s, 50ms))
        << broker->output();
    EXPECT_FALSE(broker->wait(0ms)) << "ended by itself: " << broker->output();
    if (!content.error.empty() || broker->output().find("nothing is acknowledged") != std::string::npos)
      return End::kFailing;
    for (const auto& range : content.lost)
      for (auto sequence = range.stream().sequence(); sequence <= range.last_sequence(); ++sequence)
        served.insert({range.stream().session_id(), sequence});
    for (const auto& [place, bytes] : written_)
      EXPECT_TRUE(served.contains(place)) << place.first << " " << place.second << " is missing, and nothing says so";
    broker->signal(SIGTERM);
    EXPECT_EQ(broker->wait(60s), 0) << broker->output();
    return End::kServed;
  }

  test::TempDir folder_;
  const fs::path whole_ = folder_ / "whole";
  std::mt19937 random_;
  std::map<Place, std::string> written_;
  std::vector<std::uint64_t> incarnations_;
};

TEST_F(DamageTest, AJournalThatIsDamagedAtRandomIsNeverServedWrong) {
  make_journal();
  std::map<End, int> ends;
  for (int variant = 0; variant < 40 && !HasFailure(); ++variant) {
    const fs::path state = folder_ / "damaged";
    fs::remove_all(state);
    fs::copy(whole_, state);
    std::string done = damage(state);
    if (below(3) == 0) done += ", " + damage(state);
    SCOPED_TRACE("variant " + std::to_string(variant) + ": " + done);
    ++ends[check(state)];
  }
  std::cout << "refused with a reason " << ends[End::kRefused] << ", failing and said so " << ends[End::kFailing]
            << ", served and complete " << ends[End::kServed] << std::endl;
  EXPECT_GT(ends[End::kServed], 5);
}

// Zeroes over a page of records in the middle of the main file.
void wipe_a_page(const fs::path& file) {
  constexpr std::streamoff kPage = 16'384;
  constexpr char kLeafOfATable = 0x0d;
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  std::vector<std::streamoff> leaves;
  for (auto at = kPage; at < static_cast<std::streamoff>(fs::file_size(file)); at += kPage) {
    std::string page(kPage, '\0');
    stream.seekg(at);
    stream.read(page.data(), kPage);
    if (page[0] == kLeafOfATable && page.find("[[1,") != std::string::npos) leaves.push_back(at);
  }
  ASSERT_FALSE(leaves.empty());
  stream.seekp(leaves[leaves.size() / 2]);
  stream.write(std::string(kPage, '\0').data(), kPage);
}

// Whether the broker's last alert of damage, as the journal has it, is active; empty: there is none.
std::optional<bool> damage_alert(const std::string& address) {
  std::optional<bool> active;
  Consumer consumer({.broker = address, .kinds = {v1::KIND_BATCH, v1::KIND_ALERT}, .run = ""});
  eventually("the history is read", [&] {
    while (const auto* record = consumer.next(1ms))
      if (record->message.alert().rule() == "journal_damaged") active = record->message.alert().active();
    return consumer.caught_up();
  });
  return active;
}

TEST_F(DamageTest, ABrokerThatCannotReadAPageSaysSoUntilItIsRepaired) {
  make_journal();
  wipe_a_page(whole_ / "journal.sqlite");
  {
    const auto broker = start(whole_);
    const auto address = broker->wait_for("listening on ");
    ASSERT_TRUE(address) << broker->output();
    EXPECT_TRUE(eventually("an alert says so", [&] { return damage_alert(*address) == true; }));
    EXPECT_TRUE(broker->wait_for("'trainbus-broker repair ")) << broker->output();
  }
  Process repair("trainbus-broker", {"repair", whole_});
  EXPECT_EQ(repair.wait(10s), 0) << repair.output();
  const auto broker = start(whole_);
  const auto address = broker->wait_for("listening on ");
  ASSERT_TRUE(address) << broker->output();
  EXPECT_TRUE(eventually("it has ended", [&] { return damage_alert(*address) == false; }));
}

TEST_F(DamageTest, AWipedPageCostsTheRecordsOnItUntilARepairSaysSo) {
  make_journal();
  wipe_a_page(whole_ / "journal.sqlite");
  Process check_before("trainbus-broker", {"check", whole_});
  EXPECT_EQ(check_before.wait(10s), 1);
  EXPECT_THAT(check_before.output(), testing::HasSubstr("trainbus-broker repair"));
  EXPECT_EQ(check(whole_), End::kServed);

  Process repair("trainbus-broker", {"repair", whole_});
  EXPECT_EQ(repair.wait(10s), 0) << repair.output();
  EXPECT_THAT(repair.output(), testing::HasSubstr("LOST r/t"));
  Process check_after("trainbus-broker", {"check", whole_});
  EXPECT_EQ(check_after.wait(10s), 0) << check_after.output();
}

}  // namespace
}  // namespace trainbus
