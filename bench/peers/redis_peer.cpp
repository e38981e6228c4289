// Redis: PUBLISH and SUBSCRIBE on one channel, or XADD and XREAD on one stream. Commands go out many together, and what
// the server answers is read between bursts.
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include "bench/peers/peer.hpp"

namespace trainbus::bench {
namespace {

constexpr std::size_t kWriteBytes = 32 << 10;  // written at once when so much waits
constexpr std::size_t kUnanswered = 4096;      // commands; of tiles kUnansweredTiles
constexpr std::size_t kUnansweredTiles = 8;
constexpr char kChannel[] = "bench";

redisContext* connect(const std::string& address) {
  const auto [host, port] = host_port(address);
  redisContext* context = redisConnect(host.c_str(), port);
  if (context == nullptr || context->err != 0)
    throw std::runtime_error("redis: " + address + ": " + (context == nullptr ? "no memory" : context->errstr));
  const int one = 1;
  setsockopt(context->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return context;
}

class RedisPublisher : public Publisher {
 public:
  explicit RedisPublisher(const PeerOptions& options)
      : context_(connect(options.in)),
        streams_(options.transport == "redis-streams"),
        most_unanswered_(options.tiles ? kUnansweredTiles : kUnanswered) {}
  bool send(std::string_view, std::string_view body) override {
    const char* publish[] = {"PUBLISH", kChannel, body.data()};
    const std::size_t publish_sizes[] = {7, sizeof kChannel - 1, body.size()};
    const char* add[] = {"XADD", kChannel, "*", "b", body.data()};
    const std::size_t add_sizes[] = {4, sizeof kChannel - 1, 1, 1, body.size()};
    if (streams_)
      redisAppendCommandArgv(context_, 5, add, add_sizes);
    else
      redisAppendCommandArgv(context_, 3, publish, publish_sizes);
    ++unanswered_;
    unwritten_ += body.size();
    if (unwritten_ >= kWriteBytes) write();
    if (unanswered_ > most_unanswered_) {
      write();
      read(true);
    }
    return true;
  }
  void flush() override {
    write();
    read(false);
  }
  void idle() override { read(false); }

 private:
  void write() {
    for (int done = 0; done == 0;)
      if (redisBufferWrite(context_, &done) != REDIS_OK) fail();
    unwritten_ = 0;
  }
  // Takes the answers that are there; `wait`: at least one.
  void read(bool wait) {
    while (unanswered_ > 0) {
      void* reply = nullptr;
      if (redisReaderGetReply(context_->reader, &reply) != REDIS_OK) fail();
      if (reply != nullptr) {
        freeReplyObject(reply);
        --unanswered_;
        wait = false;
        continue;
      }
      pollfd readable{context_->fd, POLLIN, 0};
      if (!wait && poll(&readable, 1, 0) <= 0) return;
      if (redisBufferRead(context_) != REDIS_OK) fail();
      wait = false;
    }
  }
  [[noreturn]] void fail() { throw std::runtime_error(std::string("redis: ") + context_->errstr); }

  redisContext* context_;
  const bool streams_;
  const std::size_t most_unanswered_;
  std::size_t unanswered_ = 0;
  std::size_t unwritten_ = 0;
};

class RedisSubscriber : public Subscriber {
 public:
  explicit RedisSubscriber(const PeerOptions& options)
      : streams_(options.transport == "redis-streams"), context_(connect(options.out)) {}
  void start() override {
    if (!streams_) freeReplyObject(redisCommand(context_, "SUBSCRIBE %s", kChannel));
  }
  void run(const Receive& receive) override {
    if (streams_) read_stream(receive);
    for (void* taken = nullptr; redisGetReply(context_, &taken) == REDIS_OK; freeReplyObject(taken)) {
      const auto* reply = static_cast<redisReply*>(taken);
      if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 3) receive(text(*reply->element[2]));
    }
    throw std::runtime_error(std::string("redis: the subscriber was cut off: ") + context_->errstr);
  }

 private:
  static std::string_view text(const redisReply& reply) { return {reply.str, static_cast<std::size_t>(reply.len)}; }

  // A reply is [[stream, [[id, [field, value]], ...]]].
  void read_stream(const Receive& receive) {
    std::string last = "$";
    while (auto* taken = redisCommand(context_, "XREAD COUNT 1000 BLOCK 60000 STREAMS %s %s", kChannel, last.c_str())) {
      const auto* reply = static_cast<redisReply*>(taken);
      if (reply->type == REDIS_REPLY_ERROR) throw std::runtime_error(std::string("redis: ") + reply->str);
      if (reply->type == REDIS_REPLY_ARRAY) {
        const auto& entries = *reply->element[0]->element[1];
        for (std::size_t i = 0; i < entries.elements; ++i) {
          last = text(*entries.element[i]->element[0]);
          receive(text(*entries.element[i]->element[1]->element[1]));
        }
      }
      freeReplyObject(taken);
    }
    throw std::runtime_error(std::string("redis: ") + context_->errstr);
  }

  const bool streams_;
  redisContext* context_;
};

}  // namespace

std::unique_ptr<Publisher> redis_publisher(const PeerOptions& options) {
  return std::make_unique<RedisPublisher>(options);
}
std::unique_ptr<Subscriber> redis_subscriber(const PeerOptions& options) {
  return std::make_unique<RedisSubscriber>(options);
}

}  // namespace trainbus::bench
