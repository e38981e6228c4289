#include "media_api.hpp"

#include <charconv>

#include "json_text.hpp"
#include "media_json.hpp"
#include "picture_size.hpp"
#include "trainbus/media.hpp"

namespace trainbus {
namespace {

Answer list(const SessionName& session, const TrainerModel& trainer) {
  Answer answer;
  {  // closed before the answer moves away
    JsonObject object(answer.body);
    object.add("run", session.run).add("trainer", session.trainer);
    object.add("records_of_left_out_names", trainer.media().records_of_left_out_names());
    append_media_list(object.key("media"), trainer.media(), trainer.curves().placement());
  }
  return answer;
}

Answer content(const TrainerModel& trainer, const MediaRecord& record) {
  Answer answer;
  append_media(answer.body, record, trainer.curves().placement());
  return answer;
}

// The newest record, or the last at or before the step on the line; else the oldest there is.
Answer by_name(const TrainerModel& trainer, const RequestTarget& target) {
  const auto step = target.number("step", kNoBound);
  if (!step) return refusal(400, "step must be a number");
  const auto found = trainer.media().all().find(target.query.at("name"));
  if (found == trainer.media().all().end()) return refusal(404, "no media of this name; without a name all are listed");
  const auto& records = found->second.records;
  const MediaRecord* chosen = &records.front();
  for (const auto& record : records) {
    const Place* place = trainer.curves().placement().find(Axis::kStep, record.incarnation);
    if (record.step + (place == nullptr ? 0 : place->offset) <= *step) chosen = &record;
  }
  return content(trainer, *chosen);
}

Answer picture(const MediaRecord& record, const std::string& index_text) {
  int index = -1;
  const auto [end, error] = std::from_chars(index_text.data(), index_text.data() + index_text.size(), index);
  const bool good = error == std::errc{} && end == index_text.data() + index_text.size();
  if (!good || index < 0 || index >= record.data->images().images_size()) return refusal(404, "no such picture");
  const v1::ImageData& image = record.data->images().images(index);
  const auto facts = picture_facts(image.image_bytes());
  if (!facts) return refusal(422, "neither a JPEG nor a PNG");
  if (facts->width > kMaxMediaPixels || facts->height > kMaxMediaPixels)
    return refusal(422, "the picture has " + std::to_string(facts->width) + " x " + std::to_string(facts->height) +
                            " pixels, " + std::to_string(kMaxMediaPixels) + " a side at most");
  return {.body = image.image_bytes(), .content_type = facts->content_type, .lasting = true};
}

}  // namespace

Answer answer_media(const BusModel& model, const RequestTarget& target) {
  const SessionName session{target.segments[2], target.segments[3]};
  const TrainerModel* trainer = model.find(session);
  if (trainer == nullptr) return refusal(404, "no trainer " + session.id());
  if (target.segments.size() == 5)
    return target.query.contains("name") ? by_name(*trainer, target) : list(session, *trainer);
  const MediaRecord* record = trainer->media().find(target.segments[5]);
  if (record == nullptr) return refusal(404, "no such record, or no longer kept");
  return target.segments.size() == 6 ? content(*trainer, *record) : picture(*record, target.segments[6]);
}

}  // namespace trainbus
