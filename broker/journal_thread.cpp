#include "broker/journal_thread.hpp"

#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <csignal>

#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

using Clock = std::chrono::steady_clock;

// The journal is written to files that nobody would find.
class JournalMoved : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Who forwards goes first where processors are scarce; a quarter of one is left to commits beside a busy trainer.
void let_others_go_first() {
  constexpr int kNice = 5;
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);  // cannot fail: it only asks for less
}

void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

StoreBatch merge(std::vector<std::unique_ptr<StoreBatch>>& batches) {
  StoreBatch all = std::move(*batches.front());  // only the first can be one that comes again
  for (auto batch = std::next(batches.begin()); batch != batches.end(); ++batch)
    all.append(std::move(**batch));
  batches.clear();
  return all;
}

}  // namespace

JournalThread::JournalThread(std::string path, Durability durability, Retention retention)
    : durability_(durability),
      retention_(retention),
      writer_(path, durability, std::move(retention)),
      archived_at_start_(writer_.archived()),
      reader_(path),
      place_(files_of_journal(path)) {
  gauges_.gone_at_start = writer_.gone_at_start();
  gauges_.end_position = writer_.last_position();
  write_thread_ = std::thread([this] {
    block_signals();
    let_others_go_first();
    write_loop();
  });
  read_thread_ = std::thread([this] {
    block_signals();
    read_loop();
  });
}

JournalThread::~JournalThread() {
  work_.put(std::make_unique<Work>());
  write_thread_.join();
  read_thread_.join();
}

void JournalThread::store(std::unique_ptr<StoreBatch> batch) {
  gauges_.waiting_rows += batch->rows().size();
  work_.put(std::make_unique<Work>(Work{std::move(batch), nullptr}));
}

void JournalThread::fetch(std::unique_ptr<FetchJob> job) {
  work_.put(std::make_unique<Work>(Work{nullptr, std::move(job)}));
}

void JournalThread::note_archived(const std::string& archive, std::uint64_t position) {
  work_.put(std::make_unique<Work>(Work{nullptr, nullptr, archive, position}));
}

void JournalThread::write_loop() {
  std::vector<std::unique_ptr<StoreBatch>> batches;
  auto next_retire = Clock::now();
  for (bool running = true; running;) {
    if (retention_.any() && Clock::now() >= next_retire) {
      retire(kStepsAtOnce);
      next_retire = Clock::now() + std::chrono::milliseconds(kRetireEveryMs);
    }
    auto next = work_.wait(kLookEveryMs);
    if (!next) {
      look_at_place();
      tidy_up();
    }
    for (; next; next = work_.take()) {
      if (next->batch) {
        batches.push_back(std::move(next->batch));
        continue;
      }
      if (!next->archive.empty()) {
        write_archived(*next);
        continue;
      }
      commit(batches);
      running = next->job != nullptr;
      jobs_.put(std::move(next));
    }
    commit(batches);
  }
}

void JournalThread::check_place() const {
  const auto problem = durability_ == Durability::kNothing ? std::string() : place_.problem();
  if (problem.empty()) return;
  throw JournalMoved(problem + "; put it back, or restart the broker, which then begins a new journal");
}

// The bus thread hears of it at once, not with the next record.
void JournalThread::look_at_place() {
  if (gauges_.failing) return;
  try {
    check_place();
  } catch (const JournalMoved& error) {
    auto outcome = std::make_unique<StoreOutcome>();
    outcome->error = error.what();
    outcome->ok = false;
    outcome->moved = gauges_.failing = gauges_.moved = true;
    outcomes_.put(std::move(outcome));
  }
}

// In a quiet turn.
void JournalThread::tidy_up() {
  try {
    writer_.checkpoint(true);
    writer_.give_back_space();
    gauges_.wal_bytes = writer_.wal_bytes();
  } catch (const SqliteError& error) {
    if (!gauges_.failing) spdlog::warn("{}", error.what());
  }
}

void JournalThread::retire(int steps) {
  try {
    for (int step = 0; step < steps && writer_.retire(); ++step) {
    }
    gauges_.retired = writer_.retired();
    gauges_.held_up = writer_.held_up();
    gauges_.held_for_archives = writer_.held_for_archives();
  } catch (const SqliteError& error) {
    spdlog::error("retiring old records: {}", error.what());
  }
}

void JournalThread::write_archived(const Work& work) {
  try {
    writer_.note_archived(work.archive, work.position);
  } catch (const SqliteError& error) {
    if (!gauges_.failing) spdlog::warn("how far archive '{}' has the journal: {}", work.archive, error.what());
  }
}

void JournalThread::commit(std::vector<std::unique_ptr<StoreBatch>>& batches) {
  if (batches.empty()) return;
  auto outcome = std::make_unique<StoreOutcome>();
  outcome->batches = batches.size();
  StoreBatch all = merge(batches);
  const auto started = Clock::now();
  outcome->bytes = all.bytes();
  const std::size_t rows = all.rows().size();
  const auto gives_way = [started, little = outcome->bytes <= kGiveWayBytes] {
    return little && Clock::now() - started < std::chrono::milliseconds(kGiveWayMs);
  };
  try {
    if (gauges_.failing && !all.after_failure) throw SqliteError(SQLITE_ABORT, "journal: stored after the failure");
    check_place();
    if (durability_ != Durability::kNothing) writer_.append(all, gives_way);
    check_place();  // nothing is acknowledged that went into a file which was taken away meanwhile
    gauges_.commits += 1;
    gauges_.rows += rows;
    gauges_.end_position = writer_.last_position();
    gauges_.commit_us += static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - started).count());
    outcome->heads = all.heads();
    gauges_.failing = gauges_.moved = false;
  } catch (const JournalMoved& error) {
    outcome->error = error.what();
    gauges_.failing = gauges_.moved = true;
  } catch (const SqliteError& error) {
    if (error.code() != SQLITE_ABORT) gauges_.moved = false;  // else it only follows the first failure
    outcome->error = error.what();
    gauges_.failing = true;
  }
  if (gauges_.failing) {
    outcome->ok = false;
    outcome->moved = gauges_.moved;
  } else {
    all.clear();
  }
  outcome->batch = std::move(all);
  gauges_.waiting_rows -= rows;
  const bool stored = outcome->ok;
  outcomes_.put(std::move(outcome));
  if (!stored || durability_ == Durability::kNothing) return;
  if (retention_.max_bytes != 0) retire(kStepsWithACommit);
  writer_.checkpoint(false);
  gauges_.wal_bytes = writer_.wal_bytes();
}

void JournalThread::read_loop() {
  for (;;) {
    const auto work = jobs_.wait(-1);
    if (!work) continue;  // a signal
    if (!work->job) return;
    auto job = std::move(work->job);
    try {
      job->reply = reader_.fetch(job->request);
    } catch (const SqliteError& error) {
      job->error = error.what();
    }
    gauges_.damaged = reader_.damaged();
    answers_.put(std::move(job));
  }
}

}  // namespace trainbus
