#include "record_values.hpp"

namespace trainbus {
namespace {

using Map = google::protobuf::Map<std::string, double>;

struct BatchField {
  const char* name;
  bool (v1::BatchData::*has)() const;
  double (v1::BatchData::*get)() const;
};
constexpr BatchField kBatchFields[] = {
    {"loss", &v1::BatchData::has_batch_loss, &v1::BatchData::batch_loss},
    {"accuracy", &v1::BatchData::has_batch_accuracy, &v1::BatchData::batch_accuracy},
    {"learning_rate", &v1::BatchData::has_learning_rate, &v1::BatchData::learning_rate},
};

struct EpochField {
  const char* name;
  bool (v1::EpochData::*has)() const;
  double (v1::EpochData::*get)() const;
  bool repeats_batches = false;
};
constexpr EpochField kEpochFields[] = {
    {"epoch_loss", &v1::EpochData::has_average_loss, &v1::EpochData::average_loss, true},
    {"epoch_accuracy", &v1::EpochData::has_average_accuracy, &v1::EpochData::average_accuracy, true},
    {"validation_loss", &v1::EpochData::has_validation_loss, &v1::EpochData::validation_loss},
    {"validation_accuracy", &v1::EpochData::has_validation_accuracy, &v1::EpochData::validation_accuracy},
};

std::uint64_t step_of(const v1::MetricsRequest& record) {
  if (record.has_batch_data()) return record.batch_data().step();
  return record.has_epoch_data() ? record.epoch_data().step() : record.scalar_data().step();
}

const Map& named_values(const v1::MetricsRequest& record) {
  if (record.has_batch_data()) return record.batch_data().scalars();
  return record.has_epoch_data() ? record.epoch_data().scalars() : record.scalar_data().values();
}

// nullptr: none of these fields is called so.
template <class Fields>
const auto* field_named(const Fields& fields, const std::string& name) {
  for (const auto& field : fields)
    if (name == field.name) return &field;
  return static_cast<decltype(&fields[0])>(nullptr);
}

template <class Payload, class Field>
std::optional<RecordValue> said(const Payload& payload, const Field& field) {
  return (payload.*field.has)() ? std::optional(RecordValue{payload.step(), (payload.*field.get)()}) : std::nullopt;
}

}  // namespace

std::optional<RecordValue> value_in(const v1::MetricsRequest& record, const std::string& name) {
  const auto* of_batch = field_named(kBatchFields, name);
  const auto* of_epoch = field_named(kEpochFields, name);
  if (of_batch != nullptr) return record.has_batch_data() ? said(record.batch_data(), *of_batch) : std::nullopt;
  if (of_epoch != nullptr) return record.has_epoch_data() ? said(record.epoch_data(), *of_epoch) : std::nullopt;
  const auto& values = named_values(record);
  const auto found = values.find(name);
  return found == values.end() ? std::nullopt : std::optional(RecordValue{step_of(record), found->second});
}

void for_each_value(const v1::MetricsRequest& record,
                    const std::function<void(const std::string&, const RecordValue&)>& take) {
  if (record.has_batch_data())
    for (const auto& field : kBatchFields)
      if (const auto value = said(record.batch_data(), field)) take(field.name, *value);
  if (record.has_epoch_data())
    for (const auto& field : kEpochFields)
      if (const auto value = said(record.epoch_data(), field); value && !field.repeats_batches)
        take(field.name, *value);
  for (const auto& [name, value] : named_values(record))
    take(name, {step_of(record), value});
}

}  // namespace trainbus
