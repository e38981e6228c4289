// One step of a record's way, many times over, for scripts/bench-instructions, which counts its instructions with
// callgrind. What is counted runs in one thread and inside trainbus_counted(), so that no other thread's timing is in
// it.

#include <chrono>
#include <functional>
#include <iostream>
#include <map>
#include <stdexcept>
#include <thread>
#include <zmq.hpp>

#include "bench/bench_record.hpp"
#include "broker/data_path.hpp"
#include "tests/support/temp_dir.hpp"
#include "trainbus/producer.hpp"
#include "trainbus/program.hpp"
#include "trainbus/sockets.hpp"

// Neither inlined nor cloned, and with a name that callgrind's --toggle-collect finds.
extern "C" [[gnu::noipa]] void trainbus_counted(const std::function<void()>& work) { work(); }

namespace {

using namespace trainbus;
using bench::Shape;

constexpr std::uint64_t kIncarnation = 42;
constexpr char kSession[] = "bench/t0";

// What a scenario did inside trainbus_counted().
using Records = std::uint64_t;

// --- publish: log_batch in the training thread. No broker is there; what is logged waits in the spool, as it does
// between two turns of the bus thread.
template <class Metrics>
Records publish(const Metrics& metrics) {
  constexpr int kRecords = 4'000;
  const test::TempDir dir;
  Producer bus({.run = "bench",
                .trainer = "t0",
                .broker = "tcp://127.0.0.1:9",
                .spool_dir = dir / "spool",
                .on_problem = {},
                .own_threads = false});
  const auto log = [&](int count) {
    for (int i = 0; i < count; ++i)
      if (!bus.log_batch(metrics(i))) throw std::runtime_error("log_batch refused a record");
  };
  log(100);
  trainbus_counted([&] { log(kRecords); });
  return kRecords;
}

Records publish_plain() {
  return publish(
      [](int i) { return BatchMetrics{.epoch = 1, .batch = i, .batch_size = 64, .loss = 0.5, .accuracy = 0.9}; });
}

Records publish_values() {
  return publish([](int i) {
    return BatchMetrics{.epoch = 1,
                        .batch = i,
                        .batch_size = 64,
                        .loss = 0.5,
                        .scalars = {{"gen_loss", 0.1},
                                    {"disc_loss", 0.2},
                                    {"grad_norm", 0.3},
                                    {"train/perplexity", 0.4},
                                    {"train/tokens_per_second", 0.5},
                                    {"reward/mean", 0.6},
                                    {"reward/kl_divergence", 0.7},
                                    {"optimizer/loss_scale", 0.8}}};
  });
}

Records publish_real() {
  const std::vector<Prediction> predictions(
      16, Prediction{.predicted_class = 1,
                     .label = "automobile",
                     .confidence = 0.7F,
                     .top_k = {{0, "airplane", 0.3F}, {1, "airplane", 0.3F}, {2, "airplane", 0.3F}}});
  return publish([&](int i) {
    return BatchMetrics{.epoch = 1, .batch = i, .batch_size = 64, .loss = 0.5, .predictions = predictions};
  });
}

// --- forward: from the broker's XSUB to its XPUB and into the journal's queue, in the bus thread. The journal is real,
// its threads are not counted.
class Forwarder {
 public:
  explicit Forwarder(Shape shape)
      : shape_(shape), topic_(bench::topic_of(shape, kSession)), body_(bench::body_of(shape, kSession)) {
    for (auto* socket : {&xsub_, &xpub_, &trainer_, &consumer_}) {
      socket->set(zmq::sockopt::sndhwm, 0);
      socket->set(zmq::sockopt::rcvhwm, 0);
    }
    xsub_.bind("inproc://in");
    xpub_.bind("inproc://out");
    data_.attach(store_, roster_);
    trainer_.connect("inproc://in");
    consumer_.connect("inproc://out");
    consumer_.set(zmq::sockopt::subscribe, topic_);
    data_.forward_subscriptions();
    data_.forward_data(now_ms_);  // lets XSUB see its new peer
    // The broker's subscriptions: to every kind, or as the consumer's of tiles.
    for (zmq::message_t event; trainer_.recv(event);)
      if (topic_.starts_with(event.to_string_view().substr(1))) break;
  }

  Records forward(int turns, int records_per_turn) {
    for (int i = 0; i < turns + 1; ++i) {
      for (int record = 0; record < records_per_turn; ++record)
        publish();
      // The first turn makes streams, sessions and arenas.
      counted(i > 0, [&] {
        while (data_.forward_data(now_ms_)) {
        }
        store_.turn(steady_ms(), news_);
      });
      drain(records_per_turn);
      while (!store_.idle()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        counted(i > 0, [&] { store_.turn(steady_ms(), news_); });
      }
    }
    return static_cast<Records>(turns) * records_per_turn;
  }

 private:
  static void counted(bool yes, const std::function<void()>& work) {
    if (yes)
      trainbus_counted(work);
    else
      work();
  }
  void publish() {
    std::string body = body_;
    bench::append_numbers(body, kIncarnation, ++sequence_);
    trainer_.send(zmq::buffer(topic_), zmq::send_flags::sndmore);
    trainer_.send(zmq::buffer(body), zmq::send_flags::none);
  }
  void drain(int records) {
    zmq::message_t topic, body;
    for (int i = 0; i < records; ++i)
      if (!consumer_.recv(topic, zmq::recv_flags::dontwait) || !consumer_.recv(body, zmq::recv_flags::dontwait))
        throw std::runtime_error("a record was not forwarded");
  }

  const Shape shape_;
  const std::string topic_, body_;
  const test::TempDir dir_;
  zmq::context_t context_{0};
  BoundSockets sockets_{zmq::socket_t(context_, zmq::socket_type::xsub),
                        zmq::socket_t(context_, zmq::socket_type::xpub),
                        zmq::socket_t(context_, zmq::socket_type::router),
                        {}};
  zmq::socket_t& xsub_ = sockets_.xsub;
  zmq::socket_t& xpub_ = sockets_.xpub;
  ConnectionWatch connections_{context_, sockets_};
  zmq::socket_t trainer_{context_, zmq::socket_type::xpub};
  zmq::socket_t consumer_{context_, zmq::socket_type::sub};
  Roster roster_;
  Gatekeeper gatekeeper_;
  DataPath data_{xsub_, xpub_, connections_, gatekeeper_};
  RecordStore store_{dir_ / "journal.sqlite",
                     Durability::kProcess,
                     {},
                     [this](const std::string& topic, zmq::message_t body) { data_.publish(topic, std::move(body)); },
                     [](const Topic&, const v1::MetricsRequest&, zmq::message_t, std::int64_t) {}};
  const RecordStore::News news_{[](const Stream&) {}, [](const LostRecords&) {},
                                [](const std::string&, const std::string&) {}, [](const std::string&) {}};
  const std::int64_t now_ms_ = steady_ms();
  std::uint64_t sequence_ = 0;
};

// --- store: group commits of a thousand records, in the journal's thread.
Records store(Shape shape) {
  constexpr int kCommits = 5;
  constexpr int kRecordsPerCommit = 1'000;
  constexpr std::int64_t kTakenInMs = 1'764'000'000'000;
  const test::TempDir dir;
  JournalWriter writer(dir / "journal.sqlite", Durability::kProcess);
  const std::string body = bench::body_of(shape, kSession);
  std::uint64_t sequence = 0;
  for (int commit = 0; commit < kCommits + 1; ++commit) {
    StoreBatch batch;
    if (commit == 0) batch.new_streams.push_back({1, {"bench", "t0"}, kIncarnation, v1::KIND_BATCH, 0});
    for (int i = 0; i < kRecordsPerCommit; ++i) {
      std::string numbered = body;
      bench::append_numbers(numbered, kIncarnation, ++sequence);
      batch.add(1, sequence, kTakenInMs, kTakenInMs, numbered);
    }
    if (commit == 0)
      writer.append(batch);
    else
      trainbus_counted([&] { writer.append(batch); });
  }
  return kCommits * kRecordsPerCommit;
}

const std::map<std::string, std::function<Records()>> kScenarios = {
    {"publish", publish_plain},
    {"publish_8_values", publish_values},
    {"publish_real", publish_real},
    {"forward_300B", [] { return Forwarder(Shape::kSmall).forward(30, 64); }},
    {"forward_real", [] { return Forwarder(Shape::kReal).forward(30, 64); }},
    {"forward_tiles", [] { return Forwarder(Shape::kTiles).forward(10, 8); }},
    {"store_300B", [] { return store(Shape::kSmall); }},
    {"store_real", [] { return store(Shape::kReal); }},
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("One step of a record's way, many times, to be counted: see scripts/bench-instructions.",
               "trainbus-instructions");
  std::string scenario;
  app.add_option("SCENARIO", scenario, "Without one: prints their names");
  return run_program(app, argc, argv, [&] {
    if (scenario.empty()) {
      for (const auto& [name, run] : kScenarios)
        std::cout << name << '\n';
      return 0;
    }
    const auto found = kScenarios.find(scenario);
    if (found == kScenarios.end()) throw std::runtime_error("no such scenario: '" + scenario + "'");
    std::cout << found->second() << " records" << std::endl;
    return 0;
  });
}
