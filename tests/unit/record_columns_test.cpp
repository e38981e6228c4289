// The one description of a record's columns, against the schema and against its README.
#include "trainbus/record_columns.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "support/rich_training.hpp"

namespace trainbus {
namespace {

using google::protobuf::Descriptor;
using testing::ElementsAre;
using testing::IsEmpty;

const Column& column_named(Kind kind, std::string_view name) {
  const auto columns = record_columns(kind);
  const auto found = std::ranges::find(columns, name, &Column::name);
  if (found == columns.end()) throw std::out_of_range(std::string(name));
  return *found;
}

ColumnValue value_of(const Record& record, std::string_view name) {
  const auto kind = record.topic.kind;
  return column_named(kind, name).value(record_payload(kind, record.message));
}

bool is_absent(const ColumnValue& value) { return std::holds_alternative<std::monostate>(value); }

// "config.tags" of a payload: its fields, and those of the messages in it that have columns of their own.
void add_paths(std::set<std::string>& paths, const Descriptor& message, const std::string& before,
               const std::set<std::string>& opened) {
  for (int i = 0; i < message.field_count(); ++i) {
    const auto& field = *message.field(i);
    const auto path = before + field.name();
    if (opened.contains(path))
      add_paths(paths, *field.message_type(), path + '.', opened);
    else
      paths.insert(path);
  }
}

TEST(RecordColumns, HoldEveryFieldOfTheSchemaOrNameItAsLeftOut) {
  for (const auto kind : kKeptKinds) {
    std::set<std::string> known, opened;
    for (const auto& column : record_columns(kind))
      if (!column.path().empty()) known.insert(column.path().substr(0, column.path().find('[')));
    for (const auto path : fields_without_column(kind))
      EXPECT_TRUE(known.emplace(path).second) << path << " is a column and left out";
    for (const auto& path : known)
      for (auto dot = path.find('.'); dot != std::string::npos; dot = path.find('.', dot + 1))
        opened.insert(path.substr(0, dot));
    std::set<std::string> paths;
    const auto& payload = record_payload(kind, v1::MetricsRequest::default_instance());
    add_paths(paths, *payload.GetDescriptor(), "", opened);
    EXPECT_EQ(known, paths) << kind_name(kind)
                            << ": a field belongs into the list of columns in record_columns.cpp, or "
                            << "into the list of those that have none";
  }
}

TEST(RecordColumns, HaveTheirOwnNamesWithinAKind) {
  for (const auto kind : kKeptKinds) {
    std::set<std::string> names{"run", "trainer", "incarnation", "sequence", "timestamp_ms", "nan", "kind"};
    for (const auto& column : record_columns(kind))
      EXPECT_TRUE(names.insert(column.name()).second) << kind_name(kind) << ' ' << column.name();
  }
}

TEST(RecordColumns, TakeTypesFromTheSchema) {
  EXPECT_EQ(column_named(v1::KIND_BATCH, "step").type(), ColumnType::kInteger);
  EXPECT_TRUE(column_named(v1::KIND_BATCH, "step").is_wide());
  EXPECT_FALSE(column_named(v1::KIND_BATCH, "epoch").is_wide());
  EXPECT_EQ(column_named(v1::KIND_BATCH, "confidence").type(), ColumnType::kReals);
  EXPECT_EQ(column_named(v1::KIND_STATUS, "status").type(), ColumnType::kText);
  EXPECT_EQ(column_named(v1::KIND_STATUS, "tags").type(), ColumnType::kTexts);
  EXPECT_EQ(column_named(v1::KIND_STATUS, "parameters").type(), ColumnType::kJson);
  EXPECT_EQ(column_named(v1::KIND_COMMAND, "knob").type(), ColumnType::kText);
  EXPECT_EQ(column_named(v1::KIND_EPOCH, "is_converged").type(), ColumnType::kBoolean);
}

TEST(RecordColumns, TellWhatWasNotSaidFromZeroAndNan) {
  auto batch = test::sample_record(v1::KIND_BATCH, 1);
  auto& data = *batch.message.mutable_batch_data();
  for (const auto* name : {"batch_loss", "learning_rate", "ground_truth", "step", "predicted_class"})
    EXPECT_TRUE(is_absent(value_of(batch, name))) << name;
  EXPECT_EQ(std::get<std::int64_t>(value_of(batch, "batch_idx")), 0);
  data.set_batch_loss(0);
  EXPECT_EQ(std::get<double>(value_of(batch, "batch_loss")), 0);
  data.set_batch_loss(test::kNan);
  EXPECT_TRUE(std::isnan(std::get<double>(value_of(batch, "batch_loss"))));
  auto perf = test::sample_record(v1::KIND_PERF, 1);
  EXPECT_TRUE(is_absent(value_of(perf, "cpu_percent")));
  perf.message.mutable_performance_data()->mutable_resource_usage()->set_memory_mb(5);
  EXPECT_TRUE(is_absent(value_of(perf, "cpu_percent")));
  EXPECT_EQ(std::get<double>(value_of(perf, "memory_mb")), 5);
}

TEST(RecordColumns, ReadListsMapsAndEnumsOfAPayload) {
  auto batch = test::sample_record(v1::KIND_BATCH, 1);
  for (const float confidence : {0.5F, 0.25F})
    batch.message.mutable_batch_data()->add_predictions()->set_confidence(confidence);
  const auto list = std::get<ColumnList>(value_of(batch, "confidence"));
  ASSERT_EQ(list.size(), 2);
  EXPECT_EQ(std::get<float>(list[1]), 0.25F);

  const auto status = test::rich_status(1);
  EXPECT_EQ(std::get<std::string_view>(std::get<ColumnList>(value_of(status, "tags"))[1]), "night, long");
  EXPECT_EQ(std::get<std::string>(value_of(status, "parameters")),
            R"({"env/host":"a \"host\", with\nlines","lr":"0.1"})");

  auto command = test::sample_record(v1::KIND_COMMAND, 1);
  auto& set = *command.message.mutable_command();
  set.set_type(v1::SET_KNOB);
  set.set_state(v1::COMMAND_APPLIED);
  (*set.mutable_parameters())["name"] = "momentum";
  EXPECT_EQ(std::get<std::string>(value_of(command, "type")), "SET_KNOB");
  EXPECT_EQ(std::get<std::string>(value_of(command, "state")), "APPLIED");
  EXPECT_EQ(std::get<std::string_view>(value_of(command, "knob")), "momentum");
  EXPECT_TRUE(is_absent(value_of(command, "value")));
}

TEST(RecordColumns, GiveNamedValuesInTheOrderOfTheirNames) {
  RecordValues set;
  read_named_values(test::rich_scalars(1, 3).message, set);
  std::vector<std::string> names;
  for (const auto& value : set.values)
    names.emplace_back(value.name);
  EXPECT_THAT(names, ElementsAre("reward/0", "reward/1", "reward/2"));
  EXPECT_EQ(set.step, 2U);
  EXPECT_FALSE(set.epoch.has_value());
  read_named_values(test::sample_status(1, "").message, set);
  EXPECT_THAT(set.values, IsEmpty());
}

// "| `batch.csv`, `batches` | `step`, `ground_truth` (list of integers) |": real and integer go without saying.
std::string table_row(Kind kind) {
  auto row = "| `" + std::string(kind_name(kind)) + ".csv`, `" + std::string(record_table_name(kind)) + "` | ";
  for (const auto& column : record_columns(kind)) {
    if (!row.ends_with("| ")) row += ", ";
    row += '`' + column.name() + '`';
    const auto type = column_type_name(column.type());
    if (column.type() == ColumnType::kJson || type.starts_with("list")) row.append(" (").append(type).append(")");
  }
  return row + " |\n";
}

TEST(RecordColumns, AreInTheReadme) {
  std::ostringstream readme;
  readme << std::ifstream(TRAINBUS_SOURCE "/consumers/log/README.md").rdbuf();
  for (const auto kind : kKeptKinds) {
    if (kind == v1::KIND_SCALARS) continue;
    EXPECT_NE(readme.str().find(table_row(kind)), std::string::npos) << "it lacks\n" << table_row(kind);
  }
}

}  // namespace
}  // namespace trainbus
