#include "postgres_sink.hpp"

#include <algorithm>
#include <cctype>
#include <optional>
#include <pqxx/subtransaction>
#include <pqxx/tablewriter>
#include <utility>

#include "call_deadline.hpp"
#include "copy_line.hpp"
#include "database_schema.hpp"
#include "record_tables.hpp"
#include "trainbus/broker_info.hpp"
#include "trainbus/control_client.hpp"
#include "trainbus/port_probe.hpp"

namespace trainbus {
namespace {

constexpr std::chrono::milliseconds kGrace{2000};
constexpr std::chrono::milliseconds kAskBroker{1500};
constexpr char kHeadColumns[] = "site,kind,run,trainer,incarnation,sequence";

std::string quoted_name(const SinkOptions& options) {
  const auto name = options.text("schema");
  const auto is_plain = [](char each) { return std::isalnum(static_cast<unsigned char>(each)) || each == '_'; };
  if (name.empty() || name.size() > 63 || !std::ranges::all_of(name, is_plain))
    options.refuse("schema", "must be 1 to 63 letters, digits and _");
  return '"' + name + '"';
}

std::string site_name(const SinkOptions& options) {
  const auto name = options.text("site");
  if (!name.empty() && !valid_name(name)) options.refuse("site", "must be 1 to 64 letters, digits and . _ -");
  return name;
}

// "": it is away, or of a version that does not say.
std::string broker_id(const std::string& address) {
  if (!port_problem(parse_endpoints(address).control(), kAskBroker).text.empty()) return {};
  const auto stats = ControlClient(address).stats(kAskBroker);
  return stats ? broker_info(*stats, "id") : "";
}

// stream_to, which is to be used instead, takes fields and escapes each; these lines are ready.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
void copy(pqxx::dbtransaction& transaction, const std::string& table, const std::string& column_names,
          const std::string& lines) {
  const std::string columns[] = {column_names};
  pqxx::tablewriter writer(transaction, table, std::begin(columns), std::end(columns));
  writer.write_raw_line(lines.substr(0, lines.size() - 1));  // it adds the last line break
  writer.complete();
}
// A connection that breaks stays broken: open() makes the next one, with all that belongs to it.
void forbid_reconnecting(pqxx::connection& connection) { connection.inhibit_reactivation(true); }
#pragma GCC diagnostic pop

}  // namespace

PostgresSink::PostgresSink(const SinkOptions& options)
    : options_(options),
      server_(options.text("to"), options.duration("timeout")),
      schema_(quoted_name(options)),
      site_(site_name(options)),
      adopt_(options.flag("adopt")),
      timeout_(options.duration("timeout")) {
  if (server_.has_password() && !options.text("password_file").empty())
    options.refuse("password_file", "'to' has a password already");
}

template <typename Action>
void PostgresSink::asking(Action action) {
  // The server itself ends a statement at `timeout_`, if it can.
  std::optional<CallDeadline> deadline;
  if (connection_) deadline.emplace(connection_->sock(), timeout_ + kGrace);
  try {
    action();
  } catch (const std::exception& error) {
    throw std::runtime_error(deadline && deadline->passed() ? "the server hangs" : server_.one_line(error.what()));
  }
}

StreamHeads PostgresSink::open() {
  lines_.clear();
  known_lives_.clear();
  new_lives_.clear();
  heads_.clear();
  waiting_bytes_ = 0;
  connection_.reset();
  server_ = ServerAddress(options_.text("to"), timeout_, options_.line_of_file("password_file"));
  asking([&] { connect(); });
  StreamHeads heads;
  asking([&] {
    set_up();
    claimed_ = false;
    claim();
    heads = read_heads();
  });
  return heads;
}

void PostgresSink::connect() {
  connection_ = std::make_unique<pqxx::connection>(server_.conninfo());
  forbid_reconnecting(*connection_);
}

void PostgresSink::set_up() {
  connection_->set_variable("statement_timeout", std::to_string(timeout_.count()));
  connection_->set_variable("client_min_messages", "warning");
  if (const auto encoding = connection_->get_variable("server_encoding"); encoding != "UTF8")
    throw std::runtime_error(std::string("database '") + connection_->dbname() + "' has the encoding " + encoding +
                             ", and UTF8 is needed");
  pqxx::work transaction(*connection_);
  make_schema(transaction, schema_);
  for (const auto& table : record_tables())
    make_staging_table(transaction, schema_, table.name);
  make_staging_table(transaction, schema_, "heads");
  transaction.commit();
}

void PostgresSink::claim() {
  const auto id = broker_id(broker());
  if (id.empty()) return;
  pqxx::work transaction(*connection_);
  claim_site(transaction, schema_, site_, id, adopt_);
  transaction.commit();
  claimed_ = true;
}

StreamHeads PostgresSink::read_heads() {
  pqxx::work transaction(*connection_);
  StreamHeads heads;
  for (const auto& row : transaction.exec(std::string("SELECT ") + kHeadColumns + " FROM " + schema_ +
                                          ".heads WHERE site = " + transaction.quote(site_))) {
    const StreamKey stream{row[2].as<std::string>() + '/' + row[3].as<std::string>(),
                           static_cast<std::uint64_t>(row[4].as<std::int64_t>()),
                           kind_from_name(row[1].as<std::string>())};
    heads[stream] = static_cast<std::uint64_t>(row[5].as<std::int64_t>());
  }
  return heads;
}

void PostgresSink::write(const SinkRecord& record) {
  const auto stream = record.stream();
  waiting_bytes_ += append_copy_lines(lines_, record, site_);
  heads_[stream] = record.sequence();
  if (known_lives_.emplace(stream.session_id, stream.incarnation).second)
    new_lives_.emplace_back(stream.session_id, stream.incarnation);
  if (waiting_bytes_ >= kBufferBytes) flush();
}

void PostgresSink::flush() {
  if (heads_.empty()) return;
  asking([&] {
    if (!std::exchange(claimed_, true)) claim();
    pqxx::work transaction(*connection_);
    // The heads first: two writers of one stream wait for each other there, and nowhere crosswise.
    write_heads(transaction);
    write_lives(transaction);
    write_rows(transaction);
    transaction.commit();
  });
  for (auto& [table, lines] : lines_)
    lines.clear();
  new_lives_.clear();
  heads_.clear();
  waiting_bytes_ = 0;
}

void PostgresSink::write_heads(pqxx::work& transaction) {
  std::string lines;
  for (const auto& [stream, sequence] : heads_) {
    const auto slash = stream.session_id.find('/');
    CopyLine line(lines);
    line.text(site_).text(kind_name(stream.kind)).text(stream.session_id.substr(0, slash));
    line.text(stream.session_id.substr(slash + 1)).number(stream.incarnation).number(sequence).end();
  }
  copy(transaction, staging_table("heads"), kHeadColumns, lines);
  merge_heads(transaction, schema_, kHeadColumns);
}

// In the order in which they came, which is what the views go by.
void PostgresSink::write_lives(pqxx::work& transaction) {
  if (new_lives_.empty()) return;
  std::string rows;
  for (const auto& [session_id, incarnation] : new_lives_) {
    const auto slash = session_id.find('/');
    rows += rows.empty() ? "(" : ",(";
    rows += transaction.quote(site_) + ',' + transaction.quote(session_id.substr(0, slash)) + ',' +
            transaction.quote(session_id.substr(slash + 1)) + ',' +
            std::to_string(static_cast<std::int64_t>(incarnation)) + ')';
  }
  transaction.exec("INSERT INTO " + schema_ + ".lives(site, run, trainer, incarnation) VALUES " + rows +
                   " ON CONFLICT DO NOTHING");
}

void PostgresSink::write_rows(pqxx::work& transaction) {
  try {
    // Straight into the tables: their rows are new, unless somebody else writes the same records.
    pqxx::subtransaction straight(transaction);
    for_each_waiting([&](const RecordTable& table, const std::string& lines) {
      copy(straight, schema_ + '.' + table.name, table.column_names(), lines);
    });
    straight.commit();
  } catch (const pqxx::unique_violation&) {
    for_each_waiting([&](const RecordTable& table, const std::string& lines) {
      copy(transaction, staging_table(table.name), table.column_names(), lines);
      merge_rows(transaction, schema_, table.name, table.column_names());
    });
  }
}

template <typename Action>
void PostgresSink::for_each_waiting(Action action) {
  for (const auto& table : record_tables())
    if (const auto waiting = lines_.find(table.name); waiting != lines_.end() && !waiting->second.empty())
      action(table, waiting->second);
}

}  // namespace trainbus
