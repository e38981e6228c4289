// NATS: core publish and subscribe, or JetStream, whose stream keeps every message in files and answers each publish.
// A subscriber of either takes the live messages of the subjects.
#include <nats/nats.h>

#include <algorithm>
#include <mutex>

#include "bench/peers/peer.hpp"

namespace trainbus::bench {
namespace {

constexpr int kUnansweredPublishes = 4096;
constexpr std::int64_t kPendingBytes = 512 << 20;

void check(natsStatus status, const std::string& what) {
  if (status != NATS_OK) throw std::runtime_error("nats: " + what + ": " + natsStatus_GetText(status));
}

natsConnection* connect(const std::string& address, bool prompt) {
  natsOptions* options = nullptr;
  check(natsOptions_Create(&options), "options");
  check(natsOptions_SetURL(options, ("nats://" + address).c_str()), address);
  natsOptions_SetSendAsap(options, prompt);
  natsOptions_SetAllowReconnect(options, false);
  natsConnection* connection = nullptr;
  check(natsConnection_Connect(&connection, options), "connect to " + address);
  natsOptions_Destroy(options);
  return connection;
}

// "batch/bench/t000/" is the subject batch.bench.t000.
std::string subject_of(std::string_view topic) {
  std::string subject(topic.substr(0, topic.size() - 1));
  std::replace(subject.begin(), subject.end(), '/', '.');
  return subject;
}

class NatsPublisher : public Publisher {
 public:
  explicit NatsPublisher(const PeerOptions& options) : connection_(connect(options.in, options.prompt)) {
    if (options.transport == "jetstream") open_stream();
  }
  bool send(std::string_view topic, std::string_view body) override {
    if (subject_.empty()) subject_ = subject_of(topic);  // one connection is one trainer
    const int size = static_cast<int>(body.size());
    if (stream_ != nullptr) return js_PublishAsync(stream_, subject_.c_str(), body.data(), size, nullptr) == NATS_OK;
    return natsConnection_Publish(connection_, subject_.c_str(), body.data(), size) == NATS_OK;
  }

 private:
  void open_stream() {
    jsOptions options;
    check(jsOptions_Init(&options), "JetStream options");
    options.PublishAsync.MaxPending = kUnansweredPublishes;
    check(natsConnection_JetStream(&stream_, connection_, &options), "JetStream");
    jsStreamConfig config;
    check(jsStreamConfig_Init(&config), "stream");
    const char* subjects[] = {"batch.>", "tiles.>"};
    config.Name = "BENCH";
    config.Subjects = subjects;
    config.SubjectsLen = 2;
    config.Storage = js_FileStorage;
    static std::once_flag made;
    std::call_once(made, [&] { check(js_AddStream(nullptr, stream_, &config, nullptr, nullptr), "add stream"); });
  }

  natsConnection* connection_;
  jsCtx* stream_ = nullptr;
  std::string subject_;
};

class NatsSubscriber : public Subscriber {
 public:
  explicit NatsSubscriber(const PeerOptions& options) : options_(options) {}
  void start() override {
    connection_ = connect(options_.out, options_.prompt);
    check(natsConnection_SubscribeSync(&subscription_, connection_, options_.tiles ? "tiles.>" : "batch.>"),
          "subscribe");
    natsSubscription_SetPendingLimits(subscription_, std::max(options_.queue, 65536), kPendingBytes);
    check(natsConnection_Flush(connection_), "flush");
  }
  void run(const Receive& receive) override {
    natsMsg* message = nullptr;
    for (;;) {
      const auto status = natsSubscription_NextMsg(&message, subscription_, 60'000);
      if (status == NATS_TIMEOUT || status == NATS_SLOW_CONSUMER) continue;
      check(status, "receive");
      receive({natsMsg_GetData(message), static_cast<std::size_t>(natsMsg_GetDataLength(message))});
      natsMsg_Destroy(message);
    }
  }

 private:
  const PeerOptions options_;
  natsConnection* connection_ = nullptr;
  natsSubscription* subscription_ = nullptr;
};

}  // namespace

std::unique_ptr<Publisher> nats_publisher(const PeerOptions& options) {
  return std::make_unique<NatsPublisher>(options);
}
std::unique_ptr<Subscriber> nats_subscriber(const PeerOptions& options) {
  return std::make_unique<NatsSubscriber>(options);
}

}  // namespace trainbus::bench
