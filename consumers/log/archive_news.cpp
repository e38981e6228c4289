#include "archive_news.hpp"

#include <spdlog/spdlog.h>

#include <utility>

namespace trainbus {
namespace {

constexpr std::chrono::milliseconds kArchivePatience{1000};

void add_head(v1::FetchRequest& part, const StreamKey& stream, std::uint64_t sequence) {
  auto& head = *part.add_heads();
  head.set_session_id(stream.session_id);
  head.set_incarnation(stream.incarnation);
  head.set_kind(stream.kind);
  head.set_sequence(sequence);
}

}  // namespace

ArchiveNews::ArchiveNews(std::string broker) : broker_(std::move(broker)), client_(broker_) {}

void ArchiveNews::turn(const std::vector<SinkReport>& reports, Time now) {
  for (const auto& report : reports) {
    if (report.archive.empty() || report.on_disk == nullptr) continue;
    auto& said = said_[report.label];
    const bool changed = said.lacks || said.heads != report.on_disk;
    if (now >= said.next && (changed || now >= said.alive)) say(report, said, now);
  }
}

void ArchiveNews::end(const std::vector<SinkReport>& reports, Time now) {
  for (auto& [label, said] : said_)
    said.next = said.alive = now;
  turn(reports, now);
}

std::optional<v1::FetchReply> ArchiveNews::send(v1::FetchRequest& part) {
  v1::MetricsRequest question;
  question.mutable_fetch()->Swap(&part);
  auto answer = client_.ask(std::move(question), kArchivePatience);
  problem_ = client_.refusal();
  if (!answer || !answer->has_fetch_reply()) {
    if (answer && answer->has_error()) problem_ = answer->error().message();
    return std::nullopt;
  }
  if (answer->fetch_reply().records_size() > 0) problem_ = "it is a broker of a version that knows no archives";
  return std::move(*answer->mutable_fetch_reply());
}

void ArchiveNews::say(const SinkReport& report, Said& said, Time now) {
  constexpr std::uint64_t kGoesOn = 1;
  said.next = now + kEvery;
  said.alive = now + kAlive;
  said.lacks = true;
  v1::FetchRequest part;
  const auto begin = [&] {
    part.Clear();
    part.set_archived_by(report.archive);
    part.set_max_bytes(1);  // to a broker that knows no archives this asks for records
  };
  begin();
  bool taken = true;
  for (const auto& [stream, sequence] : *report.on_disk) {
    if (static_cast<std::size_t>(part.heads_size()) == kHeadsAPart) {
      part.set_after_position(kGoesOn);
      taken = send(part).has_value();
      if (!taken) break;
      begin();
    }
    add_head(part, stream, sequence);
  }
  const auto reply = taken ? send(part) : std::nullopt;
  if (reply && problem_.empty()) {
    said.heads = report.on_disk;
    said.lacks = reply->next_position() < reply->end_position();
  }
  if (const auto problem = std::exchange(problem_, {}); !problem.empty() && now >= said.complain) {
    said.complain = now + kComplainEvery;
    spdlog::warn("{}: the broker at {} does not take it as archive '{}': {}", report.label, broker_, report.archive,
                 problem);
  }
}

}  // namespace trainbus
