#include "consumers/dashboard/server/alert_book.hpp"

#include <gmock/gmock.h>

namespace trainbus {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

Record alert(const std::string& id, std::uint64_t at_ms, bool active, const std::string& message = "bad") {
  Record record;
  record.topic = {v1::KIND_ALERT, {"r", "t"}};
  record.message.set_session_id("r/t");
  record.message.set_timestamp_ms(at_ms);
  auto* said = record.message.mutable_alert();
  said->set_alert_id(id);
  said->set_rule("dead");
  said->set_message(message);
  said->set_active(active);
  return record;
}

TEST(AlertBook, AnAlertIsOneEntryFromItsBeginningToItsEnd) {
  AlertBook book;
  book.take(alert("a", 1000, true));
  book.take(alert("b", 2000, true));
  book.take(alert("a", 3000, false, "over"));
  const auto alerts = book.newest_first();
  ASSERT_THAT(alerts, SizeIs(2));
  EXPECT_EQ(alerts[0]->alert_id, "b");
  EXPECT_EQ(alerts[0]->ended_ms, 0);
  EXPECT_EQ(alerts[1]->raised_ms, 1000);
  EXPECT_EQ(alerts[1]->ended_ms, 3000);
  EXPECT_EQ(alerts[1]->message, "bad");
  EXPECT_THAT(alerts_json(book), HasSubstr(R"("raised_ms":2000,"ended_ms":null})"));
}

TEST(AlertBook, AnEndThatIsHeardBeforeTheBeginningStaysTheEnd) {
  AlertBook book;
  book.take(alert("a", 3000, false));
  book.take(alert("a", 1000, true));
  EXPECT_EQ(book.newest_first().front()->ended_ms, 3000);
  EXPECT_EQ(book.newest_first().front()->raised_ms, 1000);
  book.take(alert("a", 4000, true));
  EXPECT_EQ(book.newest_first().front()->ended_ms, 0) << "it came back";
}

TEST(AlertBook, PastItsBoundOldEndsGoBeforeWhatStandsAndAreCounted) {
  AlertBook book;
  book.take(alert("stands", 1, true));
  book.take(alert("over", 2, false));
  for (std::size_t i = 0; i + 1 < AlertBook::kMaxAlerts; ++i)
    book.take(alert("n" + std::to_string(i), 10 + i, true));
  EXPECT_THAT(book.newest_first(), SizeIs(AlertBook::kMaxAlerts));
  EXPECT_EQ(book.newest_first().back()->alert_id, "stands");
  EXPECT_EQ(book.left_out(), 1U);
}

}  // namespace
}  // namespace trainbus
