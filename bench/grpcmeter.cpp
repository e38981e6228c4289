// trainbus-grpcmeter: how many records a second a running trainbus-grpc takes, and how long one takes until the broker
// has stored it. Every record is a batch of about 300 bytes, unnumbered; every one must be acknowledged.

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <mutex>
#include <thread>
#include <vector>
#include <zmq.hpp>

#include "trainbus.grpc.pb.h"
#include "trainbus/endpoints.hpp"
#include "trainbus/program.hpp"
#include "trainbus/wire.hpp"

namespace {

using namespace trainbus;
using Clock = std::chrono::steady_clock;
using Millis = std::chrono::duration<double, std::milli>;

struct Options {
  std::string gateway = "127.0.0.1:7770";
  int streams = 8;
  int records = 100'000;  // of each stream
  double rate_hz = 0;     // of each stream; 0: as fast as they are taken
  std::string broker;     // of the gateway: times are those of a subscriber there
};

v1::MetricsRequest record(const std::string& session) {
  v1::MetricsRequest made;
  made.set_session_id(session);
  v1::BatchData& batch = *made.mutable_batch_data();
  batch.set_epoch(1);
  batch.set_batch_size(64);
  batch.set_batch_loss(0.5);
  batch.set_batch_accuracy(0.75);
  for (int i = 0; batch.ByteSizeLong() < 285; ++i) {
    batch.add_predictions()->set_predicted_label("a class");
    batch.mutable_predictions(i)->set_confidence(0.5F);
  }
  return made;
}

using Times = std::vector<Clock::time_point>;

// When each record of a session reached a subscriber of the broker.
Times subscribe(zmq::socket_t& socket, int records) {
  Times came(static_cast<std::size_t>(records));
  v1::MetricsRequest message;
  for (int i = 0; i < records; ++i) {
    zmq::message_t topic, body;
    if (!socket.recv(topic) || !socket.recv(body)) break;  // too long without one
    const auto now = Clock::now();
    if (message.ParseFromArray(body.data(), static_cast<int>(body.size())))
      came[static_cast<std::size_t>(message.batch_data().batch_idx())] = now;
  }
  return came;
}

// Writes them all; the milliseconds from each write to its acknowledgement.
std::vector<double> run_stream(v1::MetricsService::Stub& service, const Options& options, int number) {
  const std::string session = "grpcmeter/" + std::to_string(number) + '-' + std::to_string(unix_ms() % 1'000'000);
  grpc::ClientContext context;
  const auto stream = service.StreamMetrics(&context);
  std::vector<Clock::time_point> written(static_cast<std::size_t>(options.records));
  std::vector<double> took;
  took.reserve(written.size());
  std::mutex mutex;  // orders `written` between the two threads
  std::thread reader([&] {
    for (v1::MetricsResponse response; stream->Read(&response);) {
      if (!response.has_ack()) continue;
      const auto now = Clock::now();
      const std::lock_guard lock(mutex);
      // One may stand for all before it.
      while (took.size() <= static_cast<std::size_t>(response.ack().batch_idx()))
        took.push_back(Millis(now - written[took.size()]).count());
    }
  });
  zmq::context_t zmq_context;
  zmq::socket_t socket(zmq_context, zmq::socket_type::sub);
  Times came;
  std::thread subscriber;
  if (!options.broker.empty()) {
    socket.set(zmq::sockopt::rcvtimeo, 10'000);
    socket.set(zmq::sockopt::rcvhwm, 0);
    socket.set(zmq::sockopt::subscribe, "batch/" + session + '/');
    socket.connect(parse_endpoints(options.broker).data_out());
    std::this_thread::sleep_for(std::chrono::seconds(1));  // a subscription says not when it is in force
    subscriber = std::thread([&] { came = subscribe(socket, options.records); });
  }
  v1::MetricsRequest request = record(session);
  const auto began = Clock::now();
  for (int i = 0; i < options.records; ++i) {
    if (options.rate_hz > 0)
      std::this_thread::sleep_until(
          began + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(i / options.rate_hz)));
    request.mutable_batch_data()->set_batch_idx(i);
    {
      const std::lock_guard lock(mutex);
      written[static_cast<std::size_t>(i)] = Clock::now();
    }
    if (!stream->Write(request)) break;
  }
  stream->WritesDone();
  reader.join();
  const grpc::Status status = stream->Finish();
  if (!status.ok()) std::cerr << session << ": " << status.error_message() << '\n';
  if (subscriber.joinable()) {
    subscriber.join();
    for (std::size_t i = 0; i < took.size(); ++i)
      took[i] = Millis(came[i] - written[i]).count();
  }
  return took;
}

int measure(const Options& options) {
  std::vector<std::vector<double>> took(static_cast<std::size_t>(options.streams));
  std::vector<std::thread> threads;
  const auto began = Clock::now();
  for (int i = 0; i < options.streams; ++i)
    threads.emplace_back([&, i] {
      grpc::ChannelArguments arguments;
      arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
      v1::MetricsService::Stub service(
          grpc::CreateCustomChannel(options.gateway, grpc::InsecureChannelCredentials(), arguments));
      took[static_cast<std::size_t>(i)] = run_stream(service, options, i);
    });
  for (auto& thread : threads)
    thread.join();
  const double seconds = Millis(Clock::now() - began).count() / 1000;
  std::vector<double> all;
  for (const auto& each : took)
    all.insert(all.end(), each.begin(), each.end());
  std::sort(all.begin(), all.end());
  const auto sent = static_cast<std::size_t>(options.streams) * static_cast<std::size_t>(options.records);
  std::cout << all.size() << " of " << sent << " acknowledged, " << static_cast<double>(all.size()) / seconds
            << " a second";
  if (!all.empty())
    std::cout << "; from write to " << (options.broker.empty() ? "acknowledgement" : "subscriber") << " p50 "
              << all[all.size() / 2] << " ms, p99 " << all[all.size() * 99 / 100] << " ms";
  std::cout << std::endl;
  return all.size() == sent ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"What a running trainbus-grpc takes, and how fast.", "trainbus-grpcmeter"};
  Options options;
  app.add_option("--gateway", options.gateway, "HOST:PORT of trainbus-grpc")->capture_default_str();
  app.add_option("--streams", options.streams, "Trainers")->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--records", options.records, "Of each")->check(CLI::Range(1, 10'000'000))->capture_default_str();
  app.add_option("--rate", options.rate_hz, "Records a second of each; 0: as fast as they are taken")
      ->capture_default_str();
  app.add_option("--broker", options.broker, "Time until a subscriber of this broker, the gateway's, has a record");
  app.footer("Examples:\n  trainbus-grpcmeter\n  trainbus-grpcmeter --streams 1 --records 10000 --rate 1000");
  return run_program(app, argc, argv, [&] { return measure(options); });
}
