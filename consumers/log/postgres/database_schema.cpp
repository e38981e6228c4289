#include "database_schema.hpp"

#include "record_tables.hpp"

namespace trainbus {
namespace {

constexpr char kHeads[] =
    "kind text COLLATE \"C\" NOT NULL, run text COLLATE \"C\" NOT NULL, trainer text COLLATE \"C\" NOT NULL, "
    "incarnation bigint NOT NULL,"
    " sequence bigint NOT NULL, PRIMARY KEY (run, trainer, incarnation, kind)";

// One row per process life of a trainer: what it is (the newest status with a configuration), what it said last, and
// how many batches and epochs there are.
constexpr char kIncarnationsView[] = R"(
SELECT h.run, h.trainer, h.incarnation, to_timestamp((h.incarnation >> 20) / 1000.0) AS started,
       last.status, last.message, plan.model_name, plan.dataset_name, plan.total_epochs, plan.batches_per_epoch,
       plan.batch_size, plan.learning_rate, plan.class_names, h.batches, h.epochs
FROM (SELECT run, trainer, incarnation,
             coalesce(max(sequence) FILTER (WHERE kind = 'batch'), 0) AS batches,
             coalesce(max(sequence) FILTER (WHERE kind = 'epoch'), 0) AS epochs
      FROM $.heads GROUP BY run, trainer, incarnation) h
LEFT JOIN LATERAL (SELECT status, message FROM $.status s
                   WHERE (s.run, s.trainer, s.incarnation) = (h.run, h.trainer, h.incarnation)
                   ORDER BY sequence DESC LIMIT 1) last ON true
LEFT JOIN LATERAL (SELECT * FROM $.status s
                   WHERE (s.run, s.trainer, s.incarnation) = (h.run, h.trainer, h.incarnation)
                         AND total_epochs IS NOT NULL
                   ORDER BY sequence DESC LIMIT 1) plan ON true)";

// The newest life of each trainer.
constexpr char kTrainersView[] =
    "SELECT DISTINCT ON (run, trainer) * FROM $.incarnations ORDER BY run, trainer, incarnation DESC";

constexpr char kRunsView[] = R"(
SELECT run, count(DISTINCT trainer) AS trainers, count(*) AS incarnations, min(started) AS started,
       sum(batches)::bigint AS batches, sum(epochs)::bigint AS epochs
FROM $.incarnations GROUP BY run)";

std::string in_schema(std::string text, const std::string& schema) {
  for (auto at = text.find('$'); at != std::string::npos; at = text.find('$', at + schema.size()))
    text.replace(at, 1, schema);
  return text;
}

void insert_from_staging(pqxx::work& transaction, const std::string& schema, const std::string& table,
                         const std::string& columns, const std::string& on_conflict) {
  transaction.exec("INSERT INTO " + schema + '.' + table + '(' + columns + ") SELECT " + columns + " FROM " +
                   staging_table(table) + " ORDER BY run, trainer, incarnation, " +
                   (table == "heads" ? "kind" : "sequence") + " ON CONFLICT " + on_conflict);
}

}  // namespace

void make_schema(pqxx::work& transaction, const std::string& schema) {
  const auto name = transaction.quote(schema.substr(1, schema.size() - 2));
  // Asked of the catalogue's rows: to_regclass() may still say what was so before the lock.
  const auto is_there = [&](const std::string& table) {
    return !transaction
                .exec("SELECT FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid WHERE nspname = " +
                      name + table)
                .empty();
  };
  const std::string last_made = " AND relname = 'runs'";
  if (is_there(last_made)) return;
  transaction.exec("SELECT pg_advisory_xact_lock(hashtext('trainbus'))");
  if (is_there(last_made)) return;
  if (!is_there("")) transaction.exec("CREATE SCHEMA " + schema);
  transaction.exec("CREATE TABLE " + schema + ".heads (" + kHeads + ')');
  for (const auto& table : record_tables())
    transaction.exec("CREATE TABLE " + schema + '.' + table.name + " (" + table.definition() + ')');
  transaction.exec("CREATE VIEW " + schema + ".incarnations AS " + in_schema(kIncarnationsView, schema));
  transaction.exec("CREATE VIEW " + schema + ".trainers AS " + in_schema(kTrainersView, schema));
  transaction.exec("CREATE VIEW " + schema + ".runs AS " + in_schema(kRunsView, schema));
}

std::string staging_table(const std::string& table) { return "trainbus_new_" + table; }

void make_staging_table(pqxx::work& transaction, const std::string& schema, const std::string& table) {
  transaction.exec("CREATE TEMPORARY TABLE " + staging_table(table) + " (LIKE " + schema + '.' + table +
                   ") ON COMMIT DELETE ROWS");
}

void merge_rows(pqxx::work& transaction, const std::string& schema, const std::string& table,
                const std::string& columns) {
  insert_from_staging(transaction, schema, table, columns, "DO NOTHING");
}

void merge_heads(pqxx::work& transaction, const std::string& schema, const std::string& columns) {
  insert_from_staging(transaction, schema, "heads", columns,
                      "(run, trainer, incarnation, kind) DO UPDATE SET sequence = "
                      "greatest(heads.sequence, excluded.sequence)");
}

}  // namespace trainbus
