#include "trainers_api.hpp"

#include <cmath>

#include "json_text.hpp"
#include "site.hpp"
#include "trainer_json.hpp"

namespace trainbus {
namespace {

constexpr std::size_t kMaxPageBytes = 4 << 20;
constexpr double kMostTrainers = 10'000;
constexpr double kTrainersOfAPage = 1'000;

struct Page {
  std::pair<std::string, std::string> after;  // run, trainer
  std::size_t limit = 0;
  TrainerDetail detail = TrainerDetail::kAll;
};

// The problem with the request; empty when it is good.
std::string read_page(const RequestTarget& target, Page& page) {
  const auto limit = target.number("limit", kTrainersOfAPage);
  if (!limit || *limit < 1 || *limit > kMostTrainers || *limit != std::floor(*limit))
    return "limit must be a whole number from 1 to 10000";
  page.limit = static_cast<std::size_t>(*limit);
  const auto after = target.query.find("after");
  if (after != target.query.end() && !after->second.empty()) {
    const auto session = parse_session_id(after->second);
    if (!session) return "after must be RUN/TRAINER";
    page.after = {session->run, session->trainer};
  }
  if (after != target.query.end() || target.query.contains("limit")) page.detail = TrainerDetail::kFigures;
  return {};
}

void append(std::string& out, const Site& site, const TrainerModel& trainer, TrainerDetail detail) {
  append_trainer(out, trainer, site.hub.moment(), site.tiles.watched(trainer.view().session()), detail);
}

}  // namespace

Answer answer_trainers(const Site& site, const RequestTarget& target) {
  Page page;
  if (const auto problem = read_page(target, page); !problem.empty()) return refusal(400, problem);
  const auto& all = site.model.trainers();
  auto at = page.after.first.empty() ? all.begin() : all.upper_bound(page.after);
  Answer answer;
  {  // closed before the answer moves away
    JsonObject object(answer.body);
    object.add("total", all.size());
    std::string& out = object.key("trainers") += '[';
    std::string last;
    for (std::size_t count = 0; at != all.end() && count < page.limit; ++at, ++count) {
      if (count > 0 && out.size() >= kMaxPageBytes) break;
      if (count > 0) out += ',';
      append(out, site, at->second, page.detail);
      append_beside(out, at->second, site.hub.moment(), page.detail);
      last = at->second.view().session().id();
    }
    out += ']';
    object.add("truncated", at != all.end());
    if (at != all.end()) object.add("next", last);
  }
  return answer;
}

Answer answer_trainer(const Site& site, const RequestTarget& target) {
  const SessionName session{target.segments[2], target.segments[3]};
  const TrainerModel* trainer = site.model.find(session);
  if (trainer == nullptr) return refusal(404, "no trainer '" + session.id() + '\'');
  Answer answer;
  append(answer.body, site, *trainer, TrainerDetail::kAll);
  return answer;
}

}  // namespace trainbus
