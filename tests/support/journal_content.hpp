#pragma once
// What a broker's journal has, asked page by page as a consumer asks.

#include <functional>

#include "tests/support/plain_peer.hpp"

namespace trainbus::test {

struct JournalContent {
  std::vector<v1::MetricsRequest> records;  // in journal order
  std::vector<v1::LostRange> lost;
  std::string error;  // the broker's, instead of the rest
};

inline JournalContent journal_content(const Endpoints& broker, v1::FetchRequest request = {}) {
  PlainPeer peer(broker);
  JournalContent content;
  for (bool at_end = false; !at_end;) {
    v1::MetricsRequest question;
    *question.mutable_fetch() = request;
    const auto answer = peer.ask(question);
    if (!answer.has_fetch_reply()) {
      content.error = answer.has_error() ? answer.error().message() : "no answer";
      return content;
    }
    const auto& reply = answer.fetch_reply();
    for (const auto& record : reply.records())
      content.records.emplace_back().ParseFromString(record.message());
    content.lost.insert(content.lost.end(), reply.lost().begin(), reply.lost().end());
    request.set_after_position(reply.next_position());
    request.clear_heads();
    at_end = reply.at_end();
  }
  return content;
}

}  // namespace trainbus::test
