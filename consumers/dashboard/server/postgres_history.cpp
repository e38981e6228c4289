#include "postgres_history.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <stdexcept>

#include "call_deadline.hpp"
#include "record_rows.hpp"
#include "record_value.hpp"
#include "trainbus/bus_session.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

constexpr std::chrono::seconds kGrace{2};
constexpr int kLookEveryMs = 100;  // whether the dashboard stops
// What a broker says of the order of incarnations is above 0: whatever it lists is newer than what it has retired.
constexpr std::int64_t kBeforeAnyOfABroker = std::int64_t{1} << 60;

std::string quoted_schema(const std::string& name) {
  const auto is_plain = [](char each) {
    return (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') || (each >= '0' && each <= '9') || each == '_';
  };
  if (name.empty() || name.size() > 63 || !std::ranges::all_of(name, is_plain))
    throw std::invalid_argument("--history-schema '" + name + "': must be 1 to 63 letters, digits and _");
  return '"' + name + '"';
}

std::string names_of(const std::vector<const Column*>& columns, const std::string& prefix) {
  std::string names;
  for (const auto* column : columns)
    names += ", " + prefix + column->name();
  return names;
}

std::string plan_is_said() {
  std::string names;
  for (const auto* column : readable_columns(v1::KIND_STATUS))
    if (is_of_plan(*column)) names += (names.empty() ? "" : ", ") + column->name();
  return "AND num_nonnulls(" + names + ") > 0";
}

v1::MetricsRequest message_of(const SessionName& session, std::uint64_t incarnation, std::uint64_t sequence) {
  v1::MetricsRequest message;
  message.set_session_id(session.id());
  message.set_incarnation(incarnation);
  message.set_sequence(sequence);
  return message;
}

std::shared_ptr<const Record> record_of(Kind kind, const SessionName& session, std::int64_t life,
                                        v1::MetricsRequest message) {
  auto record = std::make_shared<Record>();
  record->topic = {kind, session};
  record->from_history = true;
  record->order = life - kBeforeAnyOfABroker;
  record->age_ms = std::max<std::int64_t>(0, unix_ms() - static_cast<std::int64_t>(message.timestamp_ms()));
  record->message = std::move(message);
  return record;
}

void add_value(Kind kind, v1::MetricsRequest& message, const std::string& name, double value) {
  switch (kind) {
    case v1::KIND_BATCH: (*message.mutable_batch_data()->mutable_scalars())[name] = value; break;
    case v1::KIND_EPOCH: (*message.mutable_epoch_data()->mutable_scalars())[name] = value; break;
    default: (*message.mutable_scalar_data()->mutable_values())[name] = value; break;
  }
}

std::size_t every_of(std::size_t rows) { return rows / History::kMaxRows + 1; }

}  // namespace

std::unique_ptr<History> open_history(const HistoryPlace& place) { return std::make_unique<PostgresHistory>(place); }

PostgresHistory::PostgresHistory(const HistoryPlace& place)
    : server_(place.database, kPatience, "", {"--history", "trainbus-dashboard"}),
      schema_(quoted_schema(place.schema)),
      site_(place.site) {
  if (server_.has_password())
    throw std::invalid_argument(
        "--history: a password on the command line can be seen by every user of this machine; give it in PGPASSFILE, "
        "~/.pgpass or a service file");
}

std::int64_t PostgresHistory::Rows::number(int row, int column) const {
  const auto digits = text(row, column);
  std::int64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

void PostgresHistory::connect() {
  if (connection_ && PQstatus(connection_.get()) == CONNECTION_OK) return;
  socket_ = -1;
  connection_.reset(PQconnectStart(server_.conninfo().c_str()));
  const auto until = std::chrono::steady_clock::now() + kPatience;
  for (auto state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK;) {
    if (stopping_) throw std::runtime_error("the dashboard stops");
    if (std::chrono::steady_clock::now() > until) throw std::runtime_error("the server does not let in within 10 s");
    if (state == PGRES_POLLING_FAILED || PQstatus(connection_.get()) == CONNECTION_BAD)
      throw std::runtime_error(server_.one_line(PQerrorMessage(connection_.get())));
    pollfd item{PQsocket(connection_.get()), static_cast<short>(state == PGRES_POLLING_READING ? POLLIN : POLLOUT), 0};
    if (poll(&item, 1, kLookEveryMs) > 0) state = PQconnectPoll(connection_.get());
  }
  socket_ = PQsocket(connection_.get());
  const auto limit = std::to_string(std::chrono::milliseconds(kPatience).count());
  const Rows set(PQexec(connection_.get(),
                        ("SET statement_timeout = " + limit + "; SET default_transaction_read_only = on").c_str()));
  if (PQresultStatus(set.get()) != PGRES_COMMAND_OK)
    throw std::runtime_error(server_.one_line(PQerrorMessage(connection_.get())));
}

// The server itself ends a statement in time, if it can; a connection that broke is made anew the next time.
PostgresHistory::Rows PostgresHistory::ask(const std::string& sql, const std::vector<std::string>& values) {
  if (stopping_) throw std::runtime_error("the dashboard stops");
  connect();
  std::vector<const char*> texts;
  for (const auto& value : values)
    texts.push_back(value.c_str());
  CallDeadline deadline(socket_, kPatience + kGrace);
  Rows rows(PQexecParams(connection_.get(), sql.c_str(), static_cast<int>(texts.size()), nullptr, texts.data(), nullptr,
                         nullptr, 0));
  if (PQresultStatus(rows.get()) == PGRES_TUPLES_OK) return rows;
  const auto why = deadline.passed() ? "the server hangs" : server_.one_line(PQerrorMessage(connection_.get()));
  connection_.reset();
  throw std::runtime_error(why);
}

void PostgresHistory::give_up() {
  stopping_ = true;
  if (const int socket = socket_; socket >= 0) shutdown(socket, SHUT_RDWR);
}

std::vector<std::string> PostgresHistory::key_of(const Life& life) const {
  return {site_, life.session.run, life.session.trainer, std::to_string(life.incarnation)};
}

namespace {

constexpr const char* kOfLife = " WHERE (site, run, trainer, incarnation) = ($1, $2, $3, $4::bigint) ";
// The newest life of each trainer, and how much there is of it.
constexpr const char* kTrainers =
    "SELECT life, run, trainer, incarnation, (SELECT coalesce(sum(sequence), 0)::bigint FROM $.heads h"
    " WHERE (h.site, h.run, h.trainer, h.incarnation) = ($1, newest.run, newest.trainer, newest.incarnation))"
    " FROM (SELECT * FROM (SELECT DISTINCT ON (run, trainer) life, run, trainer, incarnation FROM $.lives"
    " WHERE site = $1 AND run <> $2 ORDER BY run, trainer, life DESC) each ORDER BY life DESC LIMIT $3::bigint) newest";
constexpr const char* kChosen =
    "unnest($2::bigint[], $3::text[], $4::text[], $5::bigint[]) n(life, run, trainer, incarnation)";

std::string in_schema(std::string text, const std::string& schema) {
  for (auto at = text.find("$."); at != std::string::npos; at = text.find("$.", at))
    text.replace(at, 1, schema);
  return text;
}

}  // namespace

HistoryTrainers PostgresHistory::trainers() {
  const std::string bus_run(kBusRun);
  const auto rows = ask(in_schema(kTrainers, schema_), {site_, bus_run, std::to_string(kMaxTrainers)});
  HistoryTrainers answer;
  for (int row = 0; row < rows.size(); ++row) {
    SessionName session{std::string(rows.text(row, 1)), std::string(rows.text(row, 2))};
    if (!valid_name(session.run) || !valid_name(session.trainer)) continue;
    answer.trainers.push_back({std::move(session), static_cast<std::uint64_t>(rows.number(row, 3)), rows.number(row, 0),
                               static_cast<std::uint64_t>(rows.number(row, 4))});
  }
  const auto listed = static_cast<std::size_t>(rows.size());
  if (listed < kMaxTrainers) return answer;
  const auto total =
      ask("SELECT count(DISTINCT (run, trainer)) FROM " + table("lives") + " WHERE site = $1 AND run <> $2",
          {site_, bus_run});
  answer.left_out = std::max(static_cast<std::size_t>(total.number(0, 0)), listed) - listed;
  return answer;
}

// The newest record of a kind of each incarnation; `of` are the parameters of kChosen, after the site.
void PostgresHistory::add_newest(Kind kind, const std::string& where, std::size_t place,
                                 const std::vector<std::string>& of,
                                 std::map<std::pair<std::int64_t, std::size_t>, std::shared_ptr<const Record>>& found) {
  const auto columns = readable_columns(kind);
  const auto rows =
      ask(std::string("SELECT n.life, n.run, n.trainer, n.incarnation, r.* FROM ") + kChosen +
              " CROSS JOIN LATERAL (SELECT sequence, timestamp_ms" + names_of(columns, "") + " FROM " +
              table(record_table_name(kind)) +
              " t WHERE (t.site, t.run, t.trainer, t.incarnation) = ($1, n.run, n.trainer, n.incarnation) " + where +
              " ORDER BY sequence DESC LIMIT 1) r",
          of);
  for (int row = 0; row < rows.size(); ++row) {
    const SessionName session{std::string(rows.text(row, 1)), std::string(rows.text(row, 2))};
    auto message = message_of(session, static_cast<std::uint64_t>(rows.number(row, 3)),
                              static_cast<std::uint64_t>(rows.number(row, 4)));
    message.set_timestamp_ms(static_cast<std::uint64_t>(rows.number(row, 5)));
    auto& payload = payload_of_kind(kind, message);
    for (std::size_t i = 0; i < columns.size(); ++i)
      if (const int column = static_cast<int>(i) + 6; rows.has(row, column))
        set_column(payload, *columns[i], rows.text(row, column));
    found[{rows.number(row, 0), place}] = record_of(kind, session, rows.number(row, 0), std::move(message));
  }
}

HistoryRecords PostgresHistory::newest(const std::vector<HistoryTrainer>& of) {
  std::vector<std::string> chosen{site_, "{", "{", "{", "{"};
  for (const auto& one : of) {
    const char* comma = &one == &of.front() ? "" : ",";
    const auto incarnation = static_cast<std::int64_t>(one.incarnation);
    chosen[1] += comma + std::to_string(one.life);
    chosen[2] += comma + ('"' + one.session.run + '"');  // names have nothing to escape
    chosen[3] += comma + ('"' + one.session.trainer + '"');
    chosen[4] += comma + std::to_string(incarnation);
  }
  std::for_each(chosen.begin() + 1, chosen.end(), [](std::string& list) { list += '}'; });
  std::map<std::pair<std::int64_t, std::size_t>, std::shared_ptr<const Record>> found;
  add_newest(v1::KIND_STATUS, plan_is_said(), 0, chosen, found);
  add_newest(v1::KIND_BATCH, "", 1, chosen, found);
  add_newest(v1::KIND_EPOCH, "", 2, chosen, found);
  add_newest(v1::KIND_PERF, "", 3, chosen, found);
  add_newest(v1::KIND_STATUS, "", 4, chosen, found);
  HistoryRecords answer;
  for (auto& [key, record] : found)
    answer.records.push_back(std::move(record));
  return answer;
}

void PostgresHistory::read_rows(Kind kind, const Life& life, std::size_t every, Messages& messages) {
  const auto columns = readable_columns(kind);
  const auto rows =
      ask("SELECT sequence, timestamp_ms" + names_of(columns, "") + " FROM " + table(record_table_name(kind)) +
              kOfLife + "AND sequence % $5::bigint = 0 ORDER BY sequence" +
              (kind == v1::KIND_STATUS ? " DESC LIMIT " + std::to_string(kMaxStatuses) : ""),
          [&] {
            auto values = key_of(life);
            values.push_back(std::to_string(every));
            return values;
          }());
  for (int row = 0; row < rows.size(); ++row) {
    const auto sequence = static_cast<std::uint64_t>(rows.number(row, 0));
    auto message = message_of(life.session, life.incarnation, sequence);
    message.set_timestamp_ms(static_cast<std::uint64_t>(rows.number(row, 1)));
    auto& payload = payload_of_kind(kind, message);
    for (std::size_t i = 0; i < columns.size(); ++i)
      if (const int column = static_cast<int>(i) + 2; rows.has(row, column))
        set_column(payload, *columns[i], rows.text(row, column));
    messages[{kind, sequence}] = std::move(message);
  }
}

// Into the records of their sequences.
void PostgresHistory::read_values(const Life& life, Kind kind, std::size_t every, Messages& messages) {
  auto values = key_of(life);
  values.emplace_back(kind_name(kind));
  values.push_back(std::to_string(every));
  const auto rows = ask("SELECT sequence, timestamp_ms, step, epoch, name, value FROM " + table("scalars") + kOfLife +
                            "AND kind = $5 AND sequence % $6::bigint = 0",
                        values);
  for (int row = 0; row < rows.size(); ++row) {
    const auto sequence = static_cast<std::uint64_t>(rows.number(row, 0));
    const auto [at, is_new] =
        messages.try_emplace({kind, sequence}, message_of(life.session, life.incarnation, sequence));
    auto& message = at->second;
    if (is_new && kind != v1::KIND_SCALARS) {  // of a row that was left out
      messages.erase(at);
      continue;
    }
    if (is_new) {
      message.set_timestamp_ms(static_cast<std::uint64_t>(rows.number(row, 1)));
      if (rows.has(row, 2)) message.mutable_scalar_data()->set_step(static_cast<std::uint64_t>(rows.number(row, 2)));
      if (rows.has(row, 3)) message.mutable_scalar_data()->set_epoch(static_cast<std::int32_t>(rows.number(row, 3)));
    }
    add_value(kind, message, std::string(rows.text(row, 4)),
              std::strtod(std::string(rows.text(row, 5)).c_str(), nullptr));
  }
}

HistoryRecords PostgresHistory::all_of(const SessionName& session) {
  HistoryRecords answer;
  const auto lives = ask(
      "SELECT life, incarnation FROM " + table("lives") + " WHERE (site, run, trainer) = ($1, $2, $3) ORDER BY life",
      {site_, session.run, session.trainer});
  for (int row = 0; row < lives.size(); ++row) {
    const Life life{session, static_cast<std::uint64_t>(lives.number(row, 1)), lives.number(row, 0)};
    std::map<Kind, std::size_t> rows_of;  // the most that one table has of it
    const auto heads = ask("SELECT kind, sequence FROM " + table("heads") + kOfLife, key_of(life));
    for (int i = 0; i < heads.size(); ++i)
      rows_of[kind_from_name(heads.text(i, 0))] = static_cast<std::size_t>(heads.number(i, 1));
    const auto values = ask("SELECT kind, count(*) FROM " + table("scalars") + kOfLife + "GROUP BY kind", key_of(life));
    for (int i = 0; i < values.size(); ++i) {
      auto& most = rows_of[kind_from_name(values.text(i, 0))];
      most = std::max(most, static_cast<std::size_t>(values.number(i, 1)));
    }
    Messages messages;
    for (const Kind kind : {v1::KIND_STATUS, v1::KIND_BATCH, v1::KIND_EPOCH, v1::KIND_PERF, v1::KIND_SCALARS}) {
      if (!rows_of.contains(kind)) continue;
      const auto every = kind == v1::KIND_STATUS ? 1 : every_of(rows_of[kind]);
      answer.left_out += rows_of[kind] - rows_of[kind] / every;
      if (kind != v1::KIND_SCALARS) read_rows(kind, life, every, messages);
      if (has_named_values(kind)) read_values(life, kind, every, messages);
    }
    const auto first = answer.records.size();
    for (auto& [key, message] : messages)
      answer.records.push_back(record_of(key.first, session, life.number, std::move(message)));
    std::stable_sort(
        answer.records.begin() + static_cast<std::ptrdiff_t>(first), answer.records.end(),
        [](const auto& one, const auto& other) { return one->message.timestamp_ms() < other->message.timestamp_ms(); });
  }
  return answer;
}

JournalPoints PostgresHistory::points(const JournalRange& range) {
  const Life life{range.session, range.incarnation, 0};
  const auto bound = [](double x) {
    constexpr double kMost = 9e15;
    return std::to_string(static_cast<std::int64_t>(std::clamp(x, -kMost, kMost)));
  };
  auto values = key_of(life);
  values.push_back(bound(std::ceil(range.x_min)));
  values.push_back(bound(std::floor(range.x_max)));
  const std::string in_range = std::string(kOfLife) + "AND step BETWEEN $5::bigint AND $6::bigint ";
  const std::string most = " ORDER BY sequence LIMIT " + std::to_string(kMaxJournalRecords + 1);
  JournalPoints read;
  read.complete = true;
  const auto kinds = kinds_with(range.curve);
  if (kinds.size() == 1) {
    const auto columns = readable_columns(kinds.front());
    const auto rows = ask(
        "SELECT step" + names_of(columns, "") + " FROM " + table(record_table_name(kinds.front())) + in_range + most,
        values);
    v1::MetricsRequest message;
    for (int row = 0; row < rows.size(); ++row) {
      message.Clear();
      auto& payload = payload_of_kind(kinds.front(), message);
      for (std::size_t i = 0; i < columns.size(); ++i)
        if (const int column = static_cast<int>(i) + 1; rows.has(row, column))
          set_column(payload, *columns[i], rows.text(row, column));
      if (const auto value = value_in(message, range.curve))
        read.points.push_back({static_cast<double>(rows.number(row, 0)), *value});
    }
    read.complete = static_cast<std::size_t>(rows.size()) <= kMaxJournalRecords;
  } else {
    constexpr std::string_view kPrefix = "scalars/";
    const bool prefixed = range.curve.starts_with(kPrefix);
    values.push_back(range.curve);
    values.push_back(prefixed ? range.curve.substr(kPrefix.size()) : range.curve);
    const auto rows =
        ask("SELECT step, value FROM " + table("scalars") + in_range + "AND name IN ($7, $8)" + most, values);
    for (int row = 0; row < rows.size(); ++row)
      read.points.push_back(
          {static_cast<double>(rows.number(row, 0)), std::strtod(std::string(rows.text(row, 1)).c_str(), nullptr)});
    read.complete = static_cast<std::size_t>(rows.size()) <= kMaxJournalRecords;
  }
  sort_by_x(read.points);
  return read;
}

}  // namespace trainbus
