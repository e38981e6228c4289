// Measures the broker in one process: lossless throughput of kept records, latency at a steady rate, and what the
// journal costs, as rounds with and without it in turn. Prints one line a round and the ratios.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iomanip>
#include <iostream>
#include <thread>
#include <zmq.hpp>

#include "broker/journal.hpp"
#include "tests/support/plain_peer.hpp"
#include "tests/support/running_broker.hpp"
#include "trainbus/program.hpp"
#include "trainbus/sockets.hpp"

namespace {

using namespace trainbus;
using Clock = std::chrono::steady_clock;

struct Figures {
  double records_per_second = 0;
  double p50_us = 0;
  double p99_us = 0;
  double stored = 0;  // of the throughput round's records, 0 to 1
};

std::string record_of(int bytes) {
  v1::MetricsRequest record = test::PlainPeer::record(1);
  for (int i = 0; static_cast<int>(record.ByteSizeLong()) < bytes - 24; ++i) {
    auto* prediction = record.mutable_batch_data()->add_predictions();
    prediction->set_predicted_class(i);
    prediction->set_confidence(0.5F);
  }
  return record.SerializeAsString();
}

// A body with its own sequence: a field appended to serialized bytes wins over the earlier one.
std::string numbered(const std::string& body, std::uint64_t sequence) {
  v1::MetricsRequest tail;
  tail.set_sequence(sequence);
  return body + tail.SerializeAsString();
}

class Round {
 public:
  Round(bool journal, int bytes)
      : journal_(journal),
        broker_({}, "tcp://127.0.0.1:*", journal ? Durability::kProcess : Durability::kNothing),
        body_(record_of(bytes)) {
    pub_.set(zmq::sockopt::sndhwm, 0);
    sub_.set(zmq::sockopt::rcvhwm, 0);
    sub_.set(zmq::sockopt::rcvtimeo, 2000);
    pub_.connect(broker_.endpoints().data_in());
    sub_.connect(broker_.endpoints().data_out());
    sub_.set(zmq::sockopt::subscribe, "batch/");
    while (!receive(20))
      publish();  // until both ends are joined
    while (receive(100)) {
    }
  }

  // At most `window` records on their way, so that nothing is dropped and the rate is the bus's.
  double throughput(std::uint64_t count, std::uint64_t window) {
    std::atomic<std::uint64_t> received{0};
    std::atomic<bool> reading{true};
    const auto started = Clock::now();
    std::thread reader([&] {
      while (received < count && receive(5000) && !stop_requested())
        ++received;
      reading = false;
    });
    for (std::uint64_t sent = 0; sent < count && reading; ++sent) {
      if (sent - received > window)
        while (sent - received > window / 2 && reading)
          std::this_thread::sleep_for(std::chrono::microseconds(200));
      publish();
    }
    reader.join();
    const double seconds = std::chrono::duration<double>(Clock::now() - started).count();
    if (received != count)
      throw std::runtime_error("received " + std::to_string(received) + " of " + std::to_string(count) + " records");
    return static_cast<double>(count) / seconds;
  }

  // Waits until the journal, which may be behind after a burst, stands still. Returns what it has of what was sent, 0
  // to 1: a peer without an outbox does not send again what the broker had no room to keep.
  double settle() {
    if (!journal_) return 0;
    JournalReader reader(broker_.state_dir() + "/journal.sqlite");
    v1::FetchRequest request;
    request.set_max_bytes(1);
    std::uint64_t stored = 0, before = 0;
    do {
      before = stored;
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      stored = reader.fetch(request).end_position();
    } while (stored > before);
    return static_cast<double>(stored) / static_cast<double>(sequence_);
  }

  std::pair<double, double> latency(std::size_t count, std::chrono::microseconds interval) {
    std::vector<Clock::time_point> sent(count);
    std::vector<double> us;
    std::thread reader([&] {  // records come in the order they were sent
      while (us.size() < count && receive(5000))
        us.push_back(std::chrono::duration<double, std::micro>(Clock::now() - sent[us.size()]).count());
    });
    auto next = Clock::now();
    for (std::size_t i = 0; i < count; ++i, next += interval) {
      std::this_thread::sleep_until(next);
      sent[i] = Clock::now();
      publish();
    }
    reader.join();
    std::sort(us.begin(), us.end());
    return {us.at(us.size() / 2), us.at(us.size() * 99 / 100)};
  }

 private:
  void publish() {
    pub_.send(zmq::str_buffer("batch/r/t/"), zmq::send_flags::sndmore);
    pub_.send(zmq::buffer(numbered(body_, ++sequence_)), zmq::send_flags::none);
  }
  bool receive(int wait_ms) {
    sub_.set(zmq::sockopt::rcvtimeo, wait_ms);
    zmq::message_t topic, body;
    return sub_.recv(topic) && sub_.recv(body);
  }

  const bool journal_;
  test::RunningBroker broker_;
  const std::string body_;
  zmq::context_t context_;
  zmq::socket_t pub_{context_, zmq::socket_type::pub};
  zmq::socket_t sub_{context_, zmq::socket_type::sub};
  std::uint64_t sequence_ = 0;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures the broker's forwarding with and without its journal, in turn.", "trainbus-forwardmeter");
  int rounds = 5;
  int bytes = 300;
  std::uint64_t records = 100'000;
  int rate = 1000;
  app.add_option("--rounds", rounds, "Pairs of rounds")->check(CLI::Range(1, 100))->capture_default_str();
  app.add_option("--bytes", bytes, "Size of a record")->check(CLI::Range(60, 10'000))->capture_default_str();
  app.add_option("--records", records, "Records of a throughput round")->capture_default_str();
  app.add_option("--rate", rate, "Records a second of a latency round")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  return run_program(app, argc, argv, [&] {
    std::vector<double> throughput_ratio, p99_ratio;
    std::cout << std::fixed << std::setprecision(0) << "journal   records/s   p50 us   p99 us   stored\n";
    for (int i = 0; i < rounds && !stop_requested(); ++i) {
      Figures figures[2];
      for (const bool journal : {false, true}) {
        Round round(journal, bytes);
        auto& figure = figures[journal];
        figure.records_per_second = round.throughput(records, 5000);
        figure.stored = round.settle();
        std::tie(figure.p50_us, figure.p99_us) =
            round.latency(static_cast<std::size_t>(rate) * 2, std::chrono::microseconds(1'000'000 / rate));
        std::cout << (journal ? "on     " : "off    ") << std::setw(12) << figure.records_per_second << std::setw(9)
                  << figure.p50_us << std::setw(9) << figure.p99_us;
        if (journal) std::cout << std::setw(8) << 100 * figure.stored << '%';
        std::cout << std::endl;
      }
      throughput_ratio.push_back(figures[1].records_per_second / figures[0].records_per_second);
      p99_ratio.push_back(figures[1].p99_us / figures[0].p99_us);
    }
    std::cout << std::setprecision(3) << "median ratio on/off: throughput " << median(throughput_ratio) << " ("
              << *std::min_element(throughput_ratio.begin(), throughput_ratio.end()) << " to "
              << *std::max_element(throughput_ratio.begin(), throughput_ratio.end()) << "), p99 " << median(p99_ratio)
              << " (" << *std::min_element(p99_ratio.begin(), p99_ratio.end()) << " to "
              << *std::max_element(p99_ratio.begin(), p99_ratio.end()) << ")" << std::endl;
    return 0;
  });
}
