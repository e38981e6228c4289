// Measures the broker's journal: how many records a second it stores, and how long a broker takes to start on a large
// one and to answer the first page of its history.

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>

#include "broker/journal.hpp"
#include "broker/state_folder.hpp"
#include "tests/support/plain_peer.hpp"
#include "tests/support/running_broker.hpp"
#include "trainbus/program.hpp"

namespace {

using namespace trainbus;
using Clock = std::chrono::steady_clock;

struct Flags {
  std::uint64_t records = 1'000'000;
  int bytes = 300;
  int trainers = 8;
  int per_commit = 1000;
  int starts = 5;
  std::string durability = "process";
  std::string damage;  // "": none
};

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Streams of batch records, one of each trainer in turn.
class Records {
 public:
  explicit Records(const Flags& flags) : flags_(flags), streams_(static_cast<std::size_t>(flags.trainers)) {
    for (int i = 0; i < flags.trainers; ++i)
      streams_[i] = {
          static_cast<std::uint64_t>(i + 1), {"meter", "t" + std::to_string(i)}, kIncarnation, v1::KIND_BATCH, 0};
  }

  StoreBatch next_batch() {
    StoreBatch batch;
    if (made_ == 0) batch.new_streams = streams_;
    for (int i = 0; i < flags_.per_commit && made_ < flags_.records; ++i, ++made_) {
      auto& stream = streams_[made_ % streams_.size()];
      const std::string body = record_of(stream, ++stream.last_sequence).SerializeAsString();
      batch.add(stream.stream, stream.last_sequence, unix_ms(), unix_ms(), body);
    }
    return batch;
  }

 private:
  static constexpr std::uint64_t kIncarnation = 42;

  v1::MetricsRequest record_of(const StreamRow& stream, std::uint64_t sequence) const {
    v1::MetricsRequest record;
    record.set_session_id(stream.session.id());
    record.set_timestamp_ms(unix_ms());
    record.set_incarnation(stream.incarnation);
    record.set_sequence(sequence);
    auto* batch = record.mutable_batch_data();
    batch->set_batch_loss(1.0 / static_cast<double>(sequence));
    for (int i = 0; static_cast<int>(record.ByteSizeLong()) < flags_.bytes; ++i) {
      auto* prediction = batch->add_predictions();
      prediction->set_predicted_class(i);
      prediction->set_confidence(0.5F);
    }
    return record;
  }

  const Flags& flags_;
  std::vector<StreamRow> streams_;
  std::uint64_t made_ = 0;
};

// Only the time within the journal counts, not that of making records.
void append(const Flags& flags, const std::string& state_dir) {
  StateFolder folder(state_dir);
  JournalWriter writer(folder.journal_path(), flags.durability == "power" ? Durability::kPower : Durability::kProcess);
  Records records(flags);
  double seconds = 0;
  for (std::uint64_t stored = 0; stored < flags.records && !stop_requested();) {
    const auto batch = records.next_batch();
    const auto started = Clock::now();
    writer.append(batch);
    seconds += seconds_since(started);
    stored += batch.rows().size();
  }
  std::cout << "stored " << flags.records << " records of " << flags.bytes << " B from " << flags.trainers
            << " trainers, " << flags.per_commit << " a commit: " << static_cast<double>(flags.records) / seconds
            << " records/s" << std::endl;
}

// Zeroes over a page in the middle of the file: one that holds records, or one that leads to such pages.
void wipe_a_page(const std::string& path, bool with_records) {
  constexpr char kLeaf = 0x0d, kInterior = 0x05;
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  unsigned char size[2] = {};
  file.seekg(16);
  file.read(reinterpret_cast<char*>(size), sizeof size);
  std::string page(static_cast<std::size_t>(size[0]) << 8 | size[1], '\0');
  const auto pages = std::filesystem::file_size(path) / page.size();
  for (auto number = pages / 2; number < pages; ++number) {
    const auto at = static_cast<std::streamoff>(number * page.size());
    file.seekg(at);
    file.read(page.data(), static_cast<std::streamsize>(page.size()));
    const bool found = with_records ? page[0] == kLeaf && page.find("[[1,") != std::string::npos : page[0] == kInterior;
    if (!found) continue;
    file.seekp(at);
    file.write(std::string(page.size(), '\0').data(), static_cast<std::streamsize>(page.size()));
    std::cout << "wiped page " << number + 1 << " of " << pages << std::endl;
    return;
  }
  throw std::runtime_error("no such page in '" + path + "'");
}

// Every page of the history, and what is said of the rest.
void read_all(const std::string& state_dir) {
  test::RunningBroker broker(state_dir);
  test::PlainPeer peer(broker.endpoints());
  v1::FetchRequest request;
  request.set_max_bytes(1 << 20);
  std::uint64_t served = 0, lost = 0;
  const auto started = Clock::now();
  for (bool at_end = false; !at_end && !stop_requested();) {
    const auto page = peer.fetch(request);
    served += static_cast<std::uint64_t>(page.records_size());
    for (const auto& range : page.lost())
      lost += range.last_sequence() - range.stream().sequence() + 1;
    request.set_after_position(page.next_position());
    at_end = page.at_end();
  }
  std::cout << served << " records served, " << lost << " LOST, in " << seconds_since(started) << " s" << std::endl;
}

void start_again(const Flags& flags, const std::string& state_dir) {
  for (int i = 0; i < flags.starts && !stop_requested(); ++i) {
    const auto started = Clock::now();
    test::RunningBroker broker(state_dir);
    const double listening = seconds_since(started);
    test::PlainPeer peer(broker.endpoints());
    const auto page = peer.fetch();
    if (page.records().empty()) throw std::runtime_error("the broker served no record of '" + state_dir + "'");
    std::cout << "start " << i + 1 << ": listening after " << listening << " s, first page (" << page.records_size()
              << " of " << page.end_position() << " records) after " << seconds_since(started) << " s" << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures the broker's journal: records stored a second, and starts on a large journal.",
               "trainbus-journalmeter");
  Flags flags;
  app.add_option("--records", flags.records, "how many to store")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--bytes", flags.bytes, "size of a record")->check(CLI::Range(60, 10'000))->capture_default_str();
  app.add_option("--trainers", flags.trainers)->check(CLI::Range(1, 10'000))->capture_default_str();
  app.add_option("--per-commit", flags.per_commit, "records a commit")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--durability", flags.durability)->check(CLI::IsMember({"process", "power"}))->capture_default_str();
  app.add_option("--starts", flags.starts, "broker starts on it afterwards")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();
  app.add_option("--damage", flags.damage, "wipe a page in the middle: of records, or of those that lead to them")
      ->check(CLI::IsMember({"records", "interior"}));
  app.footer(
      "Examples:\n"
      "  trainbus-journalmeter                          the defaults, a minute at most\n"
      "  trainbus-journalmeter --records 10000000       a journal of 3.5 GB, and five starts on it (in TMPDIR)\n"
      "  trainbus-journalmeter --records 10000000 --damage records     the same with a bad page, and all of it read");
  return run_program(app, argc, argv, [&] {
    test::TempDir dir;
    const std::string state_dir = dir / "state";
    std::cout << std::fixed << std::setprecision(2);
    append(flags, state_dir);
    if (!flags.damage.empty()) wipe_a_page(state_dir + "/journal.sqlite", flags.damage == "records");
    start_again(flags, state_dir);
    if (!flags.damage.empty()) read_all(state_dir);
    return 0;
  });
}
