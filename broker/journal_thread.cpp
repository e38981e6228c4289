#include "broker/journal_thread.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <csignal>

#include "trainbus/wire.hpp"

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

namespace trainbus {
namespace {

using Clock = std::chrono::steady_clock;

zmq::socket_t pair(zmq::context_t& context) {
  zmq::socket_t socket(context, zmq::socket_type::pair);
  socket.set(zmq::sockopt::sndhwm, 0);
  socket.set(zmq::sockopt::rcvhwm, 0);
  socket.set(zmq::sockopt::linger, 0);
  return socket;
}

// The two ends of an inproc PAIR; a socket may be handed to another thread before it is used there.
std::pair<zmq::socket_t, zmq::socket_t> connected_pair(zmq::context_t& context) {
  static std::atomic<int> next{0};
  const std::string name = "inproc://journal-" + std::to_string(next++);
  auto ends = std::make_pair(pair(context), pair(context));
  ends.first.bind(name);
  ends.second.connect(name);
  return ends;
}

// ThreadSanitizer does not see into libzmq, whose sockets order what two threads do: it is told.
#ifdef __SANITIZE_THREAD__
void note_passed(void* value) { __tsan_release(value); }
void note_accepted(void* value) { __tsan_acquire(value); }
#else
void note_passed(void*) {}
void note_accepted(void*) {}
#endif

// Ownership travels as a pointer in a frame.
template <class T>
void pass(zmq::socket_t& socket, std::unique_ptr<T> value) {
  T* raw = value.release();
  note_passed(raw);
  socket.send(zmq::buffer(&raw, sizeof raw), zmq::send_flags::none);
}

template <class T>
std::unique_ptr<T> accept(zmq::socket_t& socket, zmq::recv_flags flags) {
  T* raw = nullptr;
  const auto size = socket.recv(zmq::buffer(&raw, sizeof raw), flags);
  if (!size) return nullptr;
  note_accepted(raw);
  return std::unique_ptr<T>(raw);
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

JournalThread::JournalThread(zmq::context_t& context, std::string path, Durability durability, Retention retention)
    : durability_(durability), retention_(retention), writer_(path, durability), reader_(path) {
  auto work = connected_pair(context);
  auto outcomes = connected_pair(context);
  auto jobs = connected_pair(context);
  auto answers = connected_pair(context);
  work_ = std::move(work.first);
  outcomes_ = std::move(outcomes.first);
  answers_ = std::move(answers.first);
  write_thread_ = std::thread([this, in = std::move(work.second), out = std::move(outcomes.second),
                               to_reader = std::move(jobs.first)]() mutable {
    block_signals();
    write_loop(in, out, to_reader);
  });
  read_thread_ = std::thread([this, in = std::move(jobs.second), out = std::move(answers.second)]() mutable {
    block_signals();
    read_loop(in, out);
  });
}

JournalThread::~JournalThread() {
  pass(work_, std::make_unique<Work>());
  write_thread_.join();
  read_thread_.join();
  while (take_outcome()) {
  }
  while (take_answer()) {
  }
}

void JournalThread::store(std::unique_ptr<StoreBatch> batch) {
  gauges_.waiting_rows += batch->rows.size();
  pass(work_, std::make_unique<Work>(Work{std::move(batch), nullptr}));
}

void JournalThread::fetch(std::unique_ptr<FetchJob> job) {
  pass(work_, std::make_unique<Work>(Work{nullptr, std::move(job)}));
}

std::unique_ptr<StoreOutcome> JournalThread::take_outcome() {
  return accept<StoreOutcome>(outcomes_, zmq::recv_flags::dontwait);
}

std::unique_ptr<FetchJob> JournalThread::take_answer() { return accept<FetchJob>(answers_, zmq::recv_flags::dontwait); }

void JournalThread::write_loop(zmq::socket_t& work, zmq::socket_t& outcomes, zmq::socket_t& to_reader) {
  std::vector<std::unique_ptr<StoreBatch>> batches;
  auto last_commit = Clock::now() - std::chrono::seconds(1);
  const auto commit_now = [&] {
    if (batches.empty()) return;
    commit(batches, outcomes);
    last_commit = Clock::now();
  };
  auto next_retire = Clock::now();
  for (bool running = true; running;) {
    if (retention_.any() && Clock::now() >= next_retire) {
      retire();
      next_retire = Clock::now() + std::chrono::milliseconds(kRetireEveryMs);
    }
    int wait_ms = kRetireEveryMs;
    if (!batches.empty()) {
      const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - last_commit).count();
      wait_ms = static_cast<int>(std::max<std::int64_t>(0, kCommitEveryMs - age));
    }
    work.set(zmq::sockopt::rcvtimeo, wait_ms);
    auto next = accept<Work>(work, zmq::recv_flags::none);
    if (!next) {
      if (Clock::now() - last_commit >= std::chrono::milliseconds(kCommitEveryMs)) commit_now();
    } else if (next->batch) {
      batches.push_back(std::move(next->batch));
      if (wait_ms == 0) commit_now();
    } else {
      commit_now();
      running = next->job != nullptr;
      pass(to_reader, std::move(next->job));
    }
  }
}

void JournalThread::retire() {
  constexpr int kStepsAtOnce = 50;  // then commits have their turn
  try {
    for (int step = 0; step < kStepsAtOnce && writer_.retire(retention_, unix_ms()); ++step) {
    }
    gauges_.retired = writer_.retired();
  } catch (const SqliteError& error) {
    spdlog::error("retiring old records: {}", error.what());
  }
}

void JournalThread::commit(std::vector<std::unique_ptr<StoreBatch>>& batches, zmq::socket_t& outcomes) {
  auto outcome = std::make_unique<StoreOutcome>();
  outcome->batches = batches.size();
  StoreBatch all = merge(batches);
  const auto started = Clock::now();
  outcome->bytes = all.bytes();
  const std::size_t rows = all.rows.size();
  const auto gives_way = [started, little = outcome->bytes <= kGiveWayBytes] {
    return little && Clock::now() - started < std::chrono::milliseconds(kGiveWayMs);
  };
  try {
    if (gauges_.failing && !all.after_failure) throw SqliteError(SQLITE_ABORT, "journal: stored after the failure");
    if (durability_ != Durability::kNothing) writer_.append(all, gives_way);
    gauges_.commits += 1;
    gauges_.rows += rows;
    gauges_.commit_us += static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - started).count());
    std::map<std::uint64_t, std::uint64_t> heads;
    for (const auto& row : all.rows)
      heads[row.stream] = std::max(heads[row.stream], row.sequence);
    for (const auto& lost : all.lost)
      heads[lost.stream] = std::max(heads[lost.stream], lost.last_sequence);
    outcome->heads.assign(heads.begin(), heads.end());
    gauges_.failing = false;
  } catch (const SqliteError& error) {
    outcome->ok = false;
    outcome->error = error.what();
    outcome->failed = std::move(all);
    gauges_.failing = true;
  }
  gauges_.waiting_rows -= rows;
  pass(outcomes, std::move(outcome));
}

void JournalThread::read_loop(zmq::socket_t& jobs, zmq::socket_t& answers) {
  while (auto job = accept<FetchJob>(jobs, zmq::recv_flags::none)) {
    try {
      job->reply = reader_.fetch(job->request);
    } catch (const SqliteError& error) {
      job->error = error.what();
    }
    gauges_.damaged = reader_.damaged();
    pass(answers, std::move(job));
  }
}

}  // namespace trainbus
