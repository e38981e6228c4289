// Who gets a place at the dashboard, and who gives one up.

#include "consumers/dashboard/server/connection_book.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace trainbus {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ConnectionBookTest : public ::testing::Test {
 protected:
  // A request connection that is idle, and says when it is ended.
  ConnectionBook::Ticket request(const std::string& client) {
    auto ticket = book_.enter(client, full_);
    ticket->set_idle(true);
    ticket->on_end([this, number = ++last_] { ended_.push_back(number); });
    return ticket;
  }
  ConnectionBook::Ticket web_socket(const std::string& client, bool says_what_it_watches) {
    auto ticket = book_.enter(client, full_);
    refusal_ = ticket->become_web_socket();
    ticket->on_end([this, number = ++last_] { ended_.push_back(number); });
    if (says_what_it_watches) ticket->set_idle(false);
    return ticket;
  }

  ConnectionBook book_{{8}};  // 6 WebSockets, 4 of a client
  bool full_ = false;
  std::string refusal_;
  int last_ = 0;
  std::vector<int> ended_;  // in the order of arrival, from 1
};

TEST_F(ConnectionBookTest, AQuarterIsKeptForRequests) {
  EXPECT_EQ(ConnectionBounds{256}.web_sockets(), 192U);
  EXPECT_EQ(ConnectionBounds{256}.web_sockets_of_a_client(), 128U);
  for (const std::size_t all : {1U, 2U, 3U, 4U, 10'000U}) {
    EXPECT_GE(ConnectionBounds{all}.web_sockets_of_a_client(), 1U) << all;
    EXPECT_LE(ConnectionBounds{all}.web_sockets_of_a_client(), ConnectionBounds{all}.web_sockets()) << all;
  }
}

TEST_F(ConnectionBookTest, TheIdleRequestOfWhoeverHasMostMakesWay) {
  std::vector<ConnectionBook::Ticket> tickets;
  for (const char* client : {"a", "b", "b", "b", "a", "c", "c", "b"})
    tickets.push_back(request(client));
  EXPECT_THAT(ended_, IsEmpty());
  tickets.push_back(request("d"));
  EXPECT_FALSE(full_);
  EXPECT_THAT(ended_, ElementsAre(2)) << "the first of b";
  tickets[2]->set_idle(false);  // it is being answered
  tickets.push_back(request("d"));
  EXPECT_THAT(ended_, ElementsAre(2, 4));
  EXPECT_EQ(book_.current(), 8U);
}

TEST_F(ConnectionBookTest, WhenNobodyIsIdleTheNextIsRefused) {
  std::vector<ConnectionBook::Ticket> tickets;
  for (int i = 0; i < 8; ++i)
    tickets.push_back(request("a"));
  for (const auto& ticket : tickets)
    ticket->set_idle(false);
  tickets.push_back(request("b"));
  EXPECT_TRUE(full_);
  EXPECT_EQ(book_.counters().refused, 1U);
  tickets.clear();
  EXPECT_EQ(book_.current(), 0U);
  tickets.push_back(request("b"));
  EXPECT_FALSE(full_);
}

TEST_F(ConnectionBookTest, AWebSocketThatNeverSaidWhatItWatchesMakesWayAndOthersDoNot) {
  std::vector<ConnectionBook::Ticket> tickets;
  for (int i = 0; i < 4; ++i)
    tickets.push_back(web_socket("a", i != 1));
  tickets.push_back(web_socket("a", true));
  EXPECT_EQ(refusal_, "");
  EXPECT_THAT(ended_, ElementsAre(2));
  tickets.push_back(web_socket("a", true));
  EXPECT_THAT(refusal_, HasSubstr("too many WebSockets of a: 4 at most"));
  tickets.back().reset();
  tickets.push_back(web_socket("b", true));
  EXPECT_EQ(refusal_, "");
  tickets.push_back(web_socket("c", false));
  EXPECT_EQ(refusal_, "");
  tickets.push_back(web_socket("d", true));
  EXPECT_EQ(refusal_, "") << "that of c makes way";
  tickets.push_back(web_socket("e", true));
  EXPECT_THAT(refusal_, HasSubstr("too many WebSockets: 6 at most"));
  EXPECT_EQ(book_.web_sockets(), 6U);
  EXPECT_EQ(book_.counters().web_sockets_refused, 2U);
}

TEST_F(ConnectionBookTest, ATicketMayOutliveTheBook) {
  ConnectionBook::Ticket ticket;
  {
    ConnectionBook book({8});
    ticket = book.enter("a", full_);
  }
  ticket->set_idle(true);
}

}  // namespace
}  // namespace trainbus
