// What the server says to the page is what tests/schema/page_messages.txt has; the page's own test reads the same file.
// After a change that is meant, TRAINBUS_WRITE_GOLDEN=1 writes it anew.

#include "consumers/dashboard/server/server_message.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/schema/recorded_messages.hpp"

namespace trainbus {
namespace {

constexpr std::int64_t kNow = 1'700'000'000'500;
const std::string kFile = TRAINBUS_SOURCE "/tests/schema/page_messages.txt";

Record record_of(Kind kind, v1::MetricsRequest message) {
  Record record;
  record.topic = {kind, {"mnist", "t0"}};
  record.message = std::move(message);
  return record;
}

// A trainer that said everything once.
BusModel said_everything() {
  BusModel model;
  for (const auto& [kind, message] : recorded_messages())
    model.apply(record_of(kind, message), kNow);
  v1::MetricsRequest lost = recorded_envelope(90);
  lost.mutable_batch_data()->set_step(487);
  lost.mutable_batch_data()->set_epoch(2);
  lost.mutable_batch_data()->set_batch_loss(std::numeric_limits<double>::quiet_NaN());
  model.apply(record_of(v1::KIND_BATCH, lost), kNow);
  return model;
}

std::string written() {
  const BusModel model = said_everything();
  const SessionName session{"mnist", "t0"};
  const Moment now{kNow, true};
  const BusModel::Troubles troubles{{{"log-jsonl", "sink_failing"}, {"no space left", kNow - 1000}}};
  const ListColumns columns{"value:val/iou", "parameter:optimizer"};
  TrainerList list;
  list.refresh(model, now, columns);
  std::ostringstream out;
  out << hello_message("0.1.0", "tcp://127.0.0.1:7760", kNow) << '\n'
      << bus_message({}, troubles, now) << '\n'
      << list_message(list, 0, columns).text << '\n'
      << list_message(list, list.tick(), columns).text << '\n'
      << history_message(session, model.find(session), now, true, 2000) << '\n'
      << history_message({"mnist", "nobody"}, nullptr, now, false, 2000) << '\n'
      << reset_message(session) << '\n'
      << media_message(session) << '\n'
      << bye_message("the server is going away") << '\n';
  return out.str();
}

TEST(ServerMessage, IsWhatThePageIsTestedWith) {
  const std::string now = written();
  if (std::getenv("TRAINBUS_WRITE_GOLDEN") != nullptr) std::ofstream(kFile) << now;
  std::ifstream file(kFile);
  std::stringstream before;
  before << file.rdbuf();
  EXPECT_EQ(now, before.str()) << "after a change that is meant: TRAINBUS_WRITE_GOLDEN=1, and look at the page's test";
}

}  // namespace
}  // namespace trainbus
