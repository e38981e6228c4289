#include "bus_feed.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kStateInterval{250};

}  // namespace

BusFeed::BusFeed(std::string broker, std::function<void(BusBatch)> deliver)
    : broker_(std::move(broker)), deliver_(std::move(deliver)), thread_([this] { run(); }) {}

BusFeed::~BusFeed() {
  stop_ = true;
  thread_.join();
}

void BusFeed::run() {
  Consumer consumer({.broker = broker_, .heartbeats = true});
  std::int64_t trouble_since_ms = 0;
  auto state_due = std::chrono::steady_clock::now();
  while (!stop_) {
    BusBatch batch = collect(consumer);
    const auto now = std::chrono::steady_clock::now();
    if (batch.records.empty() && now < state_due) continue;
    if (consumer.port_trouble().empty() != (trouble_since_ms == 0))
      trouble_since_ms = consumer.port_trouble().empty() ? 0 : unix_ms();
    batch.state = {consumer.connected(),    consumer.caught_up(), consumer.by_pages(),
                   consumer.port_trouble(), trouble_since_ms,     consumer.counters()};
    state_due = now + kStateInterval;
    if (wait_for_room()) deliver_(std::move(batch));
  }
}

// What is there, at most a batch; waits for the first record only.
BusBatch BusFeed::collect(Consumer& consumer) {
  BusBatch batch;
  while (batch.records.size() < kMaxBatchRecords) {
    const Record* record = consumer.next(milliseconds(batch.records.empty() ? 50 : 0));
    if (record == nullptr) break;
    batch.records.push_back(std::make_shared<const Record>(*record));
  }
  return batch;
}

bool BusFeed::wait_for_room() {
  while (!stop_)
    if (room_.try_acquire_for(milliseconds(50))) return true;
  return false;
}

}  // namespace trainbus
