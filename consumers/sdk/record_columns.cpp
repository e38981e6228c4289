#include "trainbus/record_columns.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "trainbus/record_json.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

struct Listed {
  std::string_view path;
  std::string_view name = {};  // the path's last part
  Column::Zero zero = Column::Zero::kIsSaid;
};
constexpr auto kZeroIsAbsent = Column::Zero::kIsAbsent;

constexpr Listed kBatch[] = {{"step", {}, kZeroIsAbsent},
                             {"epoch"},
                             {"batch_idx"},
                             {"batch_size", {}, kZeroIsAbsent},
                             {"batch_loss"},
                             {"batch_accuracy"},
                             {"learning_rate"},
                             {"ground_truth"},
                             {"predictions.predicted_class"},
                             {"predictions.confidence"}};
constexpr Listed kEpoch[] = {
    {"step", {}, kZeroIsAbsent}, {"epoch"},        {"average_loss"},    {"average_accuracy"},
    {"learning_rate"},           {"is_converged"}, {"validation_loss"}, {"validation_accuracy"}};
constexpr Listed kPerf[] = {{"step", {}, kZeroIsAbsent},
                            {"time_per_batch_ms"},
                            {"total_time_for_epoch_sec"},
                            {"estimated_time_remaining_sec"},
                            {"current_fps"},
                            {"average_fps"},
                            {"resource_usage.cpu_percent"},
                            {"resource_usage.memory_mb"},
                            {"resource_usage.gpu_percent"},
                            {"resource_usage.gpu_memory_mb"}};
constexpr Listed kStatus[] = {{"step", {}, kZeroIsAbsent},
                              {"status"},
                              {"message"},
                              {"config.total_epochs", {}, kZeroIsAbsent},
                              {"config.batches_per_epoch", {}, kZeroIsAbsent},
                              {"config.batch_size", {}, kZeroIsAbsent},
                              {"config.learning_rate"},
                              {"config.model_name"},
                              {"config.dataset_name"},
                              {"config.class_names"},
                              {"config.first_step"},
                              {"config.parameters"},
                              {"config.tags"},
                              {"config.notes"},
                              {"config.knobs"}};
constexpr Listed kCommand[] = {{"command_id"},
                               {"type"},
                               {"parameters[value]", "value"},
                               {"state"},
                               {"issuer"},
                               {"expected_incarnation", {}, kZeroIsAbsent},
                               {"deadline_ms", {}, kZeroIsAbsent},
                               {"applied_step", {}, Column::Zero::kIsSaidOnceApplied},
                               {"old_value"},
                               {"new_value"},
                               {"reason"},
                               {"parameters[name]", "knob"},
                               {"time_to_live_ms", {}, kZeroIsAbsent}};
constexpr Listed kAlert[] = {
    {"alert_id"}, {"rule"}, {"active"}, {"message"}, {"trainer_incarnation", {}, kZeroIsAbsent}, {"value"}};
constexpr Listed kScalars[] = {{"step", {}, kZeroIsAbsent}, {"epoch", {}, kZeroIsAbsent}};
constexpr Listed kMedia[] = {{"step", {}, kZeroIsAbsent}, {"name"}};

constexpr std::string_view kNotOfBatch[] = {"images", "predictions.predicted_label", "predictions.top_k_scores",
                                            "timestamp_ms", "scalars"};
constexpr std::string_view kNotOfEpoch[] = {"timestamp_ms", "scalars"};
constexpr std::string_view kNotOfScalars[] = {"values", "timestamp_ms"};
// In the made columns `type` and `content`.
constexpr std::string_view kNotOfMedia[] = {"timestamp_ms", "text", "images", "histogram", "table"};
constexpr std::string_view kNotOfOthers[] = {"timestamp_ms"};

struct Layout {
  Kind kind;
  std::string_view table;
  std::span<const Listed> columns;
  std::span<const std::string_view> left_out;
  const Message& (*payload)(const v1::MetricsRequest&);
};

template <auto getter>
const Message& payload_of(const v1::MetricsRequest& message) {
  return (message.*getter)();
}

const Layout kLayouts[] = {
    {v1::KIND_BATCH, "batches", kBatch, kNotOfBatch, payload_of<&v1::MetricsRequest::batch_data>},
    {v1::KIND_EPOCH, "epochs", kEpoch, kNotOfEpoch, payload_of<&v1::MetricsRequest::epoch_data>},
    {v1::KIND_PERF, "perf", kPerf, kNotOfOthers, payload_of<&v1::MetricsRequest::performance_data>},
    {v1::KIND_STATUS, "status", kStatus, kNotOfOthers, payload_of<&v1::MetricsRequest::status_update>},
    {v1::KIND_COMMAND, "commands", kCommand, {}, payload_of<&v1::MetricsRequest::command>},
    {v1::KIND_ALERT, "alerts", kAlert, kNotOfOthers, payload_of<&v1::MetricsRequest::alert>},
    {v1::KIND_SCALARS, "scalars", kScalars, kNotOfScalars, payload_of<&v1::MetricsRequest::scalar_data>},
    {v1::KIND_MEDIA, "media", kMedia, kNotOfMedia, payload_of<&v1::MetricsRequest::media_data>},
};

const Layout& layout_of(Kind kind) {
  const auto* found = std::ranges::find(kLayouts, kind, &Layout::kind);
  if (found == std::end(kLayouts)) throw std::out_of_range("no kept kind");
  return *found;
}

// --- media ------------------------------------------------------------------------------------------------------

const FieldDescriptor* media_content(const Message& payload) {
  static const auto* const kContent = v1::MediaData::descriptor()->FindOneofByName("content");
  return payload.GetReflection()->GetOneofFieldDescriptor(payload, kContent);
}

ColumnValue media_type(const Message& payload) {
  const auto* content = media_content(payload);
  if (content == nullptr) return {};
  return std::string_view(content->name());
}

// Sizes, not bytes.
std::string images_json(const v1::ImageSet& set) {
  std::string json = "[";
  for (int i = 0; i < set.images_size(); ++i) {
    const auto& image = set.images(i);
    json += i == 0 ? "{\"width\":" : ",{\"width\":";
    json += std::to_string(image.width()) + ",\"height\":" + std::to_string(image.height()) +
            ",\"bytes\":" + std::to_string(image.image_bytes().size()) + ",\"format\":";
    append_json_string(json, image.format());
    if (i < set.captions_size()) append_json_string(json += ",\"caption\":", set.captions(i));
    json += '}';
  }
  return json += ']';
}

ColumnValue media_text(const Message& payload) {
  const auto& media = static_cast<const v1::MediaData&>(payload);
  switch (media.content_case()) {
    case v1::MediaData::kText: return std::string_view(media.text());
    case v1::MediaData::kImages: return images_json(media.images());
    case v1::MediaData::kHistogram: return message_json(media.histogram());
    case v1::MediaData::kTable: return message_json(media.table());
    default: return {};
  }
}

std::vector<Column> columns_of(const Layout& layout) {
  const auto& payload = *layout.payload(v1::MetricsRequest::default_instance()).GetDescriptor();
  std::vector<Column> columns;
  for (const auto& listed : layout.columns)
    columns.emplace_back(payload, listed.path, listed.name, listed.zero);
  if (layout.kind == v1::KIND_MEDIA) {
    columns.emplace_back("type", ColumnType::kText, media_type);
    columns.emplace_back("content", ColumnType::kText, media_text);
  }
  return columns;
}

// --- fields -----------------------------------------------------------------------------------------------------

ColumnType type_of(const FieldDescriptor& field, bool is_list) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT: return is_list ? ColumnType::kReals : ColumnType::kReal;
    case FieldDescriptor::CPPTYPE_BOOL: return ColumnType::kBoolean;
    case FieldDescriptor::CPPTYPE_ENUM: return ColumnType::kText;
    case FieldDescriptor::CPPTYPE_STRING: return is_list ? ColumnType::kTexts : ColumnType::kText;
    case FieldDescriptor::CPPTYPE_MESSAGE: return ColumnType::kJson;
    default: return is_list ? ColumnType::kIntegers : ColumnType::kInteger;
  }
}

bool is_wide(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_FLOAT: return false;
    default: return true;
  }
}

ColumnValue text_or_absent(const std::string& text) {
  if (text.empty()) return {};
  return std::string_view(text);
}

ColumnValue single_value(const Message& message, const FieldDescriptor& field) {
  const auto& from = *message.GetReflection();
  std::string scratch;  // only for strings that protobuf keeps in another form, of which the schema has none
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32: return std::int64_t{from.GetInt32(message, &field)};
    case FieldDescriptor::CPPTYPE_INT64: return std::int64_t{from.GetInt64(message, &field)};
    case FieldDescriptor::CPPTYPE_UINT32: return std::uint64_t{from.GetUInt32(message, &field)};
    case FieldDescriptor::CPPTYPE_UINT64: return std::uint64_t{from.GetUInt64(message, &field)};
    case FieldDescriptor::CPPTYPE_DOUBLE: return from.GetDouble(message, &field);
    case FieldDescriptor::CPPTYPE_FLOAT: return from.GetFloat(message, &field);
    case FieldDescriptor::CPPTYPE_BOOL: return from.GetBool(message, &field);
    case FieldDescriptor::CPPTYPE_ENUM: return enum_word(*field.enum_type(), from.GetEnumValue(message, &field));
    case FieldDescriptor::CPPTYPE_STRING: return text_or_absent(from.GetStringReference(message, &field, &scratch));
    case FieldDescriptor::CPPTYPE_MESSAGE: return message_json(from.GetMessage(message, &field));
  }
  return {};
}

ColumnValue map_value(const Message& message, const FieldDescriptor& map, const std::string& key) {
  const auto& from = *message.GetReflection();
  for (int i = 0; i < from.FieldSize(message, &map); ++i) {
    const auto& entry = from.GetRepeatedMessage(message, &map, i);
    const auto& type = *entry.GetDescriptor();
    std::string scratch;
    if (entry.GetReflection()->GetStringReference(entry, type.map_key(), &scratch) != key) continue;
    return std::string_view(entry.GetReflection()->GetStringReference(entry, type.map_value(), &scratch));
  }
  return {};
}

bool is_zero(const ColumnValue& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number == 0;
  if (const auto* number = std::get_if<std::uint64_t>(&value)) return *number == 0;
  return false;
}

const FieldDescriptor& field_named(const Descriptor& message, std::string_view name, std::string_view path) {
  const auto* field = message.FindFieldByName(std::string(name));
  if (field == nullptr) throw std::logic_error("no field '" + std::string(path) + "' in " + message.full_name());
  return *field;
}

bool is_applied(const Message& payload) {
  return static_cast<const v1::ControlCommand&>(payload).state() == v1::COMMAND_APPLIED;
}

}  // namespace

std::string_view column_type_name(ColumnType type) {
  switch (type) {
    case ColumnType::kInteger: return "integer";
    case ColumnType::kReal: return "real";
    case ColumnType::kBoolean: return "boolean";
    case ColumnType::kText: return "text";
    case ColumnType::kIntegers: return "list of integers";
    case ColumnType::kReals: return "list of reals";
    case ColumnType::kTexts: return "list of texts";
    case ColumnType::kJson: return "JSON";
  }
  return "";
}

int ColumnList::size() const { return message_->GetReflection()->FieldSize(*message_, repeated_); }

ColumnItem ColumnList::operator[](int index) const {
  const auto& from = *message_->GetReflection();
  if (leaf_ != nullptr) {
    const auto value = single_value(from.GetRepeatedMessage(*message_, repeated_, index), *leaf_);
    if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
    if (const auto* number = std::get_if<float>(&value)) return *number;
    if (const auto* number = std::get_if<double>(&value)) return *number;
    const auto* text = std::get_if<std::string_view>(&value);
    return text != nullptr ? *text : std::string_view();
  }
  std::string scratch;
  switch (repeated_->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32: return std::int64_t{from.GetRepeatedInt32(*message_, repeated_, index)};
    case FieldDescriptor::CPPTYPE_DOUBLE: return from.GetRepeatedDouble(*message_, repeated_, index);
    case FieldDescriptor::CPPTYPE_FLOAT: return from.GetRepeatedFloat(*message_, repeated_, index);
    default: return std::string_view(from.GetRepeatedStringReference(*message_, repeated_, index, &scratch));
  }
}

Column::Column(const Descriptor& payload, std::string_view path, std::string_view name, Zero zero)
    : path_(path), zero_(zero) {
  const auto* message = &payload;
  auto rest = path;
  if (const auto bracket = rest.find('['); bracket != std::string_view::npos) {
    map_key_ = rest.substr(bracket + 1, rest.size() - bracket - 2);
    rest = rest.substr(0, bracket);
  }
  for (auto dot = rest.find('.'); dot != std::string_view::npos && field_ == nullptr; dot = rest.find('.')) {
    const auto& field = field_named(*message, rest.substr(0, dot), path);
    field.is_repeated() ? void(field_ = &field) : parents_.push_back(&field);
    message = field.message_type();
    rest.remove_prefix(dot + 1);
  }
  const auto& last = field_named(*message, rest, path);
  if (field_ != nullptr)
    leaf_ = &last;
  else
    field_ = &last;
  name_ = name.empty() ? rest : name;
  type_ = map_key_.empty() ? type_of(last, field_->is_repeated()) : ColumnType::kText;
  is_wide_ = trainbus::is_wide(last);
}

Column::Column(std::string name, ColumnType type, Maker maker) : name_(std::move(name)), type_(type), maker_(maker) {}

ColumnValue Column::value(const Message& payload) const {
  if (maker_ != nullptr) return maker_(payload);
  const auto* message = &payload;
  for (const auto* parent : parents_) {
    const auto& from = *message->GetReflection();
    if (!from.HasField(*message, parent)) return {};
    message = &from.GetMessage(*message, parent);
  }
  const auto& from = *message->GetReflection();
  if (!map_key_.empty()) return map_value(*message, *field_, map_key_);
  if (field_->is_repeated()) {
    if (from.FieldSize(*message, field_) == 0) return {};
    if (type_ == ColumnType::kJson) return field_json(*message, *field_);
    return ColumnList(*message, *field_, leaf_);
  }
  if (field_->has_presence() && !from.HasField(*message, field_)) return {};
  auto value = single_value(*message, *field_);
  if (zero_ != Zero::kIsSaid && is_zero(value) && !(zero_ == Zero::kIsSaidOnceApplied && is_applied(payload)))
    return {};
  return value;
}

std::span<const Column> record_columns(Kind kind) {
  static const auto kColumns = [] {
    std::array<std::vector<Column>, v1::Kind_ARRAYSIZE> columns;
    for (const auto& layout : kLayouts)
      columns[layout.kind] = columns_of(layout);
    return columns;
  }();
  return kColumns.at(static_cast<std::size_t>(kind));
}

std::span<const std::string_view> fields_without_column(Kind kind) { return layout_of(kind).left_out; }

bool is_of_plan(const Column& column) { return column.path().starts_with("config."); }

std::string_view record_table_name(Kind kind) { return layout_of(kind).table; }

const Message& record_payload(Kind kind, const v1::MetricsRequest& message) { return layout_of(kind).payload(message); }

bool has_named_values(Kind kind) {
  return kind == v1::KIND_BATCH || kind == v1::KIND_EPOCH || kind == v1::KIND_SCALARS;
}

void read_named_values(const v1::MetricsRequest& message, RecordValues& set) {
  set.values.clear();
  const auto take = [&set](const auto& data, const auto& values) {
    set.step = data.step() != 0 ? std::optional(data.step()) : std::nullopt;
    set.epoch = data.epoch();
    for (const auto& [name, value] : values)
      set.values.push_back({name, value});
  };
  if (message.has_batch_data())
    take(message.batch_data(), message.batch_data().scalars());
  else if (message.has_epoch_data())
    take(message.epoch_data(), message.epoch_data().scalars());
  else if (message.has_scalar_data())
    take(message.scalar_data(), message.scalar_data().values());
  if (message.has_scalar_data() && message.scalar_data().epoch() == 0) set.epoch.reset();
  std::ranges::sort(set.values, {}, &RecordValue::name);
}

std::string enum_word(const google::protobuf::EnumDescriptor& type, int number) {
  if (&type == v1::CommandState_descriptor()) return std::string(command_state_name(v1::CommandState(number)));
  const auto* value = type.FindValueByNumber(number);
  return value != nullptr ? value->name() : std::to_string(number);
}

}  // namespace trainbus
