#include "media_json.hpp"

#include "curve_json.hpp"
#include "json_text.hpp"

namespace trainbus {
namespace {

void add_entry(JsonObject& object, const MediaRecord& record, const Placement& placement) {
  const Place* place = placement.find(Axis::kStep, record.incarnation);
  object.add("id", record.id()).add("incarnation", std::to_string(record.incarnation));
  object.add("step", record.step + (place == nullptr ? 0 : place->offset)).add("timestamp_ms", record.timestamp_ms);
}

template <class Values>
void add_values(JsonObject& object, std::string_view name, const Values& values) {
  std::string& out = object.key(name);
  append_json_array(out, values, [&](double value) { append_value(out, value); });
}

template <class Texts>
void add_texts(JsonObject& object, std::string_view name, const Texts& texts) {
  std::string& out = object.key(name);
  append_json_array(out, texts, [&](const std::string& text) { append_json_string(out, text); });
}

void add_images(JsonObject& object, const v1::ImageSet& set) {
  std::string& out = object.key("images");
  int index = 0;
  append_json_array(out, set.images(), [&](const v1::ImageData& image) {
    JsonObject one(out);
    one.add("width", image.width()).add("height", image.height());
    one.add("caption", index < set.captions_size() ? std::string_view(set.captions(index)) : std::string_view{});
    ++index;
  });
}

}  // namespace

void append_media_entry(std::string& out, const MediaRecord& record, const Placement& placement) {
  JsonObject object(out);
  add_entry(object, record, placement);
}

void append_media_list(std::string& out, const MediaStore& media, const Placement& placement) {
  append_json_array(out, media.all(), [&](const auto& entry) {
    const auto& [name, named] = entry;
    JsonObject object(out);
    object.add("name", name).add("type", media_type(*named.records.back().data));
    object.add("left_out", named.left_out);
    append_json_array(object.key("records"), named.records,
                      [&](const MediaRecord& record) { append_media_entry(out, record, placement); });
  });
}

void append_media(std::string& out, const MediaRecord& record, const Placement& placement) {
  const v1::MediaData& media = *record.data;
  JsonObject object(out);
  add_entry(object, record, placement);
  object.add("name", media.name()).add("type", media_type(media));
  if (media.has_text()) object.add("text", media.text());
  if (media.has_images()) add_images(object, media.images());
  if (media.has_histogram()) {
    add_values(object, "edges", media.histogram().edges());
    add_values(object, "counts", media.histogram().counts());
  }
  if (media.has_table()) {
    add_texts(object, "columns", media.table().columns());
    add_texts(object, "rows", media.table().rows());
    add_values(object, "values", media.table().values());
  }
}

}  // namespace trainbus
